-- How many chats and messages were there each day, and how many of the messages have a receipt?
SELECT
    chat_day,
    count(DISTINCT initial_contact_id) AS chats,
    count(*) AS messages,
    count_if(receipt_count > 0) AS messages_with_receipt
FROM messages
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND item_type = 'MESSAGE'
GROUP BY chat_day
ORDER BY chat_day
