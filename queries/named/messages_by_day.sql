-- How many chats and messages were there each day, and how many of the messages have a receipt?
SELECT
    date(sent_at) AS day,
    count(DISTINCT initial_contact_id) AS chats,
    count(*) AS messages,
    count_if(receipt_count > 0) AS messages_with_receipt
FROM messages
WHERE item_type = 'MESSAGE' AND related_contact_id IS NULL
GROUP BY date(sent_at)
ORDER BY day
