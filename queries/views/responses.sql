-- How long did customers wait for an answer of an agent, and agents for one of a customer?
-- One row per answer: the first message of an agent after messages of a customer, or the other way
-- round. response_ms is counted from the first of the messages that it answers; since_joined_ms
-- from when somebody of the answering role was there for it, which leaves out the time in a queue.
-- seen_after_ms is when the first of them was read, by a receipt of its own or of a later message:
-- null where no receipt tells, even if the answer says that it was read by then.
-- Bots and the system are left out: a customer who first writes to a bot waits, here, from then on.
-- Files are no messages, and what message processing rejected answers nobody. Times are UTC.
WITH said AS (
    SELECT
        chat_day,
        initial_contact_id,
        contact_id,
        item_id AS message_id,
        participant_id,
        participant_role,
        sent_at,
        lag(participant_role) OVER (
            PARTITION BY chat_day, initial_contact_id ORDER BY sent_at, item_id
        ) AS role_before
    FROM messages
    WHERE
        item_type = 'MESSAGE'
        AND related_contact_id IS NULL
        AND processing_status IS DISTINCT FROM 'REJECTED'
        AND sent_at IS NOT NULL
        AND participant_role IN ('AGENT', 'CUSTOMER')
),
turns AS (
    SELECT
        *,
        lag(message_id) OVER (
            PARTITION BY chat_day, initial_contact_id ORDER BY sent_at, message_id
        ) AS asked_message_id,
        lag(participant_role) OVER (
            PARTITION BY chat_day, initial_contact_id ORDER BY sent_at, message_id
        ) AS asked_role,
        lag(sent_at) OVER (
            PARTITION BY chat_day, initial_contact_id ORDER BY sent_at, message_id
        ) AS asked_at
    FROM said
    WHERE role_before IS DISTINCT FROM participant_role
),
answers AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY chat_day, initial_contact_id, participant_role
            ORDER BY sent_at, message_id
        ) AS answer_of_role
    FROM turns
    WHERE asked_message_id IS NOT NULL
),
readings AS (
    SELECT
        chat_day,
        initial_contact_id,
        message_id,
        recipient_role,
        min(CASE WHEN read_state IN ('read', 'read_implied') THEN read_by_at END) AS seen_at,
        min(greatest(sent_at, recipient_joined_at)) AS there_at
    FROM read_latency
    GROUP BY chat_day, initial_contact_id, message_id, recipient_role
)
SELECT
    answers.chat_day,
    answers.initial_contact_id,
    answers.contact_id,
    contacts.queue_arn,
    contacts.agent_arn,
    answers.asked_role,
    answers.asked_message_id,
    answers.asked_at,
    answers.participant_role AS answered_role,
    answers.participant_id AS answered_participant_id,
    answers.message_id AS answered_message_id,
    answers.sent_at AS answered_at,
    answers.answer_of_role = 1 AS is_first,
    date_diff('millisecond', answers.asked_at, answers.sent_at) AS response_ms,
    CASE
        WHEN readings.there_at <= answers.sent_at
        THEN date_diff('millisecond', readings.there_at, answers.sent_at)
    END AS since_joined_ms,
    date_diff(
        'millisecond', answers.asked_at, least(readings.seen_at, answers.sent_at)
    ) AS seen_after_ms
FROM answers
LEFT JOIN contacts
    ON answers.chat_day = contacts.chat_day
    AND answers.initial_contact_id = contacts.initial_contact_id
    AND answers.contact_id = contacts.contact_id
LEFT JOIN readings
    ON answers.chat_day = readings.chat_day
    AND answers.initial_contact_id = readings.initial_contact_id
    AND answers.asked_message_id = readings.message_id
    AND answers.participant_role = readings.recipient_role
