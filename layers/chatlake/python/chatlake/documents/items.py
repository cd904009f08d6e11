"""The items of a chat as a document stores them, however often each was read.

A stored item keeps the service's own JSON of the item. One that was read several times keeps a
version only as long as that version holds the greatest value of some member; nearly always that is
one. Receipts are taken out of the item and merge on their own. docs/row-rules.md §2 has the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

from chatlake.documents.item_ids import METADATA, apart_from_its_message, item_id
from chatlake.documents.merging import greatest, join, merge_into
from chatlake.identifiers import text_id
from chatlake.json_codec import Json, JsonObject, canonical_json, dumps
from chatlake.timestamps import newest_us, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

type Source = Literal["participant", "export"]
type Receipt = JsonObject
"""A receipt in the service's own JSON, without the recipient where that is its key."""
type Member = tuple[str | None, str | None]
"""A member's name, and the name of the object that it is in, None for the item itself."""

STATUS = "MessageProcessingStatus"
COMPLETED = "MessageCompleted"
CHUNK = "ChunkNumber"
RECIPIENT = "RecipientParticipantId"
RECEIPT_TIMES = frozenset({"DeliveredTimestamp", "ReadTimestamp"})
INITIAL_CONTACT = ""
"""Stands in ``read_under`` for the contact that began the chat."""
NO_RECIPIENT = ""
"""Stands in ``receipts`` for a recipient that the service did not name."""
LEFT_OUT = "chatlake:LeftOut"
"""Member of an item, or of an attachment, that lists what `ContentPolicy` has taken from it."""
_PROGRESS = (STATUS, COMPLETED, CHUNK)
"""Members of MessageMetadata that tell how far an item had come when it was read."""
_IDS = frozenset({"Id", "ContactId", "RelatedContactId", "ParticipantId", "MessageId"})
_ENDED_TYPE = "CHAT_ENDED"
_ENDED_CONTENT_TYPE = "application/vnd.amazonaws.connect.event.chat.ended"


class ItemVersion(TypedDict):
    """An item as one read saw it: `item` is the service's own JSON without its receipts.

    `read_at` is in epoch milliseconds, 0 for files, whose time nobody knows. `redacted` is there,
    and true, if the service is known to have redacted it: only `ContentPolicy` looks at it.
    """

    source: Source
    read_at: int
    item: JsonObject
    redacted: NotRequired[bool]


class StoredItem(TypedDict):
    """An item as all reads together saw it.

    `versions`, the greatest first, are never empty. `receipts` are by recipient. `read_under` are
    the contacts that it was read under, sorted, left out if the initial contact alone.
    """

    versions: list[ItemVersion]
    read_under: NotRequired[list[str]]
    receipts: NotRequired[dict[str, Receipt]]


def read_under(stored: StoredItem) -> list[str]:
    """Return the contacts that an item was read under, `INITIAL_CONTACT` first if among them."""
    return stored.get("read_under", [INITIAL_CONTACT])


def store_items(
    items: Iterable[JsonObject],
    *,
    source: Source,
    read_at: int,
    contact_id: str | None = None,
    redacted: bool = False,
) -> dict[str, StoredItem]:
    """Make stored items of the raw items of one read, by item id; those of one id are merged.

    Parameters
    ----------
    items
        In the service's own JSON; not altered.
    source, read_at, contact_id
        Where, when (epoch ms, 0 for files) and under which contact they were read; None for the
        contact that began the chat.
    redacted
        True if the service is known to have redacted them.
    """
    stored_items: dict[str, StoredItem] = {}
    for item in items:
        version: ItemVersion = {"source": source, "read_at": read_at, "item": item}
        if redacted:
            version["redacted"] = True
        own_id, stored = _store_item(version, contact_id)
        merge_into(stored_items, own_id, stored, merge_items)
    return stored_items


