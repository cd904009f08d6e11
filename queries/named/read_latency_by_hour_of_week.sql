-- At which hours of the week do messages of customers lie unread the longest?
-- Hours are UTC; day_of_week is 1 on Mondays.
SELECT
    day_of_week(sent_at) AS day_of_week,
    hour(sent_at) AS hour,
    count(*) AS messages,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND sender_role = 'CUSTOMER'
GROUP BY day_of_week(sent_at), hour(sent_at)
ORDER BY day_of_week, hour
