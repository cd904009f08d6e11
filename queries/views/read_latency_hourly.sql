-- How long did messages lie unread, hour by hour, by who sent them to whom, in which queue?
-- One row per hour of sending, roles, queue, and the day on which the chats began: an hour after
-- midnight has another row for chats of the day before. Percentiles are of reported readings, in
-- milliseconds; share_unread is of the messages of which it is known whether they were read.
SELECT
    chat_day,
    date_trunc('hour', sent_at) AS hour,
    sender_role,
    recipient_role,
    queue_arn,
    count(*) AS messages,
    count_if(read_state = 'read') AS messages_read,
    count_if(read_state = 'read_implied') AS messages_read_implied,
    count_if(read_state = 'unread') AS messages_unread,
    count_if(read_state = 'unknown') AS messages_unknown,
    CAST(count_if(read_state = 'unread') AS double)
    / nullif(count_if(read_state <> 'unknown'), 0) AS share_unread,
    approx_percentile(read_latency_ms, 0.5) AS read_p50_ms,
    approx_percentile(read_latency_ms, 0.9) AS read_p90_ms,
    approx_percentile(read_latency_ms, 0.95) AS read_p95_ms,
    approx_percentile(read_latency_ms, 0.99) AS read_p99_ms
FROM read_latency
GROUP BY chat_day, date_trunc('hour', sent_at), sender_role, recipient_role, queue_arn