def _store_item(version: ItemVersion, contact_id: str | None) -> tuple[str, StoredItem]:
    item = apart_from_its_message(version["item"])
    own_id = item_id(item)
    receipts: dict[str, Receipt] = {}
    metadata = item.get(METADATA)
    if isinstance(metadata, dict) and "Receipts" in metadata:
        rest, receipts = _split_receipts(metadata)
        item = {**item, METADATA: rest}
    stored: StoredItem = {"versions": [{**version, "item": item}]}
    if contact_id is not None:
        stored["read_under"] = [contact_id]
    if receipts:
        stored["receipts"] = receipts
    return own_id, stored


def merge_items(a: StoredItem, b: StoredItem) -> StoredItem:
    """Merge two stored items of one id."""
    merged: StoredItem = {"versions": _merge_versions(a["versions"], b["versions"])}
    contacts = {*read_under(a), *read_under(b)}
    if contacts != {INITIAL_CONTACT}:
        merged["read_under"] = sorted(contacts)
    if receipts := join(a.get("receipts", {}), b.get("receipts", {}), merge_receipts):
        merged["receipts"] = receipts
    return merged


def merge_receipts(a: Receipt, b: Receipt) -> Receipt:
    """Merge two receipts of one recipient: a time once seen is never lost."""
    merged = join(a, b, greatest)
    for name in RECEIPT_TIMES & a.keys() & b.keys():
        merged[name] = _earliest(a[name], b[name])
    return merged


def resolve(stored: StoredItem) -> JsonObject:
    """Return the one item that a stored item stands for, without receipts; not to be altered."""
    versions = stored["versions"]
    newest: JsonObject = versions[0]["item"]
    if len(versions) == 1:
        return newest
    resolved: JsonObject = {}
    metadata: JsonObject | None = None
    for version in reversed(versions):
        item = version["item"]
        resolved |= _present(item)
        if isinstance(item.get(METADATA), dict):
            metadata = {**(metadata or {}), **_present(item[METADATA])}
    if metadata is not None:
        resolved[METADATA] = _as_far_as(newest, metadata)
    if isinstance(lost := resolved.get(LEFT_OUT), list):
        # What one read had to leave out, another has.
        resolved[LEFT_OUT] = [name for name in lost if name not in resolved] or None
    return _present(resolved)


def in_order(stored: StoredItem) -> StoredItem:
    """Return a stored item with its versions in today's order.

    Version 0.1 took a message that was still being streamed for a finished one.
    """
    versions = stored["versions"]
    streamed = (_metadata(version["item"]).get(COMPLETED) is False for version in versions)
    if len(versions) == 1 or not any(streamed):
        return stored
    return {**stored, "versions": in_rank_order(versions)}


def in_rank_order(versions: list[ItemVersion]) -> list[ItemVersion]:
    """Return versions of one item, the greatest first, without those that others make needless."""
    return versions if len(versions) == 1 else _merge_versions(versions, [])


def ends_chat(item: JsonObject) -> bool:
    """Return whether an item says that its chat ended."""
    ended = item.get("Type") == _ENDED_TYPE or item.get("ContentType") == _ENDED_CONTENT_TYPE
    # A rehydrated item tells of the end of an earlier chat.
    return ended and text_id(item.get("RelatedContactId")) is None


def newest_time(items: Iterable[StoredItem]) -> int | None:
    """Return the newest readable time in some items and their receipts, in µs since 1970."""
    return newest_us(
        value
        for stored in items
        for value in (
            *(version["item"].get("AbsoluteTime") for version in stored["versions"]),
            *(r.get(name) for r in stored.get("receipts", {}).values() for name in RECEIPT_TIMES),
        )
    )


