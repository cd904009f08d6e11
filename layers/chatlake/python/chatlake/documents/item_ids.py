"""Which id an item has, so that several reads of it are known as one. docs/row-rules.md §2."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chatlake.identifiers import text_id
from chatlake.json_codec import canonical_json

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject

METADATA = "MessageMetadata"
METADATA_ITEMS = ("MESSAGEMETADATA", "MESSAGE_METADATA")
"""Types of items that hold nothing but receipts of a message, and are none themselves."""


def item_id(item: JsonObject) -> str:
    """Return the id of an item in the service's own JSON: its own, else a digest."""
    return text_id(item.get("Id")) or _digest(item)


def apart_from_its_message(item: JsonObject) -> JsonObject:
    """Return a metadata item without its id, if that is the id of the message that it is about.

    Such items come over the websocket, some without a MessageId; AWS's iOS client reads them so.
    Under the id of its message an item would merge into it, and take its type. Any other item is
    returned as it is.
    """
    if item.get("Type") not in METADATA_ITEMS:
        return item
    metadata = item.get(METADATA)
    metadata = metadata if isinstance(metadata, dict) else {}
    own, named = text_id(item.get("Id")), text_id(metadata.get("MessageId"))
    if own is None or named not in {None, own}:
        return item
    without_id = {name: value for name, value in item.items() if name != "Id"}
    return {**without_id, METADATA: {**metadata, "MessageId": own}}


def _digest(item: JsonObject) -> str:
    """Make an id from what of an item does not grow: receipts and attachment states do."""
    stable = dict(item)
    if isinstance(metadata := item.get(METADATA), dict):
        stable[METADATA] = {name: value for name, value in metadata.items() if name != "Receipts"}
    if isinstance(attachments := item.get("Attachments"), list):
        stable["Attachments"] = [
            {name: value for name, value in attachment.items() if name != "Status"}
            if isinstance(attachment, dict)
            else attachment
            for attachment in attachments
        ]
    return f"sha256:{hashlib.sha256(canonical_json(stable).encode()).hexdigest()}"
