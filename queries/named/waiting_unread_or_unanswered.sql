-- Of the time that somebody waits for an answer, how much passes before the message is read?
-- The last three means are of answers to messages whose reading is known.
SELECT
    answered_role,
    count(*) AS answers,
    count(unread_ms) AS answers_to_read_messages,
    avg(response_ms) / 1e3 AS all_response_mean_s,
    avg(CASE WHEN unread_ms IS NOT NULL THEN response_ms END) / 1e3 AS response_mean_s,
    avg(unread_ms) / 1e3 AS unread_mean_s,
    avg(CASE WHEN unread_ms IS NOT NULL THEN response_ms - unread_ms END) / 1e3
    AS read_to_answer_mean_s
FROM responses
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY answered_role
ORDER BY answered_role
