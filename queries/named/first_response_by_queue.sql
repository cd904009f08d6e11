-- How long do customers wait for the first answer of an agent, by queue?
SELECT
    last_queue_arn,
    count(*) AS chats,
    count(first_response_ms) AS answered,
    approx_percentile(first_response_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(first_response_ms, 0.9) / 1000.0 AS p90_s
FROM conversations
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND customer_messages > 0
GROUP BY last_queue_arn
ORDER BY p90_s DESC NULLS LAST, last_queue_arn
LIMIT 100
