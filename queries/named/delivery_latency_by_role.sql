-- How long do messages take to reach the other side's client?
SELECT
    sender_role,
    recipient_role,
    count(delivery_latency_ms) AS messages_delivered,
    count_if(delivery_latency_ms < 0) AS clocks_differ,
    approx_percentile(delivery_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(delivery_latency_ms, 0.9) / 1000.0 AS p90_s,
    approx_percentile(delivery_latency_ms, 0.99) / 1000.0 AS p99_s
FROM read_latency
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY sender_role, recipient_role
ORDER BY messages_delivered DESC, sender_role, recipient_role
