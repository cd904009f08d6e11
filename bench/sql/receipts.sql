-- Which recipient got and read which message, and after how long?
-- Receipts come with their message or in items of their own; those of one recipient are one row.
CREATE TEMP TABLE receipts AS
WITH current_items AS (
    SELECT * FROM items WHERE related_contact_id IS NULL
),
carried AS (
    SELECT
        initial_contact_id,
        message_id,
        contact_id,
        sent_at,
        unnest(receipts) AS receipt
    FROM current_items
),
merged AS (
    SELECT
        initial_contact_id,
        message_id,
        receipt.RecipientParticipantId AS recipient_participant_id,
        min(receipt.DeliveredTimestamp) AS delivered_at,
        min(receipt.ReadTimestamp) AS read_at,
        arg_min(contact_id, sent_at) AS carrier_contact_id
    FROM carried
    GROUP BY ALL
),
roles AS (
    SELECT
        initial_contact_id,
        participant_id,
        arg_min(participant_role, (sent_at, item_id)) AS participant_role
    FROM current_items
    WHERE participant_id IS NOT NULL AND participant_role IS NOT NULL
    GROUP BY ALL
),
sent AS (
    SELECT *
    FROM current_items
    WHERE item_type NOT IN (
        'MESSAGEMETADATA', 'MESSAGE_METADATA', 'MESSAGE_DELIVERED', 'MESSAGE_READ'
    )
)
SELECT
    merged.initial_contact_id,
    chat_days.chat_day,
    coalesce(sent.contact_id, merged.carrier_contact_id) AS contact_id,
    merged.message_id,
    sent.participant_id AS sender_participant_id,
    sent.participant_role AS sender_role,
    merged.recipient_participant_id,
    roles.participant_role AS recipient_role,
    sent.sent_at,
    merged.delivered_at,
    merged.read_at,
    date_diff('millisecond', sent.sent_at, merged.delivered_at) AS delivery_latency_ms,
    date_diff('millisecond', sent.sent_at, merged.read_at) AS read_latency_ms
FROM merged
LEFT JOIN chat_days ON chat_days.initial_contact_id = merged.initial_contact_id
LEFT JOIN sent
    ON sent.initial_contact_id = merged.initial_contact_id AND sent.item_id = merged.message_id
LEFT JOIN roles
    ON roles.initial_contact_id = merged.initial_contact_id
    AND roles.participant_id = merged.recipient_participant_id
