"""The table of what is known of each reading; docs/row-rules.md §8 has its rules."""

from __future__ import annotations

from chatlake.tables.schema.columns import CONTACT, DAY, INITIAL, INSTANCE, Column, Table

READ_LATENCY = Table(
    name="read_latency",
    doc=(
        "One row per message and recipient, with or without a receipt: what is known of its "
        "reading. Messages that message processing rejected reached nobody and have none."
    ),
    partition_by="sent_at",
    key=("message_id", "recipient_participant_id"),
    private=(),
    columns=(
        INSTANCE,
        INITIAL,
        DAY,
        CONTACT,
        Column("message_id", "Joins messages.item_id within the chat.", required=True),
        Column("sender_participant_id", "Who sent the message."),
        Column("sender_role", "Role of the sender."),
        Column(
            "recipient_participant_id",
            "Who was to read it: whoever has a receipt for it, every agent or customer who was in "
            "the chat when it was sent, and, if nobody of the other side was, the first of them to "
            "join.",
        ),
        Column("recipient_role", "Role of the recipient, from the chat's own items."),
        Column("recipients", "Rows of the message in this table.", "int"),
        Column("message_length", "Characters of the message.", "int"),
        Column("queue_arn", "Queue of the message's contact; null without contact events."),
        Column("agent_arn", "Agent of the message's contact; null without contact events."),
        Column("sent_at", "When the message was sent.", "timestamp"),
        Column(
            "recipient_joined_at",
            "When the recipient joined; after sent_at if the message waited for them. Null if no "
            "item tells.",
            "timestamp",
        ),
        Column("delivered_at", "Earliest delivery that was reported.", "timestamp"),
        Column("read_at", "Earliest reading that was reported.", "timestamp"),
        Column(
            "read_by_at",
            "When it was read at the latest: read_at; else the earliest reading of a later message "
            "of the same sender (read_implied), else the recipient's reply (replied). Null in the "
            "other states.",
            "timestamp",
        ),
        Column(
            "delivery_latency_ms",
            "delivered_at − sent_at in milliseconds. Negative where clocks differ.",
            "long",
        ),
        Column(
            "read_latency_ms",
            "read_at − sent_at in milliseconds. Negative where clocks differ.",
            "long",
        ),
        Column("read_by_latency_ms", "read_by_at − sent_at in milliseconds.", "long"),
        Column(
            "since_joined_ms",
            "read_at − the later of sent_at and recipient_joined_at in milliseconds: how long the "
            "message lay there for somebody who was there. Null if one of them is.",
            "long",
        ),
        Column(
            "not_seen_for_ms",
            "Of not_seen: for how long after sent_at the chat was observed without a sign of a "
            "reading, in milliseconds; to the last observation, the recipient's leaving or the "
            "chat's end. Null in the other states.",
            "long",
        ),
        Column(
            "observed_to_end",
            "Of not_seen: whether that was the chat's end. Null in the other states.",
            "boolean",
        ),
        Column(
            "read_state",
            "The first that holds: read (a receipt of the recipient says so), read_implied (the "
            "recipient has read a later message of the same sender), replied (the recipient wrote "
            "at least 2 s after it), unknown (receipts could not be, or were not looked for), "
            "not_seen (observed, without a sign of a reading). Nobody can say that a message was "
            "never read: clients report up to 5 s late, and nothing after the end.",
        ),
    ),
)
