-- How long do customers wait for the first answer of an agent, by queue?
-- From their first message, and from when an agent was there for it; wait_for_agent_p50_s is the
-- time between the two. The queue is the one that answered; of a chat without an answer, the last.
SELECT
    coalesce(first_response_queue_arn, last_queue_arn) AS queue_arn,
    count(*) AS chats,
    count(first_response_ms) AS answered,
    element_at(
        array_agg(first_response_ms ORDER BY first_response_ms)
        FILTER (WHERE first_response_ms IS NOT NULL),
        CAST(ceil(0.5 * count(first_response_ms)) AS bigint)
    ) / 1e3 AS p50_s,
    element_at(
        array_agg(first_response_ms ORDER BY first_response_ms)
        FILTER (WHERE first_response_ms IS NOT NULL),
        CAST(ceil(0.9 * count(first_response_ms)) AS bigint)
    ) / 1e3 AS p90_s,
    element_at(
        array_agg(first_response_since_joined_ms ORDER BY first_response_since_joined_ms)
        FILTER (WHERE first_response_since_joined_ms IS NOT NULL),
        CAST(ceil(0.5 * count(first_response_since_joined_ms)) AS bigint)
    ) / 1e3 AS since_joined_p50_s,
    element_at(
        array_agg(first_response_since_joined_ms ORDER BY first_response_since_joined_ms)
        FILTER (WHERE first_response_since_joined_ms IS NOT NULL),
        CAST(ceil(0.9 * count(first_response_since_joined_ms)) AS bigint)
    ) / 1e3 AS since_joined_p90_s,
    element_at(
        array_agg(wait_for_agent_ms ORDER BY wait_for_agent_ms)
        FILTER (WHERE wait_for_agent_ms IS NOT NULL),
        CAST(ceil(0.5 * count(wait_for_agent_ms)) AS bigint)
    ) / 1e3 AS wait_for_agent_p50_s
FROM conversations
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND customer_messages > 0
GROUP BY coalesce(first_response_queue_arn, last_queue_arn)
ORDER BY p90_s DESC NULLS LAST, queue_arn
LIMIT 100
