"""Rows of messages and attachments: docs/row-rules.md §4 and §6."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from chatlake.identifiers import text_id
from chatlake.tables.flatten.columns import Extras, ids, strings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatlake.json_codec import JsonObject
    from chatlake.tables.flatten.items import Items

_KNOWN_OF_ATTACHMENT = frozenset({"AttachmentId", "AttachmentName", "ContentType", "Status"})


@dataclass(frozen=True, slots=True)
class Attachments:
    """All attachments as parallel lists; `item` is the position of the one that has it."""

    item: list[int]
    raw: list[JsonObject]


def gather_attachments(items: Items) -> Attachments:
    """Line up the attachments of all current messages; of several with one id the last counts.

    What is no attachment is added to the extras of its item.
    """
    attachments = Attachments([], [])
    for row, item in enumerate(items.raw):
        listed = item.get("Attachments")
        if listed is None:
            continue
        if not isinstance(listed, list):
            items.extras.add(row, "Attachments", listed)
            continue
        if odd := [attachment for attachment in listed if not isinstance(attachment, dict)]:
            items.extras.add(row, "Attachments", odd)
        if items.is_current[row] and items.is_message[row]:
            by_key = {
                text_id(attachment.get("AttachmentId")) or position: attachment
                for position, attachment in enumerate(listed)
                if isinstance(attachment, dict)
            }
            attachments.item.extend([row] * len(by_key))
            attachments.raw.extend(by_key.values())
    return attachments


def message_rows(
    items: Items, attachments: Attachments, receipt_counts: Mapping[int, int]
) -> pa.Table:
    """Make the rows of messages but for the columns that are the chat's."""
    length = len(items.raw)
    rows = (
        items.columns.append_column("attachment_count", _counts(Counter(attachments.item), length))
        .append_column("receipt_count", _counts(receipt_counts, length))
        .append_column("extra", items.extras.column(length))
    )
    return rows if all(items.is_message) else rows.filter(pa.array(items.is_message, pa.bool_()))


def attachment_rows(items: Items, attachments: Attachments) -> pa.Table:
    """Make the rows of attachments but for the columns that are the chat's."""
    extras = Extras()
    extras.add_unknown(attachments.raw, _KNOWN_OF_ATTACHMENT)
    texts = strings(attachments.raw, sorted(_KNOWN_OF_ATTACHMENT), extras)
    columns = {
        "attachment_id": ids(texts["AttachmentId"]),
        "attachment_name": texts["AttachmentName"],
        "content_type": texts["ContentType"],
        "status": texts["Status"],
        "extra": extras.column(len(attachments.raw)),
    }
    of_items = items.columns.take(pa.array(attachments.item, pa.int64()))
    inherited = [name for name in of_items.column_names if name not in columns]
    return pa.table({name: of_items.column(name) for name in inherited} | columns)


def _counts(counts: Mapping[int, int], length: int) -> pa.Array:
    column = [0] * length
    for row, count in counts.items():
        column[row] = count
    return pa.array(column, pa.int32())
