-- How many messages reached a client and were never read there, by day and by whom?
-- One that was read had reached it: clients leave its delivery out if they report the reading first.
SELECT
    chat_day,
    sender_role,
    recipient_role,
    count(*) AS delivered,
    count_if(read_state = 'unread') AS never_read,
    CAST(count_if(read_state = 'unread') AS double) / count(*) AS share
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND (delivered_at IS NOT NULL OR read_at IS NOT NULL)
GROUP BY chat_day, sender_role, recipient_role
ORDER BY chat_day, sender_role, recipient_role
