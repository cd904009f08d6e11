-- Which chats were left with messages that somebody had not seen for 10 s and longer?
-- As far as they were observed: to_the_end counts those that were until the chat's end, longest_s
-- is how long the longest lay there. Those with the most not seen by agents first. Queue and agent
-- are those of the last of these messages.
SELECT
    initial_contact_id,
    max(sent_at) AS last_sent_at,
    max_by(queue_arn, sent_at) AS queue_arn,
    max_by(agent_arn, sent_at) AS agent_arn,
    count_if(recipient_role = 'AGENT' AND sender_role = 'CUSTOMER') AS not_seen_by_agent,
    count_if(recipient_role = 'CUSTOMER') AS not_seen_by_customer,
    count_if(observed_to_end) AS to_the_end,
    max(not_seen_for_ms) / 1e3 AS longest_s
FROM read_latency
WHERE
    chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
    AND not_seen_for_ms >= 10000
GROUP BY initial_contact_id
ORDER BY not_seen_by_agent DESC, not_seen_by_customer DESC, longest_s DESC, initial_contact_id
LIMIT 100
