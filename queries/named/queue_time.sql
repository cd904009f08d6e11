-- How long do chats wait in each queue until an agent is connected, and how many leave before?
-- Of contact events, a contact each: from entering the queue to the agent's connection, or to the
-- end of those that never were connected. Chats without contact events are not here.
WITH queued AS (
    SELECT
        queue_arn,
        date_diff('millisecond', enqueued_at, connected_to_agent_at) AS waited_ms,
        CASE
            WHEN connected_to_agent_at IS NULL
            THEN date_diff('millisecond', enqueued_at, disconnected_at)
        END AS left_after_ms
    FROM contacts
    WHERE
        chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
        AND enqueued_at IS NOT NULL
)
SELECT
    queue_arn,
    count(*) AS contacts,
    count(waited_ms) AS connected,
    count(left_after_ms) AS left_before,
    element_at(
        array_agg(waited_ms ORDER BY waited_ms) FILTER (WHERE waited_ms IS NOT NULL),
        CAST(ceil(0.5 * count(waited_ms)) AS bigint)
    ) / 1e3 AS connected_p50_s,
    element_at(
        array_agg(waited_ms ORDER BY waited_ms) FILTER (WHERE waited_ms IS NOT NULL),
        CAST(ceil(0.9 * count(waited_ms)) AS bigint)
    ) / 1e3 AS connected_p90_s,
    element_at(
        array_agg(left_after_ms ORDER BY left_after_ms) FILTER (WHERE left_after_ms IS NOT NULL),
        CAST(ceil(0.5 * count(left_after_ms)) AS bigint)
    ) / 1e3 AS left_p50_s
FROM queued
GROUP BY queue_arn
ORDER BY connected_p90_s DESC NULLS LAST, queue_arn
LIMIT 100
