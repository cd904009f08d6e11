-- On which day did each chat begin?
CREATE TEMP TABLE chat_days AS
SELECT
    initial_contact_id,
    min(sent_at)::DATE AS chat_day
FROM items
WHERE related_contact_id IS NULL
GROUP BY ALL
