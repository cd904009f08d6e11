-- In which queues do messages of customers lie unread the longest?
SELECT
    queue_arn,
    count(*) AS messages,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    CAST(count_if(read_state = 'unread') AS double)
    / nullif(count_if(read_state <> 'unknown'), 0) AS share_unread
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND sender_role = 'CUSTOMER'
    AND recipient_role = 'AGENT'
GROUP BY queue_arn
ORDER BY p90_s DESC NULLS LAST, queue_arn
LIMIT 100
