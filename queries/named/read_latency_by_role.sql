-- How long do messages lie unread, by who sent them to whom?
-- Counts only messages whose reading was reported; see unread_share for the others.
SELECT
    sender_role,
    recipient_role,
    count(*) AS messages_read,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    approx_percentile(read_latency_ms, 0.95) / 1000.0 AS p95_s,
    approx_percentile(read_latency_ms, 0.99) / 1000.0 AS p99_s
FROM receipts
WHERE read_latency_ms IS NOT NULL
GROUP BY sender_role, recipient_role
ORDER BY messages_read DESC, sender_role, recipient_role
