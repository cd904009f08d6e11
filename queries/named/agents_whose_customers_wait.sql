-- Whose customers wait the longest for an answer, and how much of it passes before they are read?
-- since_joined_… leaves out the time before an agent was there. seen_after_… are of answers_seen:
-- those to messages whose reading was reported, of their own or by a later one.
SELECT
    agent_arn,
    count(*) AS answers,
    element_at(
        array_agg(response_ms ORDER BY response_ms), CAST(ceil(0.5 * count(*)) AS bigint)
    ) / 1e3 AS response_p50_s,
    element_at(
        array_agg(response_ms ORDER BY response_ms), CAST(ceil(0.9 * count(*)) AS bigint)
    ) / 1e3 AS response_p90_s,
    element_at(
        array_agg(since_joined_ms ORDER BY since_joined_ms)
        FILTER (WHERE since_joined_ms IS NOT NULL),
        CAST(ceil(0.5 * count(since_joined_ms)) AS bigint)
    ) / 1e3 AS since_joined_p50_s,
    element_at(
        array_agg(since_joined_ms ORDER BY since_joined_ms)
        FILTER (WHERE since_joined_ms IS NOT NULL),
        CAST(ceil(0.9 * count(since_joined_ms)) AS bigint)
    ) / 1e3 AS since_joined_p90_s,
    count(seen_after_ms) AS answers_seen,
    element_at(
        array_agg(seen_after_ms ORDER BY seen_after_ms) FILTER (WHERE seen_after_ms IS NOT NULL),
        CAST(ceil(0.5 * count(seen_after_ms)) AS bigint)
    ) / 1e3 AS seen_after_p50_s,
    element_at(
        array_agg(seen_after_ms ORDER BY seen_after_ms) FILTER (WHERE seen_after_ms IS NOT NULL),
        CAST(ceil(0.9 * count(seen_after_ms)) AS bigint)
    ) / 1e3 AS seen_after_p90_s
FROM responses
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND answered_role = 'AGENT'
GROUP BY agent_arn
ORDER BY response_p90_s DESC, agent_arn
LIMIT 100
