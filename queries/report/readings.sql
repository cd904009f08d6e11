-- What of every message and recipient do the figures of the report need?
-- Made once for a period, as a table of its own, which the other files of this folder ask.
SELECT
    chat_day,
    date_trunc('hour', sent_at) AS hour,
    sender_role,
    recipient_role,
    queue_arn,
    read_latency_ms,
    read_state
FROM read_latency
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
