-- What did each chat's transcript hold, one row per item, with typed columns?
-- One pass over the JSON; messages and receipts are both made of this table.
CREATE TEMP TABLE items AS
WITH listed AS (
    SELECT
        InitialContactId AS initial_contact_id,
        unnest(Transcript) AS item
    FROM read_json(
        getvariable('files'),
        format = 'newline_delimited',
        columns = {
            InitialContactId: 'VARCHAR',
            Transcript: 'STRUCT(
                Id VARCHAR,
                ContactId VARCHAR,
                RelatedContactId VARCHAR,
                "Type" VARCHAR,
                ContentType VARCHAR,
                Content VARCHAR,
                ParticipantId VARCHAR,
                ParticipantRole VARCHAR,
                DisplayName VARCHAR,
                AbsoluteTime TIMESTAMP,
                MessageMetadata STRUCT(
                    MessageId VARCHAR,
                    MessageProcessingStatus VARCHAR,
                    Receipts STRUCT(
                        RecipientParticipantId VARCHAR,
                        DeliveredTimestamp TIMESTAMP,
                        ReadTimestamp TIMESTAMP
                    )[]
                ),
                Attachments STRUCT(AttachmentId VARCHAR)[]
            )[]'
        }
    )
),
named AS (
    SELECT
        initial_contact_id,
        item,
        item."Type" IN ('MESSAGE_DELIVERED', 'MESSAGE_READ') AS is_receipt_event,
        coalesce(
            item.MessageMetadata.MessageId,
            CASE WHEN is_receipt_event THEN json_extract_string(item.Content, '$.messageId') END
        ) AS named_message
    FROM listed
)
SELECT
    initial_contact_id,
    coalesce(item.ContactId, item.RelatedContactId) AS contact_id,
    item.RelatedContactId AS related_contact_id,
    item.Id AS item_id,
    coalesce(named_message, item.Id) AS message_id,
    item."Type" AS item_type,
    item.ContentType AS content_type,
    item.Content AS content,
    item.ParticipantId AS participant_id,
    item.ParticipantRole AS participant_role,
    item.DisplayName AS display_name,
    item.AbsoluteTime AS sent_at,
    item.MessageMetadata.MessageProcessingStatus AS processing_status,
    CASE
        WHEN item.RelatedContactId IS NULL THEN coalesce(len(item.Attachments), 0)
        ELSE 0
    END::INTEGER AS attachment_count,
    -- What a client sent when it got or read a message is a receipt where it carries none.
    CASE
        WHEN
            is_receipt_event
            AND named_message IS NOT NULL
            AND coalesce(len(item.MessageMetadata.Receipts), 0) = 0
            THEN [{
                RecipientParticipantId: item.ParticipantId,
                DeliveredTimestamp:
                    CASE WHEN item."Type" = 'MESSAGE_DELIVERED' THEN item.AbsoluteTime END,
                ReadTimestamp: CASE WHEN item."Type" = 'MESSAGE_READ' THEN item.AbsoluteTime END
            }]
        ELSE item.MessageMetadata.Receipts
    END AS receipts
FROM named
