"""The tables of what transcripts say: messages, receipts, attachments."""

from __future__ import annotations

from chatlake.tables.schema.columns import (
    CONTACT,
    DAY,
    EXTRA,
    INITIAL,
    INSTANCE,
    Column,
    Table,
)

MESSAGES = Table(
    name="messages",
    doc="One row per transcript item: message, event or attachment.",
    partition_by="sent_at",
    key=("item_id",),
    private=("content", "display_name", "extra"),
    columns=(
        INSTANCE,
        INITIAL,
        DAY,
        CONTACT,
        Column(
            "related_contact_id",
            "Set only on items of an earlier chat that a persistent chat shows again; leave those "
            "out when counting.",
        ),
        Column(
            "item_id",
            "The item's Id, unique within its chat only; sha256:… where the service sent none.",
            required=True,
        ),
        Column("item_type", "Type: MESSAGE, EVENT, ATTACHMENT and others, the service's word."),
        Column("content_type", "Media type of the content; for events, which event."),
        Column("content", "Text or JSON of the message, as it was sent."),
        Column("participant_id", "Who sent it."),
        Column("participant_role", "AGENT, CUSTOMER, SYSTEM, CUSTOM_BOT or SUPERVISOR."),
        Column("display_name", "Name that the sender showed."),
        Column("sent_at", "When the service received it (AbsoluteTime).", "timestamp"),
        Column("processing_status", "PROCESSING, FAILED or REJECTED by message processing."),
        Column("attachment_count", "Rows of the item in attachments.", "int"),
        Column("receipt_count", "Recipients with a row in receipts for the item.", "int"),
        EXTRA,
    ),
)

RECEIPTS = Table(
    name="receipts",
    doc=(
        "One row per message and recipient with a receipt. No row means no receipt, and not that "
        "nobody read it: read_latency tells what is known."
    ),
    partition_by="sent_at",
    key=("message_id", "recipient_participant_id"),
    columns=(
        INSTANCE,
        INITIAL,
        DAY,
        CONTACT,
        Column(
            "message_id",
            "Joins messages.item_id within the chat, unless MessageMetadata has another MessageId.",
            required=True,
        ),
        Column("sender_participant_id", "Who sent the message."),
        Column("sender_role", "Role of the sender."),
        Column("recipient_participant_id", "Who received it."),
        Column("recipient_role", "Role of the recipient, from the chat's own items."),
        Column("sent_at", "When the message was sent; null if it is not in the chat.", "timestamp"),
        Column("delivered_at", "Earliest delivery that was reported.", "timestamp"),
        Column("read_at", "Earliest reading that was reported.", "timestamp"),
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
        EXTRA,
    ),
)

ATTACHMENTS = Table(
    name="attachments",
    doc="One row per file of an item. The files themselves stay in Connect's bucket.",
    partition_by="sent_at",
    key=("item_id", "attachment_id"),
    private=("attachment_name", "extra"),
    columns=(
        INSTANCE,
        INITIAL,
        DAY,
        CONTACT,
        Column("item_id", "Joins messages.item_id within the chat.", required=True),
        Column("attachment_id", "Of the file; null if the service sent none."),
        Column("attachment_name", "File name, as it was sent."),
        Column("content_type", "Media type of the file."),
        Column("status", "APPROVED, REJECTED or IN_PROGRESS."),
        Column("participant_id", "Who sent it."),
        Column("participant_role", "Role of the sender."),
        Column("sent_at", "When the item was sent.", "timestamp"),
        EXTRA,
    ),
)
