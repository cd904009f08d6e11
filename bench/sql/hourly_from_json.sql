-- read_latency_hourly for chats of one day, asked of the pages of GetTranscript as they are.
WITH items AS (
    SELECT
        page.InitialContactId AS chat,
        unnest(page.Transcript, recursive := false) AS item
    FROM read_json('{pages}', columns = {{
        'InitialContactId': 'VARCHAR',
        'Transcript': 'STRUCT(
            "AbsoluteTime" VARCHAR, "Type" VARCHAR, "ParticipantRole" VARCHAR,
            "RelatedContactId" VARCHAR,
            "MessageMetadata" STRUCT("Receipts" STRUCT("ReadTimestamp" VARCHAR)[])
        )[]'
    }}) AS page
),
own AS (
    SELECT
        chat,
        CAST(item.AbsoluteTime AS TIMESTAMP) AS sent_at,
        item,
        min(CAST(item.AbsoluteTime AS TIMESTAMP)) OVER (PARTITION BY chat) AS began_at
    FROM items
    WHERE item.RelatedContactId IS NULL
)
SELECT
    date_trunc('hour', sent_at) AS hour,
    item.ParticipantRole AS sender_role,
    count(*) AS messages_read,
    approx_quantile(
        epoch_ms(CAST(receipt.ReadTimestamp AS TIMESTAMP)) - epoch_ms(sent_at), 0.5
    ) AS read_p50_ms
FROM own, unnest(item.MessageMetadata.Receipts) AS carried(receipt)
WHERE
    CAST(began_at AS DATE) = DATE '{day}'
    AND item.Type = 'MESSAGE'
    AND receipt.ReadTimestamp IS NOT NULL
GROUP BY ALL
ORDER BY ALL
