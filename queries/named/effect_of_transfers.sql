-- Do chats with transfers answer later, last longer and leave more messages not seen?
-- Shares are of the messages of which anything is known, not_seen those that were observed for 10 s
-- and longer: of chats they would grow with the number of messages in each.
SELECT
    transfers,
    count(*) AS chats,
    element_at(
        array_agg(first_response_ms ORDER BY first_response_ms)
        FILTER (WHERE first_response_ms IS NOT NULL),
        CAST(ceil(0.5 * count(first_response_ms)) AS bigint)
    ) / 1e3 AS first_response_p50_s,
    element_at(
        array_agg(first_response_since_joined_ms ORDER BY first_response_since_joined_ms)
        FILTER (WHERE first_response_since_joined_ms IS NOT NULL),
        CAST(ceil(0.5 * count(first_response_since_joined_ms)) AS bigint)
    ) / 1e3 AS since_joined_p50_s,
    element_at(
        array_agg(duration_ms ORDER BY duration_ms) FILTER (WHERE duration_ms IS NOT NULL),
        CAST(ceil(0.5 * count(duration_ms)) AS bigint)
    ) / 6e4 AS duration_p50_min,
    CAST(sum(known_to_customer) AS bigint) AS known_to_customers,
    CAST(sum(not_seen_by_customer) AS double)
    / nullif(sum(known_to_customer), 0) AS share_not_seen_by_customers,
    CAST(sum(known_to_agent) AS bigint) AS known_to_agents,
    CAST(sum(not_seen_by_agent) AS double)
    / nullif(sum(known_to_agent), 0) AS share_not_seen_by_agents
FROM conversations
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY transfers
ORDER BY transfers
