-- How are reported read latencies distributed, in steps of a tenth of a power of ten of seconds?
SELECT
    recipient_role,
    CAST(floor(log10(greatest(read_latency_ms, 100) / 1e3) * 10) AS bigint) AS step,
    count(*) AS messages
FROM readings
WHERE
    read_latency_ms IS NOT NULL
    AND recipient_role IN ('AGENT', 'CUSTOMER')
GROUP BY 1, 2
ORDER BY recipient_role, step
