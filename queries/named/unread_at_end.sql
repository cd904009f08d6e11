-- Which chats ended with messages that somebody had not read?
-- Those with the most unread by agents first. Only chats whose receipts are available.
SELECT
    initial_contact_id,
    ended_at,
    last_queue_arn,
    last_agent_arn,
    unread_by_agent,
    unread_by_customer,
    customer_messages,
    agent_messages
FROM conversations
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND receipts_available
    AND unread_by_agent + unread_by_customer > 0
ORDER BY unread_by_agent DESC, unread_by_customer DESC, initial_contact_id
LIMIT 100
