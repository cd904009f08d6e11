-- What became of each chat: who took part, how long it lasted, how fast they answered and read?
-- One row per chat. Durations and waits are in milliseconds, times are UTC. Messages are counted as
-- they were written, those that message processing rejected, too. duration_ms is from the first to
-- the last of all times, contacts_duration_ms by contact events alone, transcript_duration_ms by
-- items alone. wait_for_agent_ms is from the customer's first message until an agent was there for
-- one; a first response is counted from that message, and from that agent's joining. not_seen_by_…
-- counts messages that were observed for 10 s and longer without being seen, known_to_… those of
-- which anything is known, once for each recipient: what agents saw is the customer's, what
-- customers saw is of all who wrote to them. connect_… are Connect's own figures of the contacts,
-- whose names events write with small or with capital letters.
WITH spoken AS (
    SELECT
        chat_day,
        initial_contact_id,
        contact_id,
        item_id,
        item_type,
        content_type,
        participant_id,
        participant_role,
        sent_at,
        item_type = 'MESSAGE'
        AND processing_status IS DISTINCT FROM 'REJECTED'
        AND sent_at IS NOT NULL
        AND participant_role IN ('AGENT', 'CUSTOMER') AS is_turn
    FROM messages
    WHERE related_contact_id IS NULL
),
turns AS (
    SELECT
        *,
        lag(participant_role) OVER (
            PARTITION BY chat_day, initial_contact_id, is_turn ORDER BY sent_at, item_id
        ) AS role_before
    FROM spoken
),
said AS (
    SELECT
        chat_day,
        initial_contact_id,
        contact_id,
        array_agg(DISTINCT participant_id) FILTER (
            WHERE participant_id IS NOT NULL
        ) AS participants,
        count_if(item_type = 'MESSAGE' AND participant_role = 'CUSTOMER') AS customer_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'AGENT') AS agent_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'CUSTOM_BOT') AS bot_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'SUPERVISOR') AS supervisor_messages,
        count_if(item_type = 'MESSAGE' AND participant_role = 'SYSTEM') AS system_messages,
        count_if(
            item_type = 'TRANSFER_SUCCEEDED' OR content_type LIKE '%.transfer.succeeded'
        ) AS transfers_told,
        min(sent_at) AS first_at,
        max(sent_at) AS last_at,
        min(CASE WHEN is_turn AND participant_role = 'CUSTOMER' THEN sent_at END) AS asked_at,
        min(
            CASE
                WHEN is_turn AND participant_role = 'AGENT' AND role_before = 'CUSTOMER'
                THEN sent_at
            END
        ) AS answered_at
    FROM turns
    GROUP BY chat_day, initial_contact_id, contact_id
),
metered AS (
    SELECT
        *,
        TRY_CAST(
            json_extract_scalar(
                lower(chat_metrics), '$.chatcontactmetrics.agentfirstresponsetimeinmillis'
            )
            AS bigint
        ) AS connect_first_response_ms,
        TRY_CAST(
            json_extract_scalar(lower(chat_metrics), '$.chatcontactmetrics.totalmessages')
            AS bigint
        ) AS connect_messages,
        TRY_CAST(
            json_extract_scalar(lower(chat_metrics), '$.chatcontactmetrics.totalbotmessages')
            AS bigint
        ) AS connect_bot_messages,
        TRY_CAST(
            json_extract_scalar(lower(chat_metrics), '$.customermetrics.messagessent') AS bigint
        ) AS connect_customer_messages,
        TRY_CAST(
            json_extract_scalar(lower(chat_metrics), '$.agentmetrics.messagessent') AS bigint
        ) AS connect_agent_messages
    FROM contacts
),
legs AS (
    SELECT
        metered.chat_day,
        metered.initial_contact_id,
        count(*) AS legs,
        count_if(
            metered.initiation_method IN ('TRANSFER', 'QUEUE_TRANSFER')
        ) AS transfers_initiated,
        min(metered.initiated_at) AS initiated_at,
        max(metered.disconnected_at) AS disconnected_at,
        coalesce(
            max_by(
                metered.queue_arn,
                CASE WHEN metered.queue_arn IS NOT NULL THEN metered.initiated_at END
            ),
            max(metered.queue_arn)
        ) AS last_queue_arn,
        coalesce(
            max_by(
                metered.agent_arn,
                CASE WHEN metered.agent_arn IS NOT NULL THEN metered.initiated_at END
            ),
            max(metered.agent_arn)
        ) AS last_agent_arn,
        min_by(metered.queue_arn, said.answered_at) AS first_response_queue_arn,
        max(metered.sources) AS sources,
        bool_or(metered.receipts_available) AS receipts_available,
        bool_and(metered.complete) AS complete,
        min_by(
            metered.connect_first_response_ms,
            CASE
                WHEN metered.connect_first_response_ms IS NOT NULL THEN metered.initiated_at
            END
        ) AS connect_first_response_ms,
        CAST(sum(metered.connect_messages) AS bigint) AS connect_messages,
        CAST(sum(metered.connect_customer_messages) AS bigint) AS connect_customer_messages,
        CAST(sum(metered.connect_agent_messages) AS bigint) AS connect_agent_messages,
        CAST(sum(metered.connect_bot_messages) AS bigint) AS connect_bot_messages,
        cardinality(array_distinct(flatten(array_agg(said.participants)))) AS participants,
        CAST(sum(said.customer_messages) AS bigint) AS customer_messages,
        CAST(sum(said.agent_messages) AS bigint) AS agent_messages,
        CAST(sum(said.bot_messages) AS bigint) AS bot_messages,
        CAST(sum(said.supervisor_messages) AS bigint) AS supervisor_messages,
        CAST(sum(said.system_messages) AS bigint) AS system_messages,
        CAST(sum(said.transfers_told) AS bigint) AS transfers_told,
        min(said.first_at) AS first_at,
        max(said.last_at) AS last_at,
        min(said.asked_at) AS asked_at,
        min(said.answered_at) AS answered_at
    FROM metered
    LEFT JOIN said
        ON metered.chat_day = said.chat_day
        AND metered.initial_contact_id = said.initial_contact_id
        AND metered.contact_id = said.contact_id
    GROUP BY metered.chat_day, metered.initial_contact_id
),
readings AS (
    SELECT
        chat_day,
        initial_contact_id,
        element_at(
            array_agg(read_latency_ms ORDER BY read_latency_ms)
            FILTER (WHERE recipient_role = 'CUSTOMER' AND read_latency_ms IS NOT NULL),
            CAST(
                ceil(
                    0.5 * count_if(recipient_role = 'CUSTOMER' AND read_latency_ms IS NOT NULL)
                )
                AS bigint
            )
        ) AS customer_reported_p50_ms,
        element_at(
            array_agg(read_latency_ms ORDER BY read_latency_ms)
            FILTER (
                WHERE
                    recipient_role = 'AGENT'
                    AND sender_role = 'CUSTOMER'
                    AND read_latency_ms IS NOT NULL
            ),
            CAST(
                ceil(
                    0.5 * count_if(
                        recipient_role = 'AGENT'
                        AND sender_role = 'CUSTOMER'
                        AND read_latency_ms IS NOT NULL
                    )
                )
                AS bigint
            )
        ) AS agent_reported_p50_ms,
        count_if(
            recipient_role = 'CUSTOMER' AND read_state <> 'unknown'
        ) AS known_to_customer,
        count_if(
            recipient_role = 'AGENT' AND sender_role = 'CUSTOMER' AND read_state <> 'unknown'
        ) AS known_to_agent,
        count_if(
            recipient_role = 'CUSTOMER' AND not_seen_for_ms >= 10000
        ) AS not_seen_by_customer,
        count_if(
            recipient_role = 'AGENT' AND sender_role = 'CUSTOMER' AND not_seen_for_ms >= 10000
        ) AS not_seen_by_agent,
        min(
            CASE
                WHEN recipient_role = 'AGENT' AND sender_role = 'CUSTOMER'
                THEN greatest(sent_at, recipient_joined_at)
            END
        ) AS agent_there_at
    FROM read_latency
    GROUP BY chat_day, initial_contact_id
)
SELECT
    legs.chat_day,
    legs.initial_contact_id,
    least(coalesce(legs.initiated_at, legs.first_at), coalesce(legs.first_at, legs.initiated_at))
    AS started_at,
    greatest(
        coalesce(legs.disconnected_at, legs.last_at), coalesce(legs.last_at, legs.disconnected_at)
    ) AS ended_at,
    date_diff(
        'millisecond',
        least(
            coalesce(legs.initiated_at, legs.first_at), coalesce(legs.first_at, legs.initiated_at)
        ),
        greatest(
            coalesce(legs.disconnected_at, legs.last_at),
            coalesce(legs.last_at, legs.disconnected_at)
        )
    ) AS duration_ms,
    date_diff('millisecond', legs.initiated_at, legs.disconnected_at) AS contacts_duration_ms,
    date_diff('millisecond', legs.first_at, legs.last_at) AS transcript_duration_ms,
    legs.last_queue_arn,
    legs.last_agent_arn,
    legs.legs,
    greatest(legs.transfers_initiated, coalesce(legs.transfers_told, 0)) AS transfers,
    coalesce(legs.participants, 0) AS participants,
    coalesce(legs.customer_messages, 0) AS customer_messages,
    coalesce(legs.agent_messages, 0) AS agent_messages,
    coalesce(legs.bot_messages, 0) AS bot_messages,
    coalesce(legs.supervisor_messages, 0) AS supervisor_messages,
    coalesce(legs.system_messages, 0) AS system_messages,
    date_diff('millisecond', legs.asked_at, readings.agent_there_at) AS wait_for_agent_ms,
    date_diff('millisecond', legs.asked_at, legs.answered_at) AS first_response_ms,
    CASE
        WHEN readings.agent_there_at <= legs.answered_at
        THEN date_diff('millisecond', readings.agent_there_at, legs.answered_at)
    END AS first_response_since_joined_ms,
    legs.first_response_queue_arn,
    readings.customer_reported_p50_ms,
    readings.agent_reported_p50_ms,
    coalesce(readings.known_to_customer, 0) AS known_to_customer,
    coalesce(readings.known_to_agent, 0) AS known_to_agent,
    coalesce(readings.not_seen_by_customer, 0) AS not_seen_by_customer,
    coalesce(readings.not_seen_by_agent, 0) AS not_seen_by_agent,
    legs.connect_first_response_ms,
    legs.connect_messages,
    legs.connect_customer_messages,
    legs.connect_agent_messages,
    legs.connect_bot_messages,
    legs.sources,
    legs.receipts_available,
    legs.complete
FROM legs
LEFT JOIN readings
    ON legs.chat_day = readings.chat_day
    AND legs.initial_contact_id = readings.initial_contact_id
