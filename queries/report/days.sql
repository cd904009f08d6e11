-- How long did messages lie unread, by the day on which the chats began?
SELECT
    chat_day,
    recipient_role,
    count(read_latency_ms) AS messages_read,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    approx_percentile(read_latency_ms, 0.95) / 1000.0 AS p95_s,
    approx_percentile(read_latency_ms, 0.99) / 1000.0 AS p99_s
FROM readings
WHERE recipient_role IN ('AGENT', 'CUSTOMER')
GROUP BY chat_day, recipient_role
HAVING count(read_latency_ms) > 0
ORDER BY chat_day, recipient_role
