-- Is everything archived, and how soon after the end?
SELECT *
FROM archive_coverage
WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)
ORDER BY chat_day
