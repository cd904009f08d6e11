-- Which answers did customers wait for the longest?
SELECT
    initial_contact_id,
    asked_at,
    answered_at,
    response_ms / 1e3 AS response_s,
    since_joined_ms / 1e3 AS since_joined_s,
    seen_after_ms / 1e3 AS seen_after_s,
    queue_arn,
    agent_arn,
    is_first
FROM responses
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND answered_role = 'AGENT'
ORDER BY response_ms DESC, initial_contact_id, answered_at
LIMIT 100
