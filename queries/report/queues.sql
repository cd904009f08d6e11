-- How long do messages lie unread in each queue, and how many stay so?
SELECT
    queue_arn,
    sender_role,
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
GROUP BY queue_arn, sender_role, recipient_role
ORDER BY messages DESC, queue_arn, sender_role, recipient_role
LIMIT 500
