"""Rows of messages and attachments: docs/row-rules.md §4 and §6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from chatlake.document import METADATA, STATUS, text_id
from chatlake.flatten.columns import Extras, ids, strings, timestamps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.flatten.items import Items
    from chatlake.json_codec import JsonObject

_KNOWN = frozenset(
    {
        "AbsoluteTime",
        "Attachments",
        "ContactId",
        "Content",
        "ContentType",
        "DisplayName",
        "Id",
        METADATA,
        "ParticipantId",
        "ParticipantRole",
        "RelatedContactId",
        "Type",
    }
)
_KNOWN_OF_METADATA = frozenset({"MessageId", STATUS})
_KNOWN_OF_ATTACHMENT = frozenset({"AttachmentId", "AttachmentName", "ContentType", "Status"})


@dataclass(frozen=True, slots=True)
class Attachments:
    """The attachments of all messages as parallel lists; `message` is the row of its item."""

    message: list[int]
    raw: list[JsonObject]


def message_columns(
    items: Items, attachments: Attachments, receipt_counts: Sequence[int]
) -> dict[str, pa.Array]:
    """Make the columns of messages but for those that are the chat's."""
    raw = items.raw
    extras = Extras()
    extras.add_unknown(raw, _KNOWN)
    columns = {
        "contact_id": pa.array(items.contact_id, pa.string()),
        "related_contact_id": ids(raw, "RelatedContactId", extras),
        "item_id": pa.array(items.item_id, pa.string()),
        "item_type": strings(raw, "Type", extras),
        "content_type": strings(raw, "ContentType", extras),
        "content": strings(raw, "Content", extras),
        "participant_id": ids(raw, "ParticipantId", extras),
        "participant_role": strings(raw, "ParticipantRole", extras),
        "display_name": strings(raw, "DisplayName", extras),
        "sent_at": timestamps(raw, "AbsoluteTime", extras),
        "processing_status": _processing_status(raw, extras),
        "attachment_count": _count(attachments.message, len(raw)),
        "receipt_count": pa.array(receipt_counts, pa.int32()),
    }
    # These two have their columns already, made of more than the one member.
    for name in ("Id", "ContactId"):
        strings(raw, name, extras)
    for row, item in enumerate(raw):
        if (listed := item.get("Attachments")) is not None:
            odd = (
                [a for a in listed if not isinstance(a, dict)]
                if isinstance(listed, list)
                else listed
            )
            if odd or not isinstance(listed, list):
                extras.add(row, "Attachments", odd)
    return {**columns, "extra": extras.column(len(raw))}


def gather_attachments(items: Items) -> Attachments:
    """Line up the attachments of all current messages; of several with one id the last counts."""
    attachments = Attachments([], [])
    for row, item in enumerate(items.raw):
        listed = item.get("Attachments")
        if listed and isinstance(listed, list) and items.is_current[row]:
            by_key = {
                text_id(attachment.get("AttachmentId")) or position: attachment
                for position, attachment in enumerate(listed)
                if isinstance(attachment, dict)
            }
            attachments.message.extend([row] * len(by_key))
            attachments.raw.extend(by_key.values())
    return attachments


def attachment_columns(attachments: Attachments, messages: pa.Table) -> dict[str, pa.Array]:
    """Make the columns of attachments; those of the item are taken from its row in messages."""
    raw = attachments.raw
    extras = Extras()
    extras.add_unknown(raw, _KNOWN_OF_ATTACHMENT)
    columns = {
        "attachment_id": ids(raw, "AttachmentId", extras),
        "attachment_name": strings(raw, "AttachmentName", extras),
        "content_type": strings(raw, "ContentType", extras),
        "status": strings(raw, "Status", extras),
        "extra": extras.column(len(raw)),
    }
    inherited = [name for name in messages.column_names if name not in columns]
    rows = pa.array(attachments.message, pa.int64())
    return columns | {name: messages.column(name).take(rows) for name in inherited}


def _processing_status(raw: Sequence[JsonObject], extras: Extras) -> pa.Array:
    nothing: JsonObject = {}
    metadata = [item.get(METADATA, nothing) for item in raw]
    for row, value in enumerate(metadata):
        if not isinstance(value, dict):
            if value is not None:
                extras.add(row, METADATA, value)
            metadata[row] = nothing
    nested = Extras()
    nested.add_unknown(metadata, _KNOWN_OF_METADATA)
    ids(metadata, "MessageId", nested)
    column = strings(metadata, STATUS, nested)
    for row, members in nested.by_row.items():
        extras.add(row, METADATA, members)
    return column


def _count(rows: Sequence[int], length: int) -> pa.Array:
    counts = [0] * length
    for row in rows:
        counts[row] += 1
    return pa.array(counts, pa.int32())
