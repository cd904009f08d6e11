-- How long do customers wait for the first answer of an agent, by queue?
-- The queue is the one that answered; of a chat without an answer, the last one.
SELECT
    coalesce(responses.queue_arn, conversations.last_queue_arn) AS queue_arn,
    count(*) AS chats,
    count(responses.response_ms) AS answered,
    approx_percentile(responses.response_ms, 0.5) / 1e3 AS p50_s,
    approx_percentile(responses.response_ms, 0.9) / 1e3 AS p90_s
FROM conversations
LEFT JOIN responses
    ON conversations.chat_day = responses.chat_day
    AND conversations.initial_contact_id = responses.initial_contact_id
    AND responses.is_first
    AND responses.answered_role = 'AGENT'
WHERE
    conversations.chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND conversations.customer_messages > 0
GROUP BY coalesce(responses.queue_arn, conversations.last_queue_arn)
ORDER BY p90_s DESC NULLS LAST, queue_arn
LIMIT 100
