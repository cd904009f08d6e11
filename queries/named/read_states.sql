-- Of how many messages is it known whether they were read?
-- read: reported; read_implied: a later one was; unread: neither; unknown: no receipts at all.
SELECT
    sender_role,
    recipient_role,
    read_state,
    count(*) AS messages
FROM read_latency
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY sender_role, recipient_role, read_state
ORDER BY sender_role, recipient_role, read_state
