-- What does Connect itself say of first responses and messages, beside these tables, chat by chat?
-- Connect's figures (connect_…) are of the contact events, summed over the contacts of a chat; its
-- first response is counted from the agent's joining. Those that differ the most come first.
SELECT
    initial_contact_id,
    last_queue_arn,
    connect_first_response_ms / 1e3 AS connect_first_response_s,
    first_response_since_joined_ms / 1e3 AS first_response_since_joined_s,
    first_response_ms / 1e3 AS first_response_s,
    connect_messages,
    customer_messages + agent_messages + bot_messages + supervisor_messages + system_messages
    AS messages,
    connect_customer_messages,
    customer_messages,
    connect_agent_messages,
    agent_messages,
    connect_bot_messages,
    bot_messages + system_messages AS bot_and_system_messages,
    contacts_duration_ms / 6e4 AS connect_duration_min,
    transcript_duration_ms / 6e4 AS transcript_min
FROM conversations
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND connect_messages IS NOT NULL
ORDER BY
    abs(connect_first_response_ms - first_response_since_joined_ms) DESC NULLS LAST,
    initial_contact_id
LIMIT 100
