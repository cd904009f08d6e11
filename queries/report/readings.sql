-- What of every message and recipient who was there do the figures of the report need?
-- Made once for a period, as a table of its own, which the other files of this folder ask.
SELECT
    chat_day,
    day_of_week(sent_at) AS day_of_week,
    hour(sent_at) AS hour_of_day,
    sender_role,
    recipient_role,
    queue_arn,
    read_state,
    read_latency_ms,
    step
FROM observed_readings
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
