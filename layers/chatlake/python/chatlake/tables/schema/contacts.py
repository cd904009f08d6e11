"""The table of contacts."""

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

CONTACTS = Table(
    name="contacts",
    doc="One row per contact (leg) of a chat, with how completely it was archived.",
    partition_by="initiated_at",
    key=("contact_id",),
    private=("customer_id", "tags", "segment_attributes", "extra"),
    columns=(
        INSTANCE,
        INITIAL,
        DAY,
        CONTACT,
        Column("previous_contact_id", "Leg before this one."),
        Column("related_contact_id", "Contact that this one is related to, as the event says."),
        Column("channel", "CHAT, in the service's spelling."),
        Column("initiation_method", "INBOUND, API, TRANSFER, DISCONNECT and others."),
        Column("disconnect_reason", "Why the contact ended, as the event says."),
        Column("initiated_at", "Null without contact events.", "timestamp"),
        Column(
            "enqueued_at",
            "When the contact entered its queue; null if it did not, and without contact events.",
            "timestamp",
        ),
        Column(
            "connected_to_agent_at",
            "Null if no agent joined, and without contact events.",
            "timestamp",
        ),
        Column("disconnected_at", "Null without a DISCONNECTED event.", "timestamp"),
        Column("queue_arn", "Queue of the contact; null without contact events."),
        Column("agent_arn", "Agent of the contact; null without contact events."),
        Column("customer_id", "Customer, if a flow has set an id (customerId of events)."),
        Column(
            "subtype",
            "connect:Chat, connect:Guide, connect:SMS and others: the segment attribute "
            "connect:Subtype.",
        ),
        Column(
            "hierarchy_groups", "Hierarchy groups of the agent, a JSON object as events have it."
        ),
        Column("tags", "Tags of the contact, a JSON object."),
        Column("segment_attributes", "Segment attributes of the contact, a JSON object."),
        Column(
            "chat_metrics",
            "Connect's own figures of the chat, a JSON object as events have it; null where none "
            "has it.",
        ),
        Column(
            "sources", "What the chat was read from: event, export, participant; sorted, by commas."
        ),
        Column(
            "receipts_available",
            "True if receipts could be read; false with an export only; null with events alone.",
            "boolean",
        ),
        Column(
            "receipts_observed_until",
            "Until when receipts of the chat were seen, at most its end: when the last read was "
            "made that reached every message without a reading; of a file the newest time in it. "
            "Null without one.",
            "timestamp",
        ),
        Column(
            "complete",
            "True once the contact's export, or a read after its end, was merged.",
            "boolean",
        ),
        Column("message_count", "Items of type MESSAGE of the contact.", "int"),
        Column("receipt_count", "Rows in receipts of the contact.", "int"),
        Column("document_revision", "Digest of the document that the chat's rows were made of."),
        Column("row_format", "Which rules made the chat's rows; raised when they change.", "int"),
        Column("published_at", "When these rows were written.", "timestamp"),
        EXTRA,
    ),
)
