-- Of the time that somebody waits for an answer, how much passes before the message is seen?
-- The last three means are of the answers_seen: those to messages whose reading was reported, of
-- their own or by a later one.
SELECT
    answered_role,
    count(*) AS answers,
    count(seen_after_ms) AS answers_seen,
    avg(response_ms) / 1e3 AS all_response_mean_s,
    avg(CASE WHEN seen_after_ms IS NOT NULL THEN response_ms END) / 1e3 AS response_mean_s,
    avg(seen_after_ms) / 1e3 AS seen_after_mean_s,
    avg(CASE WHEN seen_after_ms IS NOT NULL THEN response_ms - seen_after_ms END) / 1e3
    AS seen_to_answer_mean_s
FROM responses
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY answered_role
ORDER BY answered_role
