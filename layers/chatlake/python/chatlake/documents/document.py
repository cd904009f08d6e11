"""The transcript document: all that is known of one chat, and how two of them become one.

`merge` is commutative, associative and idempotent, so reads may arrive in any order, any number
of times, from several writers. docs/row-rules.md §2 has the rules that it follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import NoneType

from chatlake.documents.items import INITIAL, greatest, join, merge_stored_items
from chatlake.json_codec import JsonObject, canonical_json, dumps, loads
from chatlake.timestamps import microseconds, parse_timestamp

FORMAT = 1


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
        raw), greatest first; ``receipts`` by recipient ("" for null); ``read_under``, the contacts
        that it was read under, "" for the initial one, absent if that alone.
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
        ValueError, TypeError
            The bytes are no document, or one of a later format.
        """
        value = loads(data, any_depth=True)
        if not isinstance(value, dict) or value.pop("format", None) != FORMAT:
            message = f"it is not a document of format {FORMAT}"
            raise ValueError(message)
        document = cls(**value)
        for name, kinds in _KINDS.items():
            if not isinstance(getattr(document, name), kinds):
                message = f"its {name} is of the wrong kind"
                raise TypeError(message)
        if not (
            all(map(_is_entry, document.items.values()))
            and all(map(_is_object, document.events.values()))
            and all(map(_is_object, document.exports.values()))
        ):
            message = "one of its items, events or exports is of the wrong kind"
            raise TypeError(message)
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


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_entry(value: object) -> bool:
    versions = value.get("versions") if isinstance(value, dict) else None
    return (
        isinstance(versions, list)
        and versions != []
        and all(isinstance(v, dict) and isinstance(v.get("item"), dict) for v in versions)
    )


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
        items=join(a.items, b.items, merge_stored_items),
        events=join(a.events, b.events, _merge_events),
        exports=join(a.exports, b.exports, _merge_exports),
        participant=_merge_participant(a.participant, b.participant),
    )


def rekeyed(document: Document, initial_contact_id: str) -> Document:
    """Give what a provisional document knows to the chat that its contact is a leg of."""
    leg = document.initial_contact_id
    items = {
        item_id: entry
        | {"read_under": sorted(contact or leg for contact in entry.get("read_under", INITIAL))}
        for item_id, entry in document.items.items()
    }
    return replace(document, initial_contact_id=initial_contact_id, provisional=False, items=items)


def _merge_events(a: dict[str, JsonObject], b: dict[str, JsonObject]) -> dict[str, JsonObject]:
    return join(
        a, b, lambda x, y: max(x, y, key=lambda e: (announced_at(e), canonical_json(e), dumps(e)))
    )


def announced_at(event: JsonObject) -> int:
    """Give when a contact event says that it was sent, in microseconds; the past if unreadable."""
    moment = parse_timestamp(event["time"])
    return -(2**63) if moment is None else microseconds(moment)


def _merge_exports(a: JsonObject, b: JsonObject) -> JsonObject:
    return {
        "read_at": max(a["read_at"], b["read_at"]),
        "header": join(a["header"], b["header"], greatest),
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
