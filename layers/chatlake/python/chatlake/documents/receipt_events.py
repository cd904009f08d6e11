"""Receipts of an item, whichever way it reports them: docs/row-rules.md §5.

Items of type MESSAGE_DELIVERED and MESSAGE_READ are *receipt events*: what a participant's client
sent when it got or read a message. Where such an item carries no receipts, it is one itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.item_ids import METADATA
from chatlake.documents.items import RECIPIENT, by_recipient
from chatlake.identifiers import text_id
from chatlake.json_codec import loads, well_formed

if TYPE_CHECKING:
    from chatlake.documents.items import Receipt, StoredItem
    from chatlake.json_codec import JsonObject

_TIMES = {"MESSAGE_DELIVERED": "DeliveredTimestamp", "MESSAGE_READ": "ReadTimestamp"}
RECEIPT_EVENTS = tuple(_TIMES)
"""Types of items that say that their participant has got, or read, a message."""


def is_receipt_event(item: JsonObject) -> bool:
    """Return whether an item says of a message that it was got or read, and is none itself."""
    return item.get("Type") in RECEIPT_EVENTS


def message_id_of(item_id: str, item: JsonObject) -> str:
    """Return the id of the message that an item is, or that it has receipts of.

    Parameters
    ----------
    item_id
        Under which the document has the item.
    item
        As it is resolved.
    """
    return _named_message(item_id, item) or item_id


def receipts_of(item_id: str, stored: StoredItem, item: JsonObject) -> dict[str, Receipt]:
    """Return what an item reports of the message of `message_id_of`, by recipient.

    Parameters
    ----------
    item_id, stored
        As the document has the item.
    item
        As it is resolved.
    """
    carried = stored.get("receipts", {})
    if carried or not is_receipt_event(item) or _named_message(item_id, item) is None:
        return carried
    told = {
        RECIPIENT: item.get("ParticipantId"),
        _TIMES[item["Type"]]: item.get("AbsoluteTime"),
    }
    return dict([by_recipient(told)])


def _named_message(item_id: str, item: JsonObject) -> str | None:
    """Return the message id that an item names; a receipt event is never its own message."""
    metadata = item.get(METADATA)
    named = text_id(metadata.get("MessageId")) if isinstance(metadata, dict) else None
    if not is_receipt_event(item):
        return named
    if named is None or named == item_id:
        named = named_in_content(item)
    return None if named == item_id else named


def named_in_content(item: JsonObject) -> str | None:
    """Return the message id in the content of a receipt event, as clients send it to SendEvent."""
    content = item.get("Content")
    if not isinstance(content, str):
        return None
    try:
        told = loads(well_formed(content).encode())
    except ValueError:
        return None
    return text_id(told.get("messageId")) if isinstance(told, dict) else None
