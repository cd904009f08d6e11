-- Do customers read bots as fast as agents?
SELECT
    sender_role,
    count(*) AS messages,
    count(read_latency_ms) AS messages_read,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    CAST(count_if(read_state = 'unread') AS double)
    / nullif(count_if(read_state <> 'unknown'), 0) AS share_unread
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND recipient_role = 'CUSTOMER'
    AND sender_role IN ('AGENT', 'CUSTOM_BOT', 'SYSTEM')
GROUP BY sender_role
ORDER BY sender_role
