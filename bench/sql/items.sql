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
)
SELECT
    initial_contact_id,
    coalesce(item.ContactId, item.RelatedContactId) AS contact_id,
    item.RelatedContactId AS related_contact_id,
    item.Id AS item_id,
    coalesce(item.MessageMetadata.MessageId, item.Id) AS message_id,
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
    item.MessageMetadata.Receipts AS receipts
FROM listed
