-- How long did it take until messages were seen, by hour, who sent them to whom, and queue?
-- One row per hour of sending, roles, queue, and the day on which the chats began: an hour after
-- midnight has another row for chats of the day before. All is of messages that were sent while
-- their recipient was there. seen_… are estimates of those whose seeing was observed
-- (messages_known), reported_… are of reported readings alone; in seconds.
WITH steps AS (
    SELECT
        chat_day,
        date_trunc('hour', sent_at) AS hour,
        sender_role,
        recipient_role,
        queue_arn,
        step,
        count(*) AS messages,
        count_if(read_state = 'read_implied') AS read_implied,
        count_if(read_state = 'replied') AS replied,
        count_if(read_state = 'not_seen') AS not_seen,
        count_if(read_state = 'unknown') AS unknown,
        count_if(read_state IN ('read', 'not_seen')) AS known,
        count(read_latency_ms) AS seen,
        max(read_latency_ms) / 1e3 AS seen_after_s,
        array_sort(
            array_agg(read_latency_ms) FILTER (WHERE read_latency_ms IS NOT NULL)
        ) AS reported_ms,
        sum(count(step)) OVER (
            PARTITION BY
                chat_day,
                date_trunc('hour', sent_at),
                sender_role,
                recipient_role,
                queue_arn
            ORDER BY step DESC
        ) AS at_risk
    FROM observed_readings
    GROUP BY chat_day, date_trunc('hour', sent_at), sender_role, recipient_role, queue_arn, step
),
curve AS (
    SELECT
        *,
        round(
            exp(
                sum(
                    CASE
                        WHEN seen > 0
                        THEN ln(greatest(1 - CAST(seen AS double) / at_risk, 1e-300))
                        ELSE 0
                    END
                ) OVER (
                    PARTITION BY chat_day, hour, sender_role, recipient_role, queue_arn
                    ORDER BY step
                )
            ),
            9
        ) AS not_yet_seen
    FROM steps
)
SELECT
    chat_day,
    hour,
    sender_role,
    recipient_role,
    queue_arn,
    CAST(sum(messages) AS bigint) AS messages,
    CAST(sum(read_implied) AS bigint) AS messages_read_implied,
    CAST(sum(replied) AS bigint) AS messages_replied,
    CAST(sum(not_seen) AS bigint) AS messages_not_seen,
    CAST(sum(unknown) AS bigint) AS messages_unknown,
    CAST(sum(known) AS bigint) AS messages_known,
    1 - CAST(sum(unknown) AS double) / sum(messages) AS share_known,
    min(CASE WHEN not_yet_seen <= 0.5 THEN seen_after_s END) AS seen_p50_s,
    min(CASE WHEN not_yet_seen <= 0.1 THEN seen_after_s END) AS seen_p90_s,
    min(CASE WHEN not_yet_seen <= 0.05 THEN seen_after_s END) AS seen_p95_s,
    CASE
        WHEN max(step) >= 0 OR min(not_yet_seen) = 0
        THEN 1 - min(CASE WHEN step <= 0 THEN not_yet_seen ELSE 1 END)
    END AS seen_within_30s,
    CASE
        WHEN max(step) >= 70 OR min(not_yet_seen) = 0
        THEN 1 - min(CASE WHEN step <= 70 THEN not_yet_seen ELSE 1 END)
    END AS seen_within_60s,
    CAST(sum(seen) AS bigint) AS messages_read,
    element_at(
        flatten(array_agg(reported_ms ORDER BY step)),
        CAST(ceil(0.5 * nullif(sum(seen), 0)) AS bigint)
    ) / 1e3 AS reported_p50_s,
    element_at(
        flatten(array_agg(reported_ms ORDER BY step)),
        CAST(ceil(0.9 * nullif(sum(seen), 0)) AS bigint)
    ) / 1e3 AS reported_p90_s
FROM curve
GROUP BY chat_day, hour, sender_role, recipient_role, queue_arn
