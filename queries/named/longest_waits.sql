-- Which answers did customers wait for the longest?
SELECT
    initial_contact_id,
    asked_at,
    answered_at,
    response_ms / 1000.0 AS response_s,
    unread_ms / 1000.0 AS unread_s,
    queue_arn,
    agent_arn,
    is_first
FROM responses
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND answered_role = 'AGENT'
ORDER BY response_ms DESC, initial_contact_id
LIMIT 100
