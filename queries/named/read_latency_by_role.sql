-- How long do messages lie unread, by who sent them to whom?
-- Percentiles are of the messages whose reading was reported; share_unread shows what they hide.
SELECT
    sender_role,
    recipient_role,
    count(*) AS messages,
    count(read_latency_ms) AS messages_read,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    approx_percentile(read_latency_ms, 0.95) / 1000.0 AS p95_s,
    approx_percentile(read_latency_ms, 0.99) / 1000.0 AS p99_s,
    CAST(count_if(read_state = 'unread') AS double)
    / nullif(count_if(read_state <> 'unknown'), 0) AS share_unread
FROM read_latency
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY sender_role, recipient_role
ORDER BY messages DESC, sender_role, recipient_role
