"""The transcript document: all that is known of one chat, and how two of them become one.

`merge` is commutative, associative and idempotent, so reads may arrive in any order, any number
of times, from several writers. docs/row-rules.md §2 has the rules that it follows.

A document keeps the service's own JSON of each item. An item read several times keeps a version
only as long as that version holds the greatest value of some member; nearly always that is one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from chatlake.json_codec import Json, JsonObject, canonical_json, dumps, loads, well_formed
from chatlake.timestamps import microseconds, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

type Source = Literal["participant", "export"]

FORMAT = 1
METADATA = "MessageMetadata"
STATUS = "MessageProcessingStatus"
RECIPIENT = "RecipientParticipantId"
_IDS = frozenset({"Id", "ContactId", "RelatedContactId", "ParticipantId", "MessageId"})
RECEIPT_TIMES = frozenset({"DeliveredTimestamp", "ReadTimestamp"})


@dataclass(frozen=True, slots=True)
class Document:
    """All that is known of one chat.

    Attributes
    ----------
    initial_contact_id
        The contact that began the chat; the key of everything.
    provisional
        True if no input named the initial contact, so that the chat is keyed by its own contact
        until that turns out to be a leg of another chat.
    instance_id
        Of the Connect instance; None if no input had it.
    items
        By item id: ``versions`` (``source``, ``read_at`` in epoch ms, 0 for files, and ``item``,
        raw), greatest first; ``receipts`` by recipient ("" for null); ``read_under`` contact ids.
    events
        By contact id and event type: the event's ``time`` and its ``detail``.
    exports
        By contact id: ``read_at`` in epoch ms and ``header``, the export without its transcript.
    participant
        Of all GetTranscript reads: the latest ``read_at`` and ``whole_read_at`` (the latest that
        went all the way back, or None) in epoch ms, and ``saw_end``. None without any.
    """

    initial_contact_id: str
    provisional: bool = False
    instance_id: str | None = None
    items: dict[str, JsonObject] = field(default_factory=dict)
    events: dict[str, dict[str, JsonObject]] = field(default_factory=dict)
    exports: dict[str, JsonObject] = field(default_factory=dict)
    participant: JsonObject | None = None

    def to_bytes(self) -> bytes:
        """Write the document as JSON; documents that know the same give the same bytes."""
        return dumps({"format": FORMAT, **{name: getattr(self, name) for name in self.__slots__}})

    @classmethod
    def from_bytes(cls, data: bytes) -> Document:
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError
            The bytes are no document, or one of a later format.
        """
        value = loads(data)
        if not isinstance(value, dict) or value.pop("format", None) != FORMAT:
            message = f"it is not a document of format {FORMAT}"
            raise ValueError(message)
        return cls(**value)


def text_id(value: object) -> str | None:
    """Read an id: a string that is not empty, lone surrogates replaced; None for all else."""
    return well_formed(value) if isinstance(value, str) and value else None


