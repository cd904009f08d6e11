"""The items of some chats, lined up: as columns for rows, as lists for what goes item by item."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.documents.item_ids import METADATA, METADATA_ITEMS
from chatlake.documents.items import (
    CHUNK,
    COMPLETED,
    INITIAL_CONTACT,
    STATUS,
    read_under,
    resolve,
)
from chatlake.documents.receipt_events import RECEIPT_EVENTS, message_id_of, receipts_of
from chatlake.tables.flatten.columns import Extras, ids, strings, timestamps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.documents.document import Document
    from chatlake.documents.items import Receipt
    from chatlake.json_codec import JsonObject

_METADATA_TYPES = pa.array(METADATA_ITEMS)
_RECEIPT_EVENTS = pa.array(RECEIPT_EVENTS)
_TEXTS = {
    "Id": "Id",
    "ContactId": "ContactId",
    "RelatedContactId": "related_contact_id",
    "Type": "item_type",
    "ContentType": "content_type",
    "Content": "content",
    "ParticipantId": "participant_id",
    "ParticipantRole": "participant_role",
    "DisplayName": "display_name",
    "AbsoluteTime": "AbsoluteTime",
}
_KNOWN = frozenset({*_TEXTS, METADATA, "Attachments"})
_KNOWN_OF_METADATA = frozenset({"MessageId", STATUS})


@dataclass(frozen=True, slots=True)
class Items:
    """All items of some chats, chat by chat, those without a row in messages included.

    Attributes
    ----------
    starts
        Where each chat begins, and at last where the last one ends.
    raw
        The resolved items in the service's own JSON.
    receipts
        What each item reports, by recipient; None for nearly all.
    message_id
        Of the message that each item is, or that it has receipts of.
    is_message
        False for a metadata item, which has no row in messages.
    is_current
        False for a rehydrated item, which came from an earlier chat.
    columns
        Those of messages that an item alone determines, and `chat`, the position of its chat.
    extras
        What of each item has no column.
    """

    starts: list[int]
    raw: list[JsonObject]
    receipts: list[dict[str, Receipt] | None]
    item_id: list[str]
    message_id: list[str]
    contact_id: list[str]
    is_message: list[bool]
    is_current: list[bool]
    columns: pa.Table
    extras: Extras

    def of_chat(self, chat: int) -> range:
        """Return the positions of a chat's items."""
        return range(self.starts[chat], self.starts[chat + 1])


def gather_items(documents: Sequence[Document]) -> Items:
    """Line up the items of all chats."""
    stored_items = [stored for document in documents for stored in document.items.values()]
    raw = [resolve(stored) for stored in stored_items]
    item_id = pa.array([item for document in documents for item in document.items], pa.string())
    extras = Extras()
    extras.add_unknown(raw, _KNOWN)
    texts = strings(raw, list(_TEXTS), extras)
    sent_at = timestamps(texts["AbsoluteTime"], raw, "AbsoluteTime", extras)
    related = ids(texts["RelatedContactId"])
    message_id, status = _metadata(raw, extras)
    contact_id = pc.coalesce(ids(texts["ContactId"]), related)
    if contact_id.null_count:
        contact_id = pc.coalesce(contact_id, _read_under(documents))
    columns = {
        "chat": pa.array(
            [chat for chat, document in enumerate(documents) for _ in document.items], pa.int32()
        ),
        "contact_id": contact_id,
        "item_id": item_id,
        **{column: texts[name] for name, column in _TEXTS.items() if name != column},
        "related_contact_id": related,
        "participant_id": ids(texts["ParticipantId"]),
        "sent_at": sent_at,
        "processing_status": status,
    }
    is_metadata = pc.is_in(texts["Type"], _METADATA_TYPES)
    item_ids, message_ids = item_id.to_pylist(), pc.coalesce(message_id, item_id).to_pylist()
    receipts: list[dict[str, Receipt] | None] = [stored.get("receipts") for stored in stored_items]
    for row in pc.indices_nonzero(pc.is_in(texts["Type"], _RECEIPT_EVENTS)).to_pylist():
        message_ids[row] = message_id_of(item_ids[row], raw[row])
        receipts[row] = receipts_of(item_ids[row], stored_items[row], raw[row])
    return Items(
        starts=[0, *accumulate(len(document.items) for document in documents)],
        raw=raw,
        receipts=receipts,
        item_id=item_ids,
        message_id=message_ids,
        contact_id=contact_id.to_pylist(),
        is_message=pc.invert(is_metadata).to_pylist(),
        is_current=pc.is_null(related).to_pylist(),
        columns=pa.table(columns),
        extras=extras,
    )


def _metadata(raw: Sequence[JsonObject], extras: Extras) -> tuple[pa.Array, pa.Array]:
    """Read the message ids and processing statuses; keep what else there is of MessageMetadata."""
    metadata: list[Any] = [item.get(METADATA) for item in raw]
    for row in [row for row, value in enumerate(metadata) if not isinstance(value, dict)]:
        if metadata[row] is not None:
            extras.add(row, METADATA, metadata[row])
        metadata[row] = {}
    nested = Extras()
    nested.add_unknown(metadata, _KNOWN_OF_METADATA)
    texts = strings(metadata, ["MessageId", STATUS], nested)
    for row, members in nested.by_row.items():
        if members := _without_streaming(members):
            extras.add(row, METADATA, members)
    return ids(texts["MessageId"]), texts[STATUS]


def _without_streaming(members: JsonObject) -> JsonObject:
    """Leave out what a streamed message that is whole says of its streaming."""
    if members.get(COMPLETED) is not True:
        return members
    return {name: value for name, value in members.items() if name not in {COMPLETED, CHUNK}}


def _read_under(documents: Sequence[Document]) -> pa.Array:
    """Return the contact under which each item was read, the initial one if among several."""
    return pa.array(
        [
            document.initial_contact_id if least == INITIAL_CONTACT else least
            for document in documents
            for stored in document.items.values()
            for least in read_under(stored)[:1]
        ],
        pa.string(),
    )
