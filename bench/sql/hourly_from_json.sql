-- read_latency_hourly for chats of one day, asked of the pages of GetTranscript as they are.
WITH items AS (
    SELECT
        page.InitialContactId AS chat,
        unnest(page.Transcript, recursive := false) AS item
    FROM read_json('{pages}', columns = {{
        'InitialContactId': 'VARCHAR',
        'Transcript': 'STRUCT(
            "Id" VARCHAR, "AbsoluteTime" VARCHAR, "Type" VARCHAR, "ParticipantRole" VARCHAR,
            "RelatedContactId" VARCHAR,
            "MessageMetadata" STRUCT(
                "MessageId" VARCHAR,
                "Receipts" STRUCT("RecipientParticipantId" VARCHAR, "ReadTimestamp" VARCHAR)[]
            )
        )[]'
    }}) AS page
),
own AS (
    SELECT
        chat,
        item,
        CAST(item.AbsoluteTime AS TIMESTAMP) AS sent_at,
        min(CAST(item.AbsoluteTime AS TIMESTAMP)) OVER (PARTITION BY chat) AS began_at
    FROM items
    WHERE item.RelatedContactId IS NULL
),
readings AS (
    -- Some come in items of their own.
    SELECT
        chat,
        coalesce(item.MessageMetadata.MessageId, item.Id) AS message_id,
        receipt.RecipientParticipantId AS recipient,
        min(CAST(receipt.ReadTimestamp AS TIMESTAMP)) AS read_at
    FROM own, unnest(item.MessageMetadata.Receipts) AS carried(receipt)
    WHERE receipt.ReadTimestamp IS NOT NULL
    GROUP BY ALL
)
SELECT
    date_trunc('hour', sent_at) AS hour,
    item.ParticipantRole AS sender_role,
    count(*) AS messages_read,
    approx_quantile(epoch_ms(read_at) - epoch_ms(sent_at), 0.5) AS read_p50_ms
FROM own
INNER JOIN readings ON own.chat = readings.chat AND own.item.Id = readings.message_id
WHERE CAST(began_at AS DATE) = DATE '{day}' AND item.Type = 'MESSAGE'
GROUP BY ALL
ORDER BY ALL