def make_entry(
    item: JsonObject, *, source: Source, read_at: int, contact_id: str
) -> tuple[str, JsonObject]:
    """Make the entry of one raw item as one read saw it.

    Parameters
    ----------
    item
        In the service's own JSON; not altered.
    source, read_at, contact_id
        Where, when (epoch ms, 0 for files) and under which contact it was read.

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
    if receipts:
        made["receipts"] = receipts
    if not (text_id(item.get("ContactId")) or text_id(item.get("RelatedContactId"))):
        made["read_under"] = [contact_id]
    return item_id, made


def merge(a: Document, b: Document) -> Document:
    """Join what two documents of one chat know.

    When the bytes of ``merge(a, b)`` are those of ``a``, then ``b`` held nothing new.
    """
    if a.initial_contact_id != b.initial_contact_id:
        message = f"documents of two chats: {a.initial_contact_id} and {b.initial_contact_id}"
        raise ValueError(message)
    return Document(
        initial_contact_id=a.initial_contact_id,
        provisional=a.provisional and b.provisional,
        instance_id=max(filter(None, (a.instance_id, b.instance_id)), default=None),
        items=_join(a.items, b.items, merge_entries),
        events=_join(a.events, b.events, _merge_events),
        exports=_join(a.exports, b.exports, _merge_exports),
        participant=_merge_participant(a.participant, b.participant),
    )


def merge_entries(a: JsonObject, b: JsonObject) -> JsonObject:
    """Join two entries of one item."""
    merged: JsonObject = {"versions": _merge_versions(a["versions"], b["versions"])}
    if receipts := _join(a.get("receipts", {}), b.get("receipts", {}), merge_receipts):
        merged["receipts"] = receipts
    if under := {*a.get("read_under", ()), *b.get("read_under", ())}:
        merged["read_under"] = sorted(under)
    return merged


def merge_receipts(a: JsonObject, b: JsonObject) -> JsonObject:
    """Join two receipts of one recipient: a time once seen is never lost."""
    merged = _join(a, b, _greatest)
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


def latest_value(events: Mapping[str, JsonObject], read: Callable[[JsonObject], Any]) -> Any:
    """Of the events of one contact that have a readable value, give the latest one's.

    Parameters
    ----------
    events
        By event type: ``time`` and ``detail``.
    read
        Takes a detail; None means that it has no readable value.
    """
    for kind in sorted(events, key=lambda kind: (_event_time(events[kind]), kind), reverse=True):
        if (value := read(events[kind]["detail"])) is not None:
            return value
    return None


def is_complete(document: Document, contact_id: str) -> bool:
    """Tell whether an export of the contact, or a GetTranscript read after its end, was merged."""
    if contact_id in document.exports:
        return True
    read = document.participant
    if read is None or read["saw_end"]:
        return read is not None
    ended = latest_value(
        document.events.get(contact_id, {}),
        lambda detail: event_time(detail.get("disconnectTimestamp")),
    )
    whole_read_at = read["whole_read_at"]
    return None not in (ended, whole_read_at) and whole_read_at * 1000 >= ended


def event_time(value: object) -> int | None:
    """Read a time of a contact event: microseconds since 1970; placeholders of 1970 are None."""
    # "1970-01-01T00:00:00.001Z" stands for "not yet" in the service's own sample events.
    if isinstance(value, str) and value.startswith("1970-01-01"):
        return None
    moment = parse_timestamp(value)
    return None if moment is None else microseconds(moment)


def revision(document: Document) -> str:
    """Digest what determines the rows of a chat; to be compared for equality only.

    Read times are left out, so reading the same again gives the same revision.
    """
    contacts = document.events.keys() | document.exports.keys() | {document.initial_contact_id}
    state = {
        "items": {
            item_id: [resolve(entry), entry.get("receipts"), entry.get("read_under")]
            for item_id, entry in document.items.items()
        },
        "events": document.events,
        "exports": {contact: export["header"] for contact, export in document.exports.items()},
        "participant": document.participant and document.participant["saw_end"],
        "complete": {contact: is_complete(document, contact) for contact in contacts},
        "chat": [document.initial_contact_id, document.instance_id],
    }
    return hashlib.sha256(dumps(state)).hexdigest()


def _join[V](a: Mapping[str, V], b: Mapping[str, V], both: Callable[[V, V], V]) -> dict[str, V]:
    joined = {**a, **b}
    for key in a.keys() & b.keys():
        joined[key] = both(a[key], b[key])
    return joined


def _merge_versions(a: list[JsonObject], b: list[JsonObject]) -> list[JsonObject]:
    if len(a) == len(b) == 1 and dumps(a[0]["item"]) == dumps(b[0]["item"]):
        return [max(a[0], b[0], key=lambda version: (version["source"], version["read_at"]))]
    kept, settled = [], set[str]()
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


def _members(item: JsonObject) -> set[str]:
    """Name what a version has a value of; MessageMetadata counts by its own members."""
    # An absent status is a status (null), or PROCESSING would never go away.
    names = {*_present(item), f"{METADATA}.{STATUS}"}
    if isinstance(metadata := item.get(METADATA), dict):
        names.remove(METADATA)
        names |= {f"{METADATA}.", *(f"{METADATA}.{name}" for name in _present(metadata))}
    return names


def _present(members: JsonObject) -> JsonObject:
    """Leave out what counts as absent: null, and an empty id."""
    return {
        name: value
        for name, value in members.items()
        if value is not None and (value != "" or name not in _IDS)
    }


def _greatest(a: Json, b: Json) -> Json:
    return max(a, b, key=lambda value: (canonical_json(value), dumps(value)))


def _earliest(a: Json, b: Json) -> Json:
    first, second = parse_timestamp(a), parse_timestamp(b)
    if first is None and second is None:
        return _greatest(a, b)
    if first is None or second is None:
        return a if second is None else b
    return min((first, a), (second, b))[1]


def _merge_events(a: dict[str, JsonObject], b: dict[str, JsonObject]) -> dict[str, JsonObject]:
    return _join(
        a, b, lambda x, y: max(x, y, key=lambda e: (_event_time(e), canonical_json(e), dumps(e)))
    )


def _event_time(event: JsonObject) -> int:
    moment = parse_timestamp(event["time"])
    return -(2**63) if moment is None else microseconds(moment)


def _merge_exports(a: JsonObject, b: JsonObject) -> JsonObject:
    return {
        "read_at": max(a["read_at"], b["read_at"]),
        "header": _join(a["header"], b["header"], _greatest),
    }


def _merge_participant(a: JsonObject | None, b: JsonObject | None) -> JsonObject | None:
    if a is None or b is None:
        return b if a is None else a
    whole = [read["whole_read_at"] for read in (a, b) if read["whole_read_at"] is not None]
    return {
        "read_at": max(a["read_at"], b["read_at"]),
        "whole_read_at": max(whole, default=None),
        "saw_end": a["saw_end"] or b["saw_end"],
    }


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
