-- When in the week do messages of customers lie unread, as agents read them?
SELECT
    day_of_week(hour) AS day_of_week,
    hour(hour) AS hour_of_day,
    count(read_latency_ms) AS messages_read,
    approx_percentile(read_latency_ms, 0.5) / 1e3 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1e3 AS p90_s
FROM readings
WHERE sender_role = 'CUSTOMER' AND recipient_role = 'AGENT'
GROUP BY 1, 2
HAVING count(read_latency_ms) > 0
ORDER BY 1, 2
