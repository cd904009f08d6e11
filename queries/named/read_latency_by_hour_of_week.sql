-- At which hours of the week do agents leave messages of customers unread the longest?
-- Hours are UTC; day_of_week is 1 on Mondays.
SELECT
    day_of_week(sent_at) AS day_of_week,
    hour(sent_at) AS hour,
    count(*) AS messages,
    approx_percentile(read_latency_ms, 0.5) / 1e3 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1e3 AS p90_s
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND sender_role = 'CUSTOMER'
    AND recipient_role = 'AGENT'
GROUP BY day_of_week(sent_at), hour(sent_at)
ORDER BY day_of_week, hour
