-- What was said and done in each chat, and how many recipients have a receipt for it?
CREATE TEMP VIEW messages AS
WITH receipt_counts AS (
    SELECT initial_contact_id, message_id, count(*) AS receipt_count
    FROM receipts
    GROUP BY ALL
)
SELECT
    items.initial_contact_id,
    CASE WHEN items.related_contact_id IS NULL THEN chat_days.chat_day END AS chat_day,
    items.contact_id,
    items.related_contact_id,
    items.item_id,
    items.item_type,
    items.content_type,
    items.content,
    items.participant_id,
    items.participant_role,
    items.display_name,
    items.sent_at,
    items.processing_status,
    items.attachment_count,
    -- Not a condition of the join, which would no longer be a hash join.
    CASE
        WHEN items.related_contact_id IS NULL THEN coalesce(receipt_counts.receipt_count, 0)
        ELSE 0
    END::INTEGER AS receipt_count
FROM items
LEFT JOIN chat_days ON chat_days.initial_contact_id = items.initial_contact_id
LEFT JOIN receipt_counts
    ON receipt_counts.initial_contact_id = items.initial_contact_id
    AND receipt_counts.message_id = items.message_id
WHERE items.item_type NOT IN ('MESSAGEMETADATA', 'MESSAGE_METADATA')
