-- How long does it take until messages are seen, and of how many is that known, by all that the
-- report groups by? Each row is of one figure: overview, days, hours_of_week, queues or roles.
-- All of messages that were sent while their recipient was there.
WITH steps AS (
    SELECT
        CASE
            WHEN grouping(chat_day) = 0 THEN 'days'
            WHEN grouping(day_of_week) = 0 THEN 'hours_of_week'
            WHEN grouping(queue_arn) = 0 THEN 'queues'
            WHEN grouping(sender_role) = 0 THEN 'roles'
            ELSE 'overview'
        END AS figure,
        chat_day,
        day_of_week,
        hour_of_day,
        queue_arn,
        sender_role,
        recipient_role,
        step,
        count(*) AS messages,
        count_if(read_state = 'read') AS messages_read,
        count_if(read_state = 'read_implied') AS messages_read_implied,
        count_if(read_state = 'replied') AS messages_replied,
        count_if(read_state = 'not_seen') AS messages_not_seen,
        count_if(read_state = 'unknown') AS messages_unknown,
        count(step) AS observed,
        count(read_latency_ms) AS seen,
        max(read_latency_ms) / 1e3 AS seen_after_s
    FROM readings
    GROUP BY GROUPING SETS (
        (recipient_role, step),
        (chat_day, recipient_role, step),
        (day_of_week, hour_of_day, sender_role, recipient_role, step),
        (queue_arn, sender_role, recipient_role, step),
        (sender_role, recipient_role, step)
    )
),
observed AS (
    SELECT
        *,
        sum(observed) OVER (
            PARTITION BY
                figure,
                chat_day,
                day_of_week,
                hour_of_day,
                queue_arn,
                sender_role,
                recipient_role
            ORDER BY step DESC
        ) AS at_risk
    FROM steps
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
                    PARTITION BY
                        figure,
                        chat_day,
                        day_of_week,
                        hour_of_day,
                        queue_arn,
                        sender_role,
                        recipient_role
                    ORDER BY step
                )
            ),
            9
        ) AS not_yet_seen
    FROM observed
)
SELECT
    figure,
    chat_day,
    day_of_week,
    hour_of_day,
    queue_arn,
    sender_role,
    recipient_role,
    CAST(sum(messages) AS bigint) AS messages,
    CAST(sum(messages_read) AS bigint) AS messages_read,
    CAST(sum(messages_read_implied) AS bigint) AS messages_read_implied,
    CAST(sum(messages_replied) AS bigint) AS messages_replied,
    CAST(sum(messages_not_seen) AS bigint) AS messages_not_seen,
    CAST(sum(messages_unknown) AS bigint) AS messages_unknown,
    CAST(sum(messages_read + messages_not_seen) AS bigint) AS messages_known,
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
    END AS seen_within_60s
FROM curve
GROUP BY figure, chat_day, day_of_week, hour_of_day, queue_arn, sender_role, recipient_role
ORDER BY
    figure, chat_day, day_of_week, hour_of_day, messages DESC, queue_arn, sender_role, recipient_role
