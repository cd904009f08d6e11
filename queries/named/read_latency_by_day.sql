-- Do messages lie unread longer than they used to, day by day?
SELECT
    chat_day,
    recipient_role,
    count(read_latency_ms) AS messages_read,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    CAST(count_if(read_state = 'unread') AS double)
    / nullif(count_if(read_state <> 'unknown'), 0) AS share_unread
FROM read_latency
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY chat_day, recipient_role
ORDER BY chat_day, recipient_role
