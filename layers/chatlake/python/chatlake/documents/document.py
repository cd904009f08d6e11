"""The transcript document: all that was read of one chat, and how two of them merge.

`merge` is commutative, associative and idempotent, so reads may arrive in any order, any number
of times, from several writers. docs/row-rules.md §2 has the rules that it follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import NoneType
from typing import TypedDict

from chatlake.documents.formats import FORMAT, upgraded
from chatlake.documents.items import (
    INITIAL_CONTACT,
    StoredItem,
    in_order,
    merge_items,
    newest_time,
    read_under,
)
from chatlake.documents.merging import greatest, join
from chatlake.json_codec import JsonObject, canonical_json, dumps, loads
from chatlake.timestamps import microseconds, parse_timestamp


class StoredEvent(TypedDict):
    """A contact event: when EventBridge says that it was sent (RFC 3339, or null), and its detail.

    The known names of `detail` are spelled as the documentation spells them.
    """

    time: object
    detail: JsonObject


class StoredExport(TypedDict):
    """An export: when it was read, in epoch ms, 0 for a file; and all of it but its transcript."""

    read_at: int
    header: JsonObject


class ParticipantReads(TypedDict):
    """Of all GetTranscript reads of a chat.

    `read_at` is that of the latest, in epoch ms, `whole_read_at` that of the latest that went all
    the way back, None without any. `observed_until` is until when receipts were seen, in
    microseconds since 1970: when the latest read was made that reached every message without a
    reading, for a file the newest time in it; None without any. `saw_end` tells whether one of them
    saw the end of the chat.
    """

    read_at: int
    whole_read_at: int | None
    observed_until: int | None
    saw_end: bool


@dataclass(frozen=True, slots=True)
class Document:
    """All that was read of one chat.

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
        By item id.
    events
        By contact id and event type, the latest of each.
    exports
        By contact id.
    participant
        None if no GetTranscript read was merged.
    """

    initial_contact_id: str
    provisional: bool = False
    instance_id: str | None = None
    items: dict[str, StoredItem] = field(default_factory=dict)
    events: dict[str, dict[str, StoredEvent]] = field(default_factory=dict)
    exports: dict[str, StoredExport] = field(default_factory=dict)
    participant: ParticipantReads | None = None

    def to_bytes(self) -> bytes:
        """Write the document as JSON; documents that know the same give the same bytes."""
        return dumps({"format": FORMAT, **{name: getattr(self, name) for name in self.__slots__}})

    @classmethod
    def from_bytes(cls, data: bytes) -> Document:
        """Read what `to_bytes` wrote.

        Documents of earlier formats are upgraded.

        Raises
        ------
        UnsupportedDocumentFormat
            A newer version has written it.
        ValueError, TypeError
            The bytes are no document.
        """
        value = upgraded(loads(data, any_depth=True))
        document = cls(**value)
        for name, kinds in _KINDS.items():
            if not isinstance(getattr(document, name), kinds):
                message = f"its {name} is of the wrong kind"
                raise TypeError(message)
        if not (
            all(map(_is_stored_item, document.items.values()))
            and all(map(_is_object, document.events.values()))
            and all(map(_is_object, document.exports.values()))
        ):
            message = "one of its items, events or exports is of the wrong kind"
            raise TypeError(message)
        for item_id, stored in document.items.items():
            document.items[item_id] = in_order(stored)
        if document.participant is not None and "observed_until" not in document.participant:
            document.participant["observed_until"] = _observed_before(document)
        return document


_KINDS: dict[str, tuple[type, ...]] = {
    "initial_contact_id": (str,),
    "provisional": (bool,),
    "instance_id": (str, NoneType),
    "items": (dict,),
    "events": (dict,),
    "exports": (dict,),
    "participant": (dict, NoneType),
}


def _observed_before(document: Document) -> int | None:
    """Return until when receipts were seen at least; version 0.1 did not keep it."""
    read = (
        stored
        for stored in document.items.values()
        if any(version.get("source") == "participant" for version in stored["versions"])
    )
    whole = document.participant and document.participant.get("whole_read_at")
    return max((at for at in (newest_time(read), whole and whole * 1000) if at), default=None)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_stored_item(value: object) -> bool:
    versions = value.get("versions") if isinstance(value, dict) else None
    return (
        isinstance(versions, list)
        and versions != []
        and all(isinstance(v, dict) and isinstance(v.get("item"), dict) for v in versions)
    )


def merge(a: Document, b: Document) -> Document:
    """Merge two documents of one chat.

    When the bytes of ``merge(a, b)`` are those of ``a``, then ``b`` held nothing new.
    """
    if a.initial_contact_id != b.initial_contact_id:
        message = f"documents of two chats: {a.initial_contact_id} and {b.initial_contact_id}"
        raise ValueError(message)
    return Document(
        initial_contact_id=a.initial_contact_id,
        provisional=a.provisional and b.provisional,
        instance_id=max(filter(None, (a.instance_id, b.instance_id)), default=None),
        items=join(a.items, b.items, merge_items),
        events=join(a.events, b.events, _merge_events),
        exports=join(a.exports, b.exports, _merge_exports),
        participant=_merge_participant(a.participant, b.participant),
    )


def rekeyed(document: Document, initial_contact_id: str) -> Document:
    """Return what a provisional document knows as a document of the chat that it is a leg of."""
    leg = document.initial_contact_id
    items: dict[str, StoredItem] = {}
    for item_id, stored in document.items.items():
        contacts = [leg if c == INITIAL_CONTACT else c for c in read_under(stored)]
        items[item_id] = {**stored, "read_under": sorted(contacts)}
    return replace(document, initial_contact_id=initial_contact_id, provisional=False, items=items)


def _merge_events(a: dict[str, StoredEvent], b: dict[str, StoredEvent]) -> dict[str, StoredEvent]:
    return join(a, b, _later_event)


def _later_event(a: StoredEvent, b: StoredEvent) -> StoredEvent:
    def rank(event: StoredEvent) -> tuple[int, str, bytes]:
        raw: JsonObject = {**event}
        return sent_at_us(event), canonical_json(raw), dumps(raw)

    return max(a, b, key=rank)


def sent_at_us(event: StoredEvent) -> int:
    """Return when a contact event says that it was sent, in microseconds since 1970.

    An unreadable time counts as before all others.
    """
    moment = parse_timestamp(event["time"])
    return -(2**63) if moment is None else microseconds(moment)


def _merge_exports(a: StoredExport, b: StoredExport) -> StoredExport:
    return {
        "read_at": max(a["read_at"], b["read_at"]),
        "header": join(a["header"], b["header"], greatest),
    }


def _merge_participant(
    a: ParticipantReads | None, b: ParticipantReads | None
) -> ParticipantReads | None:
    if a is None or b is None:
        return b if a is None else a
    whole = [read["whole_read_at"] for read in (a, b) if read["whole_read_at"] is not None]
    observed = [read["observed_until"] for read in (a, b) if read["observed_until"] is not None]
    return {
        "read_at": max(a["read_at"], b["read_at"]),
        "whole_read_at": max(whole, default=None),
        "observed_until": max(observed, default=None),
        "saw_end": a["saw_end"] or b["saw_end"],
    }
