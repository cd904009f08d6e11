-- Do long messages lie unread longer than short ones?
SELECT
    sender_role,
    recipient_role,
    CASE
        WHEN message_length < 50 THEN '1: below 50'
        WHEN message_length < 150 THEN '2: 50 to 149'
        WHEN message_length < 500 THEN '3: 150 to 499'
        ELSE '4: 500 and more'
    END AS characters,
    count(*) AS messages,
    approx_percentile(read_latency_ms, 0.5) / 1000.0 AS p50_s,
    approx_percentile(read_latency_ms, 0.9) / 1000.0 AS p90_s,
    CAST(count_if(read_state = 'unread') AS double)
    / nullif(count_if(read_state <> 'unknown'), 0) AS share_unread
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND message_length IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY sender_role, recipient_role, characters
