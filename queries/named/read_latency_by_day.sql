-- Do messages take longer to be seen than they used to, day by day?
-- Of messages that were sent while their recipient was there.
WITH steps AS (
    SELECT
        chat_day,
        recipient_role,
        step,
        count(*) AS messages,
        count_if(read_state = 'unknown') AS unknown,
        count_if(read_state IN ('read', 'not_seen')) AS known,
        count(read_latency_ms) AS seen,
        max(read_latency_ms) / 1e3 AS seen_after_s,
        array_sort(
            array_agg(read_latency_ms) FILTER (WHERE read_latency_ms IS NOT NULL)
        ) AS reported_ms,
        sum(count(step)) OVER (
            PARTITION BY chat_day, recipient_role
            ORDER BY step DESC
        ) AS at_risk
    FROM observed_readings
    WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    GROUP BY chat_day, recipient_role, step
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
                    PARTITION BY chat_day, recipient_role
                    ORDER BY step
                )
            ),
            9
        ) AS not_yet_seen
    FROM steps
)
SELECT
    chat_day,
    recipient_role,
    CAST(sum(messages) AS bigint) AS messages,
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
GROUP BY chat_day, recipient_role
ORDER BY chat_day, recipient_role
