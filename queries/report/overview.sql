-- How many messages were there, and what became of them, by who was to read them?
SELECT
    recipient_role,
    count(*) AS messages,
    count_if(read_state = 'read') AS messages_read,
    count_if(read_state = 'read_implied') AS messages_read_implied,
    count_if(read_state = 'unread') AS messages_unread,
    count_if(read_state = 'unknown') AS messages_unknown,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    approx_percentile(read_latency_ms, 0.95) / 1000.0 AS p95_s,
    approx_percentile(read_latency_ms, 0.99) / 1000.0 AS p99_s
FROM readings
GROUP BY recipient_role
ORDER BY messages DESC, recipient_role
