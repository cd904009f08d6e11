-- What became of each chat: who took part, how long it lasted, how fast they answered and read?
-- One row per chat. Durations and waits are in milliseconds, times are UTC. unread_by_… counts
-- messages that were never read, once for each who did not, as far as receipts are available. What
-- agents read and left unread is the customer's; what customers did is of all who wrote to them.
-- Messages are counted as they were written, those that message processing rejected, too.
WITH legs AS (
    SELECT
        chat_day,
        initial_contact_id,
        count(*) AS legs,
        count_if(
            initiation_method IN ('TRANSFER', 'QUEUE_TRANSFER')
        ) AS transfers_initiated,
        min(CAST(initiated_at AT TIME ZONE 'UTC' AS timestamp(3))) AS initiated_at,
        max(CAST(disconnected_at AT TIME ZONE 'UTC' AS timestamp(3))) AS disconnected_at,
        coalesce(
            max_by(queue_arn, CASE WHEN queue_arn IS NOT NULL THEN initiated_at END),
            max(queue_arn)
        ) AS last_queue_arn,
        coalesce(
            max_by(agent_arn, CASE WHEN agent_arn IS NOT NULL THEN initiated_at END),
            max(agent_arn)
        ) AS last_agent_arn,
        max(sources) AS sources,
        bool_or(receipts_available) AS receipts_available,
        bool_and(complete) AS complete
    FROM contacts
    GROUP BY chat_day, initial_contact_id
),
said AS (
    SELECT
        chat_day,
        initial_contact_id,
        count(DISTINCT participant_id) AS participants,
        count_if(item_type = 'MESSAGE' AND participant_role = 'CUSTOMER') AS customer_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'AGENT') AS agent_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'CUSTOM_BOT') AS bot_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'SUPERVISOR') AS supervisor_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'SYSTEM') AS system_messages,
        count_if(
            item_type = 'TRANSFER_SUCCEEDED' OR content_type LIKE '%.transfer.succeeded'
        ) AS transfers_told,
        min(CAST(sent_at AT TIME ZONE 'UTC' AS timestamp(3))) AS first_at,
        max(CAST(sent_at AT TIME ZONE 'UTC' AS timestamp(3))) AS last_at
    FROM messages
    WHERE related_contact_id IS NULL
    GROUP BY chat_day, initial_contact_id
),
readings AS (
    SELECT
        chat_day,
        initial_contact_id,
        approx_percentile(
            CASE WHEN recipient_role = 'CUSTOMER' THEN read_latency_ms END, 0.5
        ) AS customer_read_p50_ms,
        approx_percentile(
            CASE
                WHEN recipient_role = 'AGENT' AND sender_role = 'CUSTOMER' THEN read_latency_ms
            END,
            0.5
        ) AS agent_read_p50_ms,
        count_if(recipient_role = 'CUSTOMER' AND read_state = 'unread') AS unread_by_customer,
        count_if(
            recipient_role = 'AGENT' AND sender_role = 'CUSTOMER' AND read_state = 'unread'
        ) AS unread_by_agent
    FROM read_latency
    GROUP BY chat_day, initial_contact_id
),
first_answers AS (
    SELECT
        chat_day,
        initial_contact_id,
        min(response_ms) AS first_response_ms
    FROM responses
    WHERE is_first AND answered_role = 'AGENT'
    GROUP BY chat_day, initial_contact_id
)
SELECT
    legs.chat_day,
    legs.initial_contact_id,
    least(coalesce(legs.initiated_at, said.first_at), coalesce(said.first_at, legs.initiated_at))
    AS started_at,
    greatest(
        coalesce(legs.disconnected_at, said.last_at), coalesce(said.last_at, legs.disconnected_at)
    ) AS ended_at,
    date_diff(
        'millisecond',
        least(
            coalesce(legs.initiated_at, said.first_at), coalesce(said.first_at, legs.initiated_at)
        ),
        greatest(
            coalesce(legs.disconnected_at, said.last_at),
            coalesce(said.last_at, legs.disconnected_at)
        )
    ) AS duration_ms,
    legs.last_queue_arn,
    legs.last_agent_arn,
    legs.legs,
    greatest(legs.transfers_initiated, coalesce(said.transfers_told, 0)) AS transfers,
    coalesce(said.participants, 0) AS participants,
    coalesce(said.customer_messages, 0) AS customer_messages,
    coalesce(said.agent_messages, 0) AS agent_messages,
    coalesce(said.bot_messages, 0) AS bot_messages,
    coalesce(said.supervisor_messages, 0) AS supervisor_messages,
    coalesce(said.system_messages, 0) AS system_messages,
    first_answers.first_response_ms,
    readings.customer_read_p50_ms,
    readings.agent_read_p50_ms,
    coalesce(readings.unread_by_customer, 0) AS unread_by_customer,
    coalesce(readings.unread_by_agent, 0) AS unread_by_agent,
    legs.sources,
    legs.receipts_available,
    legs.complete
FROM legs
LEFT JOIN said
    ON legs.chat_day = said.chat_day AND legs.initial_contact_id = said.initial_contact_id
LEFT JOIN readings
    ON legs.chat_day = readings.chat_day
    AND legs.initial_contact_id = readings.initial_contact_id
LEFT JOIN first_answers
    ON legs.chat_day = first_answers.chat_day
    AND legs.initial_contact_id = first_answers.initial_contact_id
