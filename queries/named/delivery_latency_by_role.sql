-- How long do messages take to reach the other side's client?
-- Of the deliveries that were reported.
SELECT
    sender_role,
    recipient_role,
    count(delivery_latency_ms) AS messages_delivered,
    count_if(delivery_latency_ms < 0) AS clocks_differ,
    element_at(
        array_agg(delivery_latency_ms ORDER BY delivery_latency_ms)
        FILTER (WHERE delivery_latency_ms IS NOT NULL),
        CAST(ceil(0.5 * count(delivery_latency_ms)) AS bigint)
    ) / 1e3 AS p50_s,
    element_at(
        array_agg(delivery_latency_ms ORDER BY delivery_latency_ms)
        FILTER (WHERE delivery_latency_ms IS NOT NULL),
        CAST(ceil(0.9 * count(delivery_latency_ms)) AS bigint)
    ) / 1e3 AS p90_s,
    element_at(
        array_agg(delivery_latency_ms ORDER BY delivery_latency_ms)
        FILTER (WHERE delivery_latency_ms IS NOT NULL),
        CAST(ceil(0.99 * count(delivery_latency_ms)) AS bigint)
    ) / 1e3 AS p99_s
FROM read_latency
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY sender_role, recipient_role
ORDER BY messages_delivered DESC, sender_role, recipient_role
