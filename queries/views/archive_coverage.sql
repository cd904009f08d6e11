-- Is everything archived, from which sources, and how soon after the end?
-- One row per day on which chats began; all numbers are contacts (legs of chats). Of those with
-- events alone no transcript could be had; those with an export and no participant read have
-- messages, and no receipts. Minutes are from a contact's end to the last writing of its rows: a
-- later export, or a rebuild, counts anew.
WITH dated AS (
    SELECT
        *,
        date_diff('second', disconnected_at, published_at) / 6e1 AS published_after_min
    FROM contacts
)
SELECT
    chat_day,
    count(*) AS contacts,
    count(DISTINCT initial_contact_id) AS chats,
    count_if(complete) AS complete,
    count_if(complete AND receipts_available) AS complete_with_receipts,
    count_if(receipts_available) AS with_receipts,
    count_if(sources LIKE '%participant%') AS from_participant,
    count_if(sources LIKE '%export%') AS from_export,
    count_if(sources = 'event') AS events_alone,
    CAST(count_if(complete) AS double) / count(*) AS share_complete,
    element_at(
        array_agg(published_after_min ORDER BY published_after_min)
        FILTER (WHERE published_after_min IS NOT NULL),
        CAST(ceil(0.5 * count(published_after_min)) AS bigint)
    ) AS published_p50_min,
    element_at(
        array_agg(published_after_min ORDER BY published_after_min)
        FILTER (WHERE published_after_min IS NOT NULL),
        CAST(ceil(0.95 * count(published_after_min)) AS bigint)
    ) AS published_p95_min
FROM dated
GROUP BY chat_day
