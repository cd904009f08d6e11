-- Whose customers wait the longest for an answer, and for how long of it are they unread?
-- What they are unread is of answers to messages whose reading is known.
SELECT
    agent_arn,
    count(*) AS answers,
    count(unread_ms) AS answers_to_read_messages,
    approx_percentile(response_ms, 0.5) / 1e3 AS response_p50_s,
    approx_percentile(response_ms, 0.9) / 1e3 AS response_p90_s,
    approx_percentile(unread_ms, 0.5) / 1e3 AS unread_p50_s,
    approx_percentile(unread_ms, 0.9) / 1e3 AS unread_p90_s
FROM responses
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND answered_role = 'AGENT'
GROUP BY agent_arn
ORDER BY response_p90_s DESC, agent_arn
LIMIT 100
