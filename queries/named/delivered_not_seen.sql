-- How many messages reached a client and were not seen there for 10 s, by day and by whom?
-- One that was read had reached it: clients leave its delivery out if they report the reading
-- first. not_seen are those that were observed for 10 s and longer; whether they were seen later
-- nobody knows.
SELECT
    chat_day,
    sender_role,
    recipient_role,
    count(*) AS delivered,
    count_if(not_seen_for_ms >= 10000) AS not_seen,
    CAST(count_if(not_seen_for_ms >= 10000) AS double) / count(*) AS share
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND (delivered_at IS NOT NULL OR read_at IS NOT NULL)
GROUP BY chat_day, sender_role, recipient_role
ORDER BY chat_day, sender_role, recipient_role
