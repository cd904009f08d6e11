-- Of the messages with a receipt, how many were delivered but never reported as read?
-- Clients report only the newest message of a burst, so some of these were read nevertheless.
SELECT
    sender_role,
    recipient_role,
    count(*) AS receipts,
    count_if(read_at IS NULL) AS not_reported_read,
    count_if(read_at IS NULL) * 1.0 / count(*) AS share
FROM receipts
GROUP BY sender_role, recipient_role
ORDER BY receipts DESC, sender_role, recipient_role
