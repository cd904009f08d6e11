-- After how long was each message seen, or for how long was it observed without being seen?
-- One row per message and recipient. A step is a place on the axis of time that estimates are made
-- on, a seventieth of a doubling, 1 % wide: step 0 ends with 30 s, step 70 with 60 s, and the first
-- one has all up to a millisecond. It is null where neither time is known: estimates leave out what
-- was read by implication, replied to, or is unknown.
SELECT
    chat_day,
    initial_contact_id,
    message_id,
    sender_role,
    recipient_role,
    queue_arn,
    agent_arn,
    message_length,
    sent_at,
    read_state,
    read_latency_ms,
    not_seen_for_ms,
    CAST(
        ceil(
            round(
                70 * log2(greatest(coalesce(read_latency_ms, not_seen_for_ms), 1) / 3e4), 6
            )
        )
        AS bigint
    ) AS step
FROM read_latency
