"""The tables: names, columns, docs, partitions and order. Engines' own schemas are made of these.

The names are a contract with everyone's SQL (docs/data-dictionary.md is generated from here).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

type ColumnType = Literal["string", "timestamptz", "date", "int", "long", "boolean"]

NAMESPACE = "chatlake"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; null means that the service did not say, unless `doc` says more."""

    name: str
    doc: str
    type: ColumnType = "string"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partitioned by the day (UTC) of `partition_by`.

    Attributes
    ----------
    sort_by
        The order of rows in a file, nulls last.
    key
        What tells two rows of one chat apart.
    private
        Columns whose values never go into metadata or messages.
    """

    name: str
    doc: str
    partition_by: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    private: tuple[str, ...] = ("extra",)

    @property
    def sort_by(self) -> tuple[str, ...]:
        """The columns by which the rows of a file are sorted, nulls last."""
        return ("initial_contact_id", self.partition_by)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


_INSTANCE = Column(
    "instance_id", "Connect instance. Null when only GetTranscript files told of the chat."
)
_INITIAL = Column(
    "initial_contact_id", "Contact that began the chat; the key of a chat.", required=True
)
_DAY = Column(
    "chat_day",
    "UTC day on which the chat began, the same on all its rows: give it in WHERE, so that only "
    "files around those days are read. Null if nothing of the chat has a time, and on items of an "
    "earlier chat.",
    "date",
)
_CONTACT = Column("contact_id", "Contact (leg of the chat) that the row belongs to.", required=True)
_EXTRA = Column(
    "extra",
    "Members that chatlake does not know or could not read, under their exact names, as a "
    "canonical JSON object (RFC 8785). Null if there were none.",
)

MESSAGES = Table(
    name="messages",
    doc="One row per transcript item: message, event or attachment.",
    partition_by="sent_at",
    key=("item_id",),
    private=("content", "display_name", "extra"),
    columns=(
        _INSTANCE,
        _INITIAL,
        _DAY,
        _CONTACT,
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
        Column("sent_at", "When the service received it (AbsoluteTime).", "timestamptz"),
        Column("processing_status", "PROCESSING, FAILED or REJECTED by message processing."),
        Column("attachment_count", "Rows of the item in attachments.", "int"),
        Column("receipt_count", "Recipients with a row in receipts for the item.", "int"),
        _EXTRA,
    ),
)

RECEIPTS = Table(
    name="receipts",
    doc="One row per message and recipient with a receipt. No row means no receipt, not unread.",
    partition_by="sent_at",
    key=("message_id", "recipient_participant_id"),
    columns=(
        _INSTANCE,
        _INITIAL,
        _DAY,
        _CONTACT,
        Column(
            "message_id",
            "Joins messages.item_id within the chat, unless MessageMetadata has another MessageId.",
            required=True,
        ),
        Column("sender_participant_id", "Who sent the message."),
        Column("sender_role", "Role of the sender."),
        Column("recipient_participant_id", "Who received it."),
        Column("recipient_role", "Role of the recipient, from the chat's own items."),
        Column(
            "sent_at", "When the message was sent; null if it is not in the chat.", "timestamptz"
        ),
        Column("delivered_at", "Earliest delivery that was reported.", "timestamptz"),
        Column("read_at", "Earliest reading that was reported.", "timestamptz"),
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
        _EXTRA,
    ),
)

ATTACHMENTS = Table(
    name="attachments",
    doc="One row per file of an item. The files themselves stay in Connect's bucket.",
    partition_by="sent_at",
    key=("item_id", "attachment_id"),
    private=("attachment_name", "extra"),
    columns=(
        _INSTANCE,
        _INITIAL,
        _DAY,
        _CONTACT,
        Column("item_id", "Joins messages.item_id within the chat.", required=True),
        Column("attachment_id", "Of the file; null if the service sent none."),
        Column("attachment_name", "File name, as it was sent."),
        Column("content_type", "Media type of the file."),
        Column("status", "APPROVED, REJECTED or IN_PROGRESS."),
        Column("participant_id", "Who sent it."),
        Column("participant_role", "Role of the sender."),
        Column("sent_at", "When the item was sent.", "timestamptz"),
        _EXTRA,
    ),
)

CONTACTS = Table(
    name="contacts",
    doc="One row per contact (leg) of a chat, with how completely it was archived.",
    partition_by="initiated_at",
    key=("contact_id",),
    columns=(
        _INSTANCE,
        _INITIAL,
        _DAY,
        _CONTACT,
        Column("previous_contact_id", "Leg before this one."),
        Column("related_contact_id", "Contact that this one is related to, as the event says."),
        Column("channel", "CHAT, in the service's spelling."),
        Column("initiation_method", "INBOUND, API, TRANSFER, DISCONNECT and others."),
        Column("disconnect_reason", "Why the contact ended, as the event says."),
        Column("initiated_at", "Null without contact events.", "timestamptz"),
        Column(
            "connected_to_agent_at",
            "Null if no agent joined, and without contact events.",
            "timestamptz",
        ),
        Column("disconnected_at", "Null without a DISCONNECTED event.", "timestamptz"),
        Column("queue_arn", "Queue of the contact; null without contact events."),
        Column("agent_arn", "Agent of the contact; null without contact events."),
        Column(
            "sources", "What the chat was read from: event, export, participant; sorted, by commas."
        ),
        Column(
            "receipts_available",
            "True if receipts could be read; false with an export only (unread cannot be told from "
            "unknown); null with events alone.",
            "boolean",
        ),
        Column(
            "complete",
            "True once the contact's export, or a read after its end, was merged.",
            "boolean",
        ),
        Column("message_count", "Items of type MESSAGE of the contact.", "int"),
        Column("receipt_count", "Rows in receipts of the contact.", "int"),
        Column("document_revision", "Digest of the document that the chat's rows were made of."),
        Column("published_at", "When these rows were written.", "timestamptz"),
        _EXTRA,
    ),
)

TABLES = (MESSAGES, RECEIPTS, ATTACHMENTS, CONTACTS)