def _merge_versions(a: list[ItemVersion], b: list[ItemVersion]) -> list[ItemVersion]:
    if len(a) == len(b) == 1 and dumps(a[0]["item"]) == dumps(b[0]["item"]):
        return [max(a[0], b[0], key=lambda v: (v["source"], v["read_at"], "redacted" in v))]
    kept, settled = [], set[Member]()
    for version in sorted([*a, *b], key=_rank, reverse=True):
        members = _members(version["item"])
        if not members <= settled:
            kept.append(version)
            settled |= members
    return kept


def _rank(version: ItemVersion) -> tuple[bool, str, int, str, bytes, bool]:
    item = version["item"]
    # "participant" is greater than "export" as a word, too. The bytes tell apart
    # what canonical JSON writes alike (1 and 1.0).
    return (
        _is_finished(item),
        version["source"],
        version["read_at"],
        canonical_json(item),
        dumps(item),
        "redacted" in version,
    )


def _is_finished(item: JsonObject) -> bool:
    attachments = item.get("Attachments")
    metadata = _metadata(item)
    # chatjs PR#312: a bot's message that is streamed has MessageCompleted false until it is whole.
    return (
        metadata.get(STATUS) != "PROCESSING"
        and metadata.get(COMPLETED) is not False
        and not (
            isinstance(attachments, list)
            and any(isinstance(a, dict) and a.get("Status") == "IN_PROGRESS" for a in attachments)
        )
    )


def _metadata(item: JsonObject) -> JsonObject:
    metadata = item.get(METADATA)
    return metadata if isinstance(metadata, dict) else {}


def _as_far_as(newest: JsonObject, metadata: JsonObject) -> JsonObject:
    """Let a merged MessageMetadata say that the item has come as far as in its greatest version."""
    of_newest = _metadata(newest)
    others = {name: value for name, value in metadata.items() if name not in _PROGRESS}
    return others | _present({name: of_newest.get(name) for name in _PROGRESS})


def _members(item: JsonObject) -> set[Member]:
    """Name what a version has a value of; MessageMetadata counts by its own members."""
    # An absent status is a status (null), or PROCESSING would never go away.
    members: set[Member] = {(METADATA, name) for name in _PROGRESS}
    members |= {(None, name) for name in _present(item)}
    if isinstance(metadata := item.get(METADATA), dict):
        members.remove((None, METADATA))
        members |= {(METADATA, None), *((METADATA, name) for name in _present(metadata))}
    return members


def _present(members: JsonObject) -> JsonObject:
    """Leave out what counts as absent: null, and an empty id."""
    return {
        name: value
        for name, value in members.items()
        if value is not None and (value != "" or name not in _IDS)
    }


def _earliest(a: Json, b: Json) -> Json:
    first, second = parse_timestamp(a), parse_timestamp(b)
    if first is None and second is None:
        return greatest(a, b)
    if first is None or second is None:
        return a if second is None else b
    return min((first, a), (second, b))[1]


def _split_receipts(metadata: JsonObject) -> tuple[JsonObject, dict[str, Receipt]]:
    """Split MessageMetadata into all but its receipts, and the receipts by recipient."""
    rest = {name: value for name, value in metadata.items() if name != "Receipts"}
    listed = metadata["Receipts"]
    if not isinstance(listed, list):
        return ({**rest, "Receipts": listed} if listed is not None else rest), {}
    receipts: dict[str, Receipt] = {}
    for raw in listed:
        if not isinstance(raw, dict):
            rest.setdefault("Receipts", []).append(raw)
            continue
        recipient, receipt = by_recipient(raw)
        merge_into(receipts, recipient, receipt, merge_receipts)
    return rest, receipts


def by_recipient(raw: JsonObject) -> tuple[str, Receipt]:
    """Return whose receipt one in the service's own JSON is, and the receipt as it is stored."""
    receipt = {name: value for name, value in raw.items() if value is not None}
    recipient = text_id(receipt.get(RECIPIENT)) or NO_RECIPIENT
    if receipt.get(RECIPIENT) == recipient:
        del receipt[RECIPIENT]
    return recipient, receipt
