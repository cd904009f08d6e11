-- How long did each message lie unread, for each of those it was for?
-- One row per message and recipient. Recipients are those with a receipt for the message, and
-- every other customer or agent who was in the chat when it was sent. Clients report only the
-- newest message of a burst: read_by_at is when a message was read at the latest, because the
-- recipient read a later one of the same sender by then; one that was sent at no known time says
-- nothing of others. What message processing rejected was delivered to nobody and is left out.
-- Times are UTC.
WITH sent AS (
    SELECT
        chat_day,
        initial_contact_id,
        contact_id,
        item_id AS message_id,
        participant_id AS sender_participant_id,
        participant_role AS sender_role,
        length(content) AS message_length,
        CAST(sent_at AT TIME ZONE 'UTC' AS timestamp(3)) AS sent_at
    FROM messages
    WHERE
        item_type = 'MESSAGE'
        AND related_contact_id IS NULL
        AND processing_status IS DISTINCT FROM 'REJECTED'
),
moves AS (
    SELECT
        chat_day,
        initial_contact_id,
        participant_id,
        participant_role,
        item_type = 'PARTICIPANT_JOINED' OR content_type LIKE '%.participant.joined' AS joins,
        CAST(sent_at AT TIME ZONE 'UTC' AS timestamp(3)) AS moved_at,
        item_id
    FROM messages
    WHERE
        related_contact_id IS NULL
        AND participant_role IN ('AGENT', 'CUSTOMER')
        AND (
            item_type IN ('PARTICIPANT_JOINED', 'PARTICIPANT_LEFT')
            OR content_type LIKE '%.participant.joined'
            OR content_type LIKE '%.participant.left'
        )
),
stays AS (
    SELECT
        *,
        lead(moved_at) OVER (
            PARTITION BY chat_day, initial_contact_id, participant_id
            ORDER BY moved_at, item_id
        ) AS next_move_at
    FROM moves
),
reported AS (
    SELECT
        chat_day,
        initial_contact_id,
        message_id,
        recipient_participant_id,
        recipient_role,
        CAST(delivered_at AT TIME ZONE 'UTC' AS timestamp(3)) AS delivered_at,
        CAST(read_at AT TIME ZONE 'UTC' AS timestamp(3)) AS read_at,
        delivery_latency_ms,
        read_latency_ms
    FROM receipts
),
addressed AS (
    SELECT
        sent.*,
        reported.recipient_participant_id,
        reported.recipient_role,
        reported.delivered_at,
        reported.read_at,
        reported.delivery_latency_ms,
        reported.read_latency_ms
    FROM sent
    INNER JOIN reported
        ON sent.chat_day = reported.chat_day
        AND sent.initial_contact_id = reported.initial_contact_id
        AND sent.message_id = reported.message_id
    UNION ALL
    SELECT
        sent.*,
        stays.participant_id AS recipient_participant_id,
        stays.participant_role AS recipient_role,
        CAST(NULL AS timestamp(3)) AS delivered_at,
        CAST(NULL AS timestamp(3)) AS read_at,
        CAST(NULL AS bigint) AS delivery_latency_ms,
        CAST(NULL AS bigint) AS read_latency_ms
    FROM sent
    INNER JOIN stays
        ON sent.chat_day = stays.chat_day
        AND sent.initial_contact_id = stays.initial_contact_id
        AND sent.sent_at >= stays.moved_at
        AND (stays.next_move_at IS NULL OR sent.sent_at < stays.next_move_at)
    LEFT JOIN reported
        ON sent.chat_day = reported.chat_day
        AND sent.initial_contact_id = reported.initial_contact_id
        AND sent.message_id = reported.message_id
        AND stays.participant_id IS NOT DISTINCT FROM reported.recipient_participant_id
    WHERE
        stays.joins
        AND stays.participant_id IS DISTINCT FROM sent.sender_participant_id
        AND reported.message_id IS NULL
),
followed AS (
    SELECT
        *,
        coalesce(
            read_at,
            first_value(CASE WHEN sent_at IS NOT NULL THEN read_at END) IGNORE NULLS OVER (
                PARTITION BY
                    chat_day,
                    initial_contact_id,
                    sender_participant_id,
                    sender_role,
                    recipient_participant_id
                ORDER BY sent_at, message_id
                ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            )
        ) AS read_by_at,
        count(*) OVER (PARTITION BY chat_day, initial_contact_id, message_id) AS recipients
    FROM addressed
)
SELECT
    followed.chat_day,
    followed.initial_contact_id,
    followed.contact_id,
    followed.message_id,
    contacts.queue_arn,
    contacts.agent_arn,
    followed.sender_participant_id,
    followed.sender_role,
    followed.recipient_participant_id,
    followed.recipient_role,
    followed.recipients,
    followed.message_length,
    followed.sent_at,
    followed.delivered_at,
    followed.read_at,
    followed.read_by_at,
    followed.delivery_latency_ms,
    followed.read_latency_ms,
    coalesce(
        followed.read_latency_ms,
        date_diff('millisecond', followed.sent_at, followed.read_by_at)
    ) AS read_by_latency_ms,
    CASE
        WHEN followed.read_at IS NOT NULL THEN 'read'
        WHEN followed.read_by_at IS NOT NULL THEN 'read_implied'
        WHEN contacts.receipts_available THEN 'unread'
        ELSE 'unknown'
    END AS read_state
FROM followed
LEFT JOIN contacts
    ON followed.chat_day = contacts.chat_day
    AND followed.initial_contact_id = contacts.initial_contact_id
    AND followed.contact_id = contacts.contact_id
