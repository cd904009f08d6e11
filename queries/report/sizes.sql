-- How many messages are there of each day? Readings are made of a few days at a time.
SELECT
    chat_day,
    coalesce(sum(message_count), 0) AS messages
FROM contacts
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY chat_day
ORDER BY chat_day
