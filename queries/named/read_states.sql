-- Of how many messages is it known when they were seen?
-- read: a receipt says so; read_implied: one of a later message does; replied: the recipient wrote
-- after it; not_seen: observed without a sign of a reading, of which for_10_s were for 10 s and
-- longer and to_the_end until the chat's end; unknown: receipts could not be, or nobody read them.
SELECT
    sender_role,
    recipient_role,
    read_state,
    count(*) AS messages,
    count_if(not_seen_for_ms >= 10000) AS for_10_s,
    count_if(observed_to_end) AS to_the_end
FROM read_latency
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY sender_role, recipient_role, read_state
ORDER BY sender_role, recipient_role, read_state
