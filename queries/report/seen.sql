-- Which share of the messages is seen after how long, by who was to see them?
-- Ten points for each doubling of the time, at the end of every seventh step: step 0 is 30 s.
WITH steps AS (
    SELECT
        recipient_role,
        step,
        count(read_latency_ms) AS seen,
        sum(count(*)) OVER (PARTITION BY recipient_role ORDER BY step DESC) AS at_risk
    FROM readings
    WHERE
        step IS NOT NULL
        AND recipient_role IN ('AGENT', 'CUSTOMER')
    GROUP BY recipient_role, step
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
                    PARTITION BY recipient_role
                    ORDER BY step
                )
            ),
            9
        ) AS not_yet_seen
    FROM steps
)
SELECT
    recipient_role,
    7 * CAST(ceil(step / 7e0) AS bigint) AS step,
    1 - min(not_yet_seen) AS share,
    CAST(max(at_risk) AS bigint) AS observed
FROM curve
GROUP BY 1, 2
ORDER BY recipient_role, step
