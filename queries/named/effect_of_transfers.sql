-- Do chats with transfers answer later, last longer and end with more unread messages?
SELECT
    transfers,
    count(*) AS chats,
    approx_percentile(first_response_ms, 0.5) / 1000.0 AS first_response_p50_s,
    approx_percentile(duration_ms, 0.5) / 60000.0 AS duration_p50_min,
    CAST(count_if(unread_by_customer > 0) AS double)
    / nullif(count_if(receipts_available), 0) AS share_unread_by_customer,
    CAST(count_if(unread_by_agent > 0) AS double)
    / nullif(count_if(receipts_available), 0) AS share_unread_by_agent
FROM conversations
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
GROUP BY transfers
ORDER BY transfers
