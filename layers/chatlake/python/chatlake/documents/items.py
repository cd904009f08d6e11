"""Entries: what is known of one item of a chat, however often it was read.

An entry keeps the service's own JSON of the item. One that was read several times keeps a version
only as long as that version holds the greatest value of some member; nearly always that is one.
Receipts are taken out of the item and merge on their own. docs/row-rules.md §2 has the rules.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from chatlake.json_codec import Json, JsonObject, canonical_json, dumps, well_formed
from chatlake.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

type Source = Literal["participant", "export"]
type Member = tuple[str | None, str | None]
"""A member's name, and the name of the object that it is in, None for the item itself."""

METADATA = "MessageMetadata"
STATUS = "MessageProcessingStatus"
RECIPIENT = "RecipientParticipantId"
RECEIPT_TIMES = frozenset({"DeliveredTimestamp", "ReadTimestamp"})
INITIAL = ("",)
"""Stands in ``read_under`` for the contact that began the chat, and is left out when alone."""
_IDS = frozenset({"Id", "ContactId", "RelatedContactId", "ParticipantId", "MessageId"})


def text_id(value: object) -> str | None:
    """Read an id: a string that is not empty, lone surrogates replaced; None for all else."""
    return well_formed(value) if isinstance(value, str) and value else None


def make_stored_item(
    item: JsonObject, *, source: Source, read_at: int, contact_id: str | None = None
) -> tuple[str, JsonObject]:
    """Make the entry of one raw item as one read saw it.

    Parameters
    ----------
    item
        In the service's own JSON; not altered.
    source, read_at, contact_id
        Where, when (epoch ms, 0 for files) and under which contact it was read; None for the
        contact that began the chat.

    Returns
    -------
    tuple[str, JsonObject]
        The item id and the entry, for `Document.items`.
    """
    item_id = text_id(item.get("Id")) or _digest(item)
    receipts: JsonObject = {}
    metadata = item.get(METADATA)
    if isinstance(metadata, dict) and "Receipts" in metadata:
        rest, receipts = _split_receipts(metadata)
        item = {**item, METADATA: rest}
    made: JsonObject = {"versions": [{"source": source, "read_at": read_at, "item": item}]}
    if contact_id is not None:
        made["read_under"] = [contact_id]
    if receipts:
        made["receipts"] = receipts
    return item_id, made


def merge_stored_items(a: JsonObject, b: JsonObject) -> JsonObject:
    """Join two entries of one item."""
    merged: JsonObject = {"versions": _merge_versions(a["versions"], b["versions"])}
    read_under = {*a.get("read_under", INITIAL), *b.get("read_under", INITIAL)}
    if read_under != {*INITIAL}:
        merged["read_under"] = sorted(read_under)
    if receipts := join(a.get("receipts", {}), b.get("receipts", {}), merge_receipts):
        merged["receipts"] = receipts
    return merged


def merge_receipts(a: JsonObject, b: JsonObject) -> JsonObject:
    """Join two receipts of one recipient: a time once seen is never lost."""
    merged = join(a, b, greatest)
    for name in RECEIPT_TIMES & a.keys() & b.keys():
        merged[name] = _earliest(a[name], b[name])
    return merged


def resolve(entry: JsonObject) -> JsonObject:
    """Give the one item that an entry stands for, without its receipts; not to be altered."""
    versions = entry["versions"]
    greatest: JsonObject = versions[0]["item"]
    if len(versions) == 1:
        return greatest
    resolved: JsonObject = {}
    metadata: JsonObject | None = None
    for version in reversed(versions):
        item = version["item"]
        resolved |= _present(item)
        if isinstance(item.get(METADATA), dict):
            metadata = {**(metadata or {}), **_present(item[METADATA])}
    if metadata is not None:
        metadata[STATUS] = _status(greatest)
        resolved[METADATA] = metadata
    return resolved


def join[V](a: Mapping[str, V], b: Mapping[str, V], both: Callable[[V, V], V]) -> dict[str, V]:
    """Join two mappings; `both` joins the values of a key that both have."""
    joined = {**a, **b}
    for key in a.keys() & b.keys():
        joined[key] = both(a[key], b[key])
    return joined


def _merge_versions(a: list[JsonObject], b: list[JsonObject]) -> list[JsonObject]:
    if len(a) == len(b) == 1 and dumps(a[0]["item"]) == dumps(b[0]["item"]):
        return [max(a[0], b[0], key=lambda version: (version["source"], version["read_at"]))]
    kept, settled = [], set[Member]()
    for version in sorted([*a, *b], key=_rank, reverse=True):
        members = _members(version["item"])
        if not members <= settled:
            kept.append(version)
            settled |= members
    return kept


def _rank(version: JsonObject) -> tuple[bool, str, int, str, bytes]:
    item = version["item"]
    # "participant" is greater than "export" as a word, too. The bytes part what canonical JSON
    # writes alike (1 and 1.0).
    return (
        _is_finished(item),
        version["source"],
        version["read_at"],
        canonical_json(item),
        dumps(item),
    )


def _is_finished(item: JsonObject) -> bool:
    attachments = item.get("Attachments")
    return _status(item) != "PROCESSING" and not (
        isinstance(attachments, list)
        and any(isinstance(a, dict) and a.get("Status") == "IN_PROGRESS" for a in attachments)
    )


def _status(item: JsonObject) -> Any:
    metadata = item.get(METADATA)
    return metadata.get(STATUS) if isinstance(metadata, dict) else None


def _members(item: JsonObject) -> set[Member]:
    """Name what a version has a value of; MessageMetadata counts by its own members."""
    # An absent status is a status (null), or PROCESSING would never go away.
    members: set[Member] = {(None, name) for name in _present(item)} | {(METADATA, STATUS)}
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


def greatest(a: Json, b: Json) -> Json:
    """Give the value with the greater canonical JSON."""
    return max(a, b, key=lambda value: (canonical_json(value), dumps(value)))


def _earliest(a: Json, b: Json) -> Json:
    first, second = parse_timestamp(a), parse_timestamp(b)
    if first is None and second is None:
        return greatest(a, b)
    if first is None or second is None:
        return a if second is None else b
    return min((first, a), (second, b))[1]


def _split_receipts(metadata: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Part MessageMetadata into all but its receipts, and the receipts by recipient."""
    rest = {name: value for name, value in metadata.items() if name != "Receipts"}
    listed = metadata["Receipts"]
    if not isinstance(listed, list):
        return ({**rest, "Receipts": listed} if listed is not None else rest), {}
    receipts: JsonObject = {}
    for raw in listed:
        if not isinstance(raw, dict):
            rest.setdefault("Receipts", []).append(raw)
            continue
        receipt = {name: value for name, value in raw.items() if value is not None}
        recipient = text_id(receipt.get(RECIPIENT)) or ""
        if receipt.get(RECIPIENT) == recipient:
            del receipt[RECIPIENT]
        known = receipts.get(recipient)
        receipts[recipient] = receipt if known is None else merge_receipts(known, receipt)
    return rest, receipts


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
