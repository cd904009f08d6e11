"""The rules of docs/row-rules.md a second time: slow, plain, and sharing no code with the package.

Every section of that page is a section here. Where the package and this module give different
rows, the page decides which of them is wrong.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cached_property
from typing import Any, Literal

import rfc8785

from tests import oracle_readings

type Object = dict[str, Any]
type Row = dict[str, Any]

COLUMNS: dict[str, tuple[str, ...]] = {
    "messages": (
        "instance_id",
        "initial_contact_id",
        "chat_day",
        "contact_id",
        "related_contact_id",
        "item_id",
        "item_type",
        "content_type",
        "content",
        "participant_id",
        "participant_role",
        "display_name",
        "sent_at",
        "processing_status",
        "attachment_count",
        "receipt_count",
        "extra",
    ),
    "receipts": (
        "instance_id",
        "initial_contact_id",
        "chat_day",
        "contact_id",
        "message_id",
        "sender_participant_id",
        "sender_role",
        "recipient_participant_id",
        "recipient_role",
        "sent_at",
        "delivered_at",
        "read_at",
        "delivery_latency_ms",
        "read_latency_ms",
        "extra",
    ),
    "attachments": (
        "instance_id",
        "initial_contact_id",
        "chat_day",
        "contact_id",
        "item_id",
        "attachment_id",
        "attachment_name",
        "content_type",
        "status",
        "participant_id",
        "participant_role",
        "sent_at",
        "extra",
    ),
    "read_latency": (
        "instance_id",
        "initial_contact_id",
        "chat_day",
        "contact_id",
        "message_id",
        "sender_participant_id",
        "sender_role",
        "recipient_participant_id",
        "recipient_role",
        "recipients",
        "message_length",
        "queue_arn",
        "agent_arn",
        "sent_at",
        "recipient_joined_at",
        "delivered_at",
        "read_at",
        "read_by_at",
        "delivery_latency_ms",
        "read_latency_ms",
        "read_by_latency_ms",
        "since_joined_ms",
        "not_seen_for_ms",
        "observed_to_end",
        "read_state",
    ),
    "contacts": (
        "instance_id",
        "initial_contact_id",
        "chat_day",
        "contact_id",
        "previous_contact_id",
        "related_contact_id",
        "channel",
        "initiation_method",
        "disconnect_reason",
        "initiated_at",
        "enqueued_at",
        "connected_to_agent_at",
        "disconnected_at",
        "queue_arn",
        "agent_arn",
        "customer_id",
        "subtype",
        "hierarchy_groups",
        "tags",
        "segment_attributes",
        "chat_metrics",
        "sources",
        "receipts_available",
        "receipts_observed_until",
        "complete",
        "message_count",
        "receipt_count",
        "document_revision",
        "row_format",
        "published_at",
        "extra",
    ),
}

_SORT_COLUMNS = {
    "messages": ("initial_contact_id", "sent_at", "item_id"),
    "receipts": ("initial_contact_id", "sent_at", "message_id", "recipient_participant_id"),
    "attachments": ("initial_contact_id", "sent_at", "item_id", "attachment_id"),
    "read_latency": ("initial_contact_id", "sent_at", "message_id", "recipient_participant_id"),
    "contacts": ("initial_contact_id", "initiated_at", "contact_id"),
}


@dataclass(frozen=True)
class Input:
    """One thing that was read: a GetTranscript response, an S3 export or a contact event.

    `read_at` is in epoch milliseconds, 0 for files. The others are for responses only: `whole`, the
    read went all the way back to the first item; `reached`, it reached every message that lacked a
    reading.
    """

    kind: Literal["response", "export", "event"]
    value: Object
    read_at: int = 0
    whole: bool = False
    reached: bool = True


ROW_FORMAT = 3
"""What the column `row_format` says of these rules."""


class Rejected(ValueError):
    """An input that the rules give no place."""


def rows(inputs: Sequence[Input], *, published_at: datetime) -> dict[str, list[Row]]:
    """The rows of the five tables for all that was read of one or several chats, in table order.

    `document_revision` is None: it is not for this module to say.
    """
    chats: dict[str, list[Input]] = defaultdict(list)
    for one, chat in zip(inputs, place(inputs), strict=True):
        chats[chat].append(one)
    tables: dict[str, list[Row]] = {table: [] for table in COLUMNS}
    for chat, its_inputs in chats.items():
        for table, its_rows in _chat_rows(chat, its_inputs, published_at).items():
            tables[table].extend(its_rows)
    return {table: in_table_order(table, its_rows) for table, its_rows in tables.items()}


def in_table_order(table: str, table_rows: Iterable[Row]) -> list[Row]:
    """Rows by chat, time (nulls last) and key; rows that share all of these by their values."""

    def order(row: Row) -> tuple[Any, ...]:
        key = [(row[name] is None, row[name] or "") for name in _SORT_COLUMNS[table]]
        return (*key, repr(row))

    return sorted(table_rows, key=order)


# §1 Inputs


def place(inputs: Sequence[Input]) -> list[str]:
    """The chat of each input, once every input is known; raises Rejected."""
    chats = [_own_chat(one) for one in inputs]
    named = {chat for chat, one in zip(chats, inputs, strict=True) if _names_its_chat(one)}
    while True:
        legs: dict[str, set[str]] = defaultdict(set)
        for one, chat in zip(inputs, chats, strict=True):
            for contact in {chat, *_contacts(one)}:
                legs[contact].add(chat)
        for chat in sorted(set(chats) - named, reverse=True):
            own = [one for one, its in zip(inputs, chats, strict=True) if its == chat]
            known_by = {chat, *(p for p in map(_previous_contact, own) if p is not None)}
            others = {other for contact in known_by for other in legs[contact]} - {chat}
            if others:
                target = min(others & named or others)
                chats = [target if its == chat else its for its in chats]
                break
        else:
            return chats


def _own_chat(one: Input) -> str:
    """The chat that an input belongs to by its own word."""
    if one.kind == "event":
        detail = _detail(one.value)
        contact = _text(detail.get("contactId"))
        if contact is None or _text(detail.get("eventType")) is None:
            raise Rejected("an event without a contact or a type")
        return _text(detail.get("initialContactId")) or contact
    transcript = one.value.get("Transcript")
    if not isinstance(transcript, list) or not all(isinstance(item, dict) for item in transcript):
        raise Rejected("no list of objects as Transcript")
    initial = _id(one.value.get("InitialContactId"))
    if one.kind == "export":
        contact = _id(one.value.get("ContactId"))
        if contact is None:
            raise Rejected("an export without a contact")
        return initial or contact
    contacts = {_id(item.get("ContactId")) for item in transcript} - {None}
    if initial is None and len(contacts) != 1:
        raise Rejected("a response without a chat")
    return initial or str(contacts.pop())


def _names_its_chat(one: Input) -> bool:
    if one.kind == "event":
        return _text(_detail(one.value).get("initialContactId")) is not None
    return _id(one.value.get("InitialContactId")) is not None


def _contacts(one: Input) -> set[str]:
    """The legs that an input speaks of."""
    if one.kind == "event":
        found = {_text(_detail(one.value).get("contactId"))}
    else:
        found = {
            _id(item.get("ContactId"))
            for item in one.value["Transcript"]
            if _id(item.get("RelatedContactId")) is None
        }
        found.add(_id(one.value.get("ContactId")) if one.kind == "export" else None)
    return {contact for contact in found if contact is not None}


def _previous_contact(one: Input) -> str | None:
    if one.kind != "event":
        return None
    return _text(_detail(one.value).get("previousContactId"))


_INNER_MEMBERS = {
    "agentInfo": ("agentArn", "connectedToAgentTimestamp", "hierarchyGroups"),
    "queueInfo": ("queueArn", "enqueueTimestamp"),
}
_EVENT_MEMBERS = (
    "agentInfo",
    "channel",
    "chatMetrics",
    "contactId",
    "customerId",
    "disconnectReason",
    "disconnectTimestamp",
    "eventType",
    "initialContactId",
    "initiationMethod",
    "initiationTimestamp",
    "instanceArn",
    "previousContactId",
    "queueInfo",
    "relatedContactId",
    "segmentAttributes",
    "tags",
)
_OBJECTS = ("chatMetrics", "hierarchyGroups", "segmentAttributes", "tags")
# Documented by the service, though nothing is made of them.
_OTHER_EVENT_MEMBERS = (
    "campaign",
    "connectedToSystemTimestamp",
    "contactEvaluations",
    "contactLens",
    "recordings",
    "routingCriteria",
    "updatedProperties",
)
_EVENT_IDS = (
    "agentArn",
    "contactId",
    "customerId",
    "eventType",
    "initialContactId",
    "instanceArn",
    "previousContactId",
    "queueArn",
    "relatedContactId",
)


def _detail(event: Object) -> Object:
    """The detail of an event: documented names in camelCase, nothing that counts as absent."""
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise Rejected("an event without a detail")
    detail = _camel_case(detail, (*_EVENT_MEMBERS, *_OTHER_EVENT_MEMBERS))
    for name, inner in _INNER_MEMBERS.items():
        if isinstance(detail.get(name), dict):
            detail[name] = _camel_case(detail[name], inner)
    return detail


def _camel_case(members: Object, names: Iterable[str]) -> Object:
    spelled = _present(members, *_EVENT_IDS, *map(_pascal, _EVENT_IDS))
    for name in names:
        if name not in spelled and _pascal(name) in spelled:
            spelled[name] = spelled.pop(_pascal(name))
    return spelled


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


# §2 Merge


@dataclass(frozen=True)
class _Version:
    """An item as one read gave it, the objects of its Receipts apart."""

    from_participant: bool
    read_at: int
    read_under: str
    raw: Object
    receipts: tuple[Object, ...]

    @property
    def members(self) -> Object:
        return _without_absent(self.raw)

    @property
    def rank(self) -> tuple[bool, bool, int, str]:
        return (
            not _unfinished(self.raw),
            self.from_participant,
            self.read_at,
            canonical(self.raw),
        )

    @property
    def ends_chat(self) -> bool:
        return (
            self.from_participant
            and _id(self.raw.get("RelatedContactId")) is None
            and _says_ended(self.raw)
        )


@dataclass(frozen=True)
class Item:
    """An item merged from its versions; `metadata` is what MessageMetadata merged to."""

    chat: str
    item_id: str
    members: Object
    metadata: Object
    receipts: tuple[Object, ...]
    read_under: frozenset[str]
    ends_chat: bool

    def text(self, name: str) -> str | None:
        return _text(self.members.get(name))

    @property
    def item_type(self) -> str | None:
        return self.text("Type")

    @property
    def is_metadata(self) -> bool:
        return self.item_type in {"MESSAGEMETADATA", "MESSAGE_METADATA"}

    @property
    def is_current(self) -> bool:
        return self.text("RelatedContactId") is None

    @cached_property
    def sent_at(self) -> datetime | None:
        return timestamp(self.members.get("AbsoluteTime"))

    @property
    def contact_id(self) -> str:
        read_under = self.chat if self.chat in self.read_under else min(self.read_under)
        return self.text("ContactId") or self.text("RelatedContactId") or read_under

    @property
    def message_id(self) -> str:
        return self.named_message or self.item_id

    @property
    def named_message(self) -> str | None:
        """The message that the item names as its own or, if it is a receipt event, another one."""
        by_metadata = _id(self.metadata.get("MessageId"))
        if not self.is_receipt_event:
            return by_metadata
        by_content = _message_of_content(self.text("Content"))
        return next(
            (one for one in (by_metadata, by_content) if one not in (None, self.item_id)), None
        )

    @property
    def is_receipt_event(self) -> bool:
        return self.item_type in _RECEIPT_TIMES

    @property
    def reported(self) -> tuple[Object, ...]:
        """The receipts that the item carries, else the one that it is."""
        if self.receipts or not self.is_receipt_event or self.named_message is None:
            return self.receipts
        told = {
            "RecipientParticipantId": self.members.get("ParticipantId"),
            _RECEIPT_TIMES[str(self.item_type)]: self.members.get("AbsoluteTime"),
        }
        return (_present(told),)

    @property
    def attachments(self) -> list[Any]:
        value = self.members.get("Attachments")
        return value if isinstance(value, list) else []


_RECEIPT_TIMES = {"MESSAGE_DELIVERED": "DeliveredTimestamp", "MESSAGE_READ": "ReadTimestamp"}


def _message_of_content(content: str | None) -> str | None:
    try:
        told = json.loads(content or "")
    except ValueError:
        return None
    return _id(told.get("messageId")) if isinstance(told, dict) else None


def _says_ended(members: Object) -> bool:
    return (
        members.get("Type") == "CHAT_ENDED"
        or members.get("ContentType") == "application/vnd.amazonaws.connect.event.chat.ended"
    )


def _items(chat: str, inputs: Sequence[Input]) -> list[Item]:
    versions: dict[str, list[_Version]] = defaultdict(list)
    for one in inputs:
        if one.kind == "event":
            continue
        read_under = chat if one.kind == "response" else _id(one.value["ContactId"])
        for told in one.value["Transcript"]:
            raw = _apart_from_its_message(told)
            without_receipts, receipts = _apart(raw)
            versions[_item_id(raw)].append(
                _Version(
                    from_participant=one.kind == "response",
                    read_at=one.read_at,
                    read_under=str(read_under),
                    raw=without_receipts,
                    receipts=receipts,
                )
            )
    return [_merged(chat, item_id, its) for item_id, its in versions.items()]


def _merged(chat: str, item_id: str, versions: list[_Version]) -> Item:
    versions = sorted(versions, key=lambda version: version.rank, reverse=True)
    members = _first_of_each(version.members for version in versions)
    by_version = [version.members.get("MessageMetadata") for version in versions]
    objects = [metadata for metadata in by_version if isinstance(metadata, dict)]
    metadata = _first_of_each(objects)
    if objects:
        newest = by_version[0] if isinstance(by_version[0], dict) else {}
        for name in ("MessageProcessingStatus", "MessageCompleted", "ChunkNumber"):
            metadata[name] = newest.get(name)
        metadata = _present(metadata)
        members["MessageMetadata"] = metadata
    if isinstance(lost := members.pop(_LEFT_OUT, None), list):
        lost = [name for name in lost if name not in members]
    if lost:
        members[_LEFT_OUT] = lost
    return Item(
        chat=chat,
        item_id=item_id,
        members=members,
        metadata=metadata,
        receipts=tuple(receipt for version in versions for receipt in version.receipts),
        read_under=frozenset(version.read_under for version in versions),
        ends_chat=any(version.ends_chat for version in versions),
    )


_LEFT_OUT = "chatlake:LeftOut"


def _first_of_each(objects: Iterable[Object]) -> Object:
    first: Object = {}
    for members in objects:
        for name, value in members.items():
            first.setdefault(name, value)
    return first


def _apart_from_its_message(raw: Object) -> Object:
    """A metadata item that goes by its message's id, as one that names it and has none itself."""
    own, metadata = _id(raw.get("Id")), raw.get("MessageMetadata")
    if raw.get("Type") in ("MESSAGEMETADATA", "MESSAGE_METADATA") and own is not None:
        members = metadata if isinstance(metadata, dict) else {}
        if _id(members.get("MessageId")) in {own, None}:
            return {**_without(raw, {"Id"}), "MessageMetadata": {**members, "MessageId": own}}
    return raw


def _item_id(item: Object) -> str:
    """The item's Id, else the digest of what does not grow in it."""
    own = _id(item.get("Id"))
    if own is not None:
        return own
    still = dict(item)
    if isinstance(still.get("MessageMetadata"), dict):
        still["MessageMetadata"] = _without(still["MessageMetadata"], {"Receipts"})
    if isinstance(still.get("Attachments"), list):
        still["Attachments"] = [
            _without(one, {"Status"}) if isinstance(one, dict) else one
            for one in still["Attachments"]
        ]
    return "sha256:" + hashlib.sha256(canonical(still).encode()).hexdigest()


def _apart(item: Object) -> tuple[Object, tuple[Object, ...]]:
    """An item without the objects of its Receipts, and these objects."""
    metadata = item.get("MessageMetadata")
    if not isinstance(metadata, dict) or "Receipts" not in metadata:
        return item, ()
    receipts, left = [], metadata["Receipts"]
    if isinstance(left, list):
        receipts = [one for one in left if isinstance(one, dict)]
        left = [one for one in left if not isinstance(one, dict)]
    metadata = _without(metadata, {"Receipts"})
    if left is not None and left != []:
        metadata["Receipts"] = left
    return (
        {**item, "MessageMetadata": metadata},
        tuple(_present(receipt, "RecipientParticipantId") for receipt in receipts),
    )


def _unfinished(item: Object) -> bool:
    metadata, attachments = item.get("MessageMetadata"), item.get("Attachments")
    return (
        isinstance(metadata, dict)
        and (
            metadata.get("MessageProcessingStatus") == "PROCESSING"
            or metadata.get("MessageCompleted") is False
        )
    ) or (
        isinstance(attachments, list)
        and any(isinstance(a, dict) and a.get("Status") == "IN_PROGRESS" for a in attachments)
    )


def _without_absent(raw: Object) -> Object:
    """An item without the members that count as absent: nulls, and ids that are empty."""
    item = _present(raw, "Id", "ContactId", "RelatedContactId", "ParticipantId")
    if isinstance(item.get("MessageMetadata"), dict):
        item["MessageMetadata"] = _present(item["MessageMetadata"], "MessageId")
    if isinstance(item.get("Attachments"), list):
        item["Attachments"] = [
            _present(one, "AttachmentId") if isinstance(one, dict) else one
            for one in item["Attachments"]
        ]
    return item


@dataclass(frozen=True)
class _Event:
    """A contact event: what is known of it by its camelCase name, and what is left of it."""

    contact_id: str
    event_type: str
    time: datetime | None
    detail: Object
    known: Object
    left: Object

    @property
    def sent(self) -> tuple[bool, datetime]:
        """When it was sent, to be compared: an unreadable time is before all others."""
        return (self.time is not None, self.time or _BEFORE_ALL)

    @property
    def order(self) -> tuple[tuple[bool, datetime], str]:
        return (self.sent, self.event_type)


def _events(inputs: Sequence[Input]) -> list[_Event]:
    """Per contact and event type the latest."""
    latest: dict[tuple[str, str], _Event] = {}
    for one in inputs:
        if one.kind != "event":
            continue
        event = _event(one.value)
        key = (event.contact_id, event.event_type)
        if key not in latest or _event_rank(event) > _event_rank(latest[key]):
            latest[key] = event
    return list(latest.values())


def _event_rank(event: _Event) -> tuple[tuple[bool, datetime], str]:
    return (event.sent, canonical(event.detail))


# §3 Values

_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))?"
)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def timestamp(value: object) -> datetime | None:
    """The instant in UTC that a value spells, to the microsecond; None if it spells none."""
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    *date_and_time, fraction, sign, offset_hours, offset_minutes = match.groups()
    if int(offset_hours or 0) > 23 or int(offset_minutes or 0) > 59:
        return None
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    year, month, day, hour, minute, second = map(int, date_and_time)
    microsecond = int((fraction or "")[:6].ljust(6, "0"))
    zone = timezone(-offset if sign == "-" else offset)
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def canonical(value: object) -> str:
    """RFC 8785, with lone surrogates as escapes and any integer as its nearest double."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        members = ",".join(f"{_quoted(name)}:{canonical(value[name])}" for name in names)
        return "{" + members + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    assert isinstance(value, int | float)
    return rfc8785.dumps(float(value)).decode()


_SHORT_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character < " " or "\ud800" <= character <= "\udfff":
        return f"\\u{ord(character):04x}"
    return character


def _text(value: object) -> str | None:
    """A string without its lone surrogates; None for any other value."""
    return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else None


def _id(value: object) -> str | None:
    return _text(value) or None


def _present(members: Mapping[str, Any], *ids: str) -> Object:
    """The members that are not null, nor one of `ids` and empty."""
    return {
        name: value
        for name, value in members.items()
        if value is not None and not (name in ids and value == "")
    }


def _without(members: Object, names: Collection[str]) -> Object:
    return {name: value for name, value in members.items() if name not in names}


class _Reader:
    """Reads known members of an object; what is unknown or unreadable stays in `left`."""

    def __init__(self, members: Object) -> None:
        self._members = members
        self.left = dict(members)

    def text(self, name: str) -> str | None:
        value = self._members.get(name)
        if _text(value) == value:
            self.left.pop(name, None)
        return _text(value)

    def object(self, name: str) -> str | None:
        value = self._members.get(name)
        if not isinstance(value, dict):
            return None
        del self.left[name]
        return canonical(value)

    def time(self, name: str) -> datetime | None:
        instant = timestamp(self._members.get(name))
        if instant is not None:
            del self.left[name]
        return instant

    def event_time(self, name: str) -> datetime | None:
        """A timestamp of an event; the placeholders of 1970 count as absent."""
        value = self._members.get(name)
        if isinstance(value, str) and value.startswith("1970-01-01"):
            del self.left[name]
            return None
        return self.time(name)


def _extra(left: Object) -> str | None:
    return canonical(left) if left else None


def _order(item: Item) -> tuple[bool, datetime, str]:
    """By time, then by id; what has no time comes last."""
    last = datetime.max.replace(tzinfo=UTC)
    return item.sent_at is None, item.sent_at or last, item.item_id


def _earliest(items: Iterable[Item]) -> Item | None:
    return min(items, key=_order, default=None)


# The rows of one chat


def _chat_rows(chat: str, inputs: Sequence[Input], published_at: datetime) -> dict[str, list[Row]]:
    items = _items(chat, inputs)
    receipts = _receipts(items)
    attachments = [row for item in items for row in _attachments(item)]
    messages = [_message(item, receipts, attachments) for item in items if not item.is_metadata]
    contacts = _contact_rows(chat, inputs, items, receipts)
    read_latency = _read_latency(chat, inputs, items, receipts, contacts)
    shared = {
        "instance_id": _instance_id(inputs),
        "initial_contact_id": chat,
        "chat_day": _day(items, contacts),
        "document_revision": None,
        "published_at": published_at,
    }
    tables = {
        "messages": messages,
        "receipts": receipts,
        "attachments": attachments,
        "read_latency": read_latency,
        "contacts": contacts,
    }
    return {
        table: [
            {name: _zoneless({**shared, **row}[name]) for name in COLUMNS[table]}
            for row in its_rows
        ]
        for table, its_rows in tables.items()
    }


def _zoneless(value: object) -> object:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _day(items: list[Item], contacts: list[Row]) -> date | None:
    sent = [_Reader(item.members).time("AbsoluteTime") for item in items if item.is_current]
    known = [at for at in (*sent, *(row["initiated_at"] for row in contacts)) if at is not None]
    return min(known).astimezone(UTC).date() if known else None


# §4 messages


def _message(item: Item, receipts: list[Row], attachments: list[Row]) -> Row:
    reader = _Reader(item.members)
    reader.text("Id")
    row = {
        "contact_id": item.contact_id,
        "item_id": item.item_id,
        "related_contact_id": reader.text("RelatedContactId"),
        "item_type": reader.text("Type"),
        "content_type": reader.text("ContentType"),
        "content": reader.text("Content"),
        "participant_id": reader.text("ParticipantId"),
        "participant_role": reader.text("ParticipantRole"),
        "display_name": reader.text("DisplayName"),
        "sent_at": reader.time("AbsoluteTime"),
        "attachment_count": sum(row["item_id"] == item.item_id for row in attachments),
        "receipt_count": sum(
            item.is_current and row["message_id"] == item.message_id for row in receipts
        ),
    }
    reader.text("ContactId")
    metadata = _Reader(item.metadata)
    metadata.text("MessageId")
    row["processing_status"] = metadata.text("MessageProcessingStatus")
    if metadata.left.get("MessageCompleted") is True:
        metadata.left = _without(metadata.left, {"MessageCompleted", "ChunkNumber"})
    left = reader.left
    if isinstance(left.get("MessageMetadata"), dict):
        left["MessageMetadata"] = metadata.left
        if not metadata.left:
            del left["MessageMetadata"]
    if isinstance(left.get("Attachments"), list):
        left["Attachments"] = [one for one in item.attachments if not isinstance(one, dict)]
        if not left["Attachments"]:
            del left["Attachments"]
    if not item.is_current:
        row["chat_day"] = None
    return {**row, "extra": _extra(left)}


# §5 receipts


def _receipts(items: list[Item]) -> list[Row]:
    messages, roles = _messages_by_id(items), _roles(items)
    gathered: dict[tuple[str, str | None], list[Object]] = defaultdict(list)
    for item in items:
        if item.is_current:
            for receipt in item.reported:
                recipient = _text(receipt.get("RecipientParticipantId"))
                gathered[item.message_id, recipient].append(receipt)
    found = (
        _receipt(items, messages, roles, message_id, recipient, receipts)
        for (message_id, recipient), receipts in gathered.items()
    )
    return [row for row in found if row is not None]


def _receipt(
    items: list[Item],
    messages: Mapping[str, Item],
    roles: Mapping[str | None, str],
    message_id: str,
    recipient: str | None,
    receipts: list[Object],
) -> Row | None:
    message = messages.get(message_id)
    if message is not None:
        contact_id = message.contact_id
    elif any(
        message_id in (item.item_id, item.message_id) for item in items if not item.is_current
    ):
        return None
    else:
        carrier = _earliest(
            item
            for item in items
            if item.is_current
            and (item.is_metadata or item.is_receipt_event)
            and item.reported
            and item.message_id == message_id
        )
        assert carrier is not None
        contact_id = carrier.contact_id
    sent_at = message.sent_at if message else None
    extra: Object = {}
    delivered_at = _earliest_time(receipts, "DeliveredTimestamp", extra)
    read_at = _earliest_time(receipts, "ReadTimestamp", extra)
    for receipt in receipts:
        for name, value in receipt.items():
            if name not in {"DeliveredTimestamp", "ReadTimestamp"} and not (
                name == "RecipientParticipantId" and _text(value) == value
            ):
                extra[name] = _greatest([value, *([extra[name]] if name in extra else [])])
    return {
        "contact_id": contact_id,
        "message_id": message_id,
        "sender_participant_id": message.text("ParticipantId") if message else None,
        "sender_role": message.text("ParticipantRole") if message else None,
        "recipient_participant_id": recipient,
        "recipient_role": roles.get(recipient),
        "sent_at": sent_at,
        "delivered_at": delivered_at,
        "read_at": read_at,
        "delivery_latency_ms": _latency_ms(sent_at, delivered_at),
        "read_latency_ms": _latency_ms(sent_at, read_at),
        "extra": _extra(extra),
    }


def _messages_by_id(items: Sequence[Item]) -> dict[str, Item]:
    """The message of each id: the item of this id, else the earliest that its metadata names so."""
    shown = [
        item
        for item in items
        if item.is_current and not item.is_metadata and not item.is_receipt_event
    ]
    named = defaultdict[str, list[Item]](list)
    for item in shown:
        named[item.message_id].append(item)
    earliest = {message_id: min(its_items, key=_order) for message_id, its_items in named.items()}
    return earliest | {item.item_id: item for item in shown}


def _earliest_time(receipts: list[Object], name: str, extra: Object) -> datetime | None:
    """The earliest readable value; without one, the greatest raw value goes to `extra`."""
    values = [receipt[name] for receipt in receipts if name in receipt]
    readable = [instant for instant in map(timestamp, values) if instant is not None]
    if readable:
        return min(readable)
    if values:
        extra[name] = _greatest(values)
    return None


def _greatest(values: list[Any]) -> object:
    return max(values, key=canonical)


def _roles(items: Sequence[Item]) -> dict[str | None, str]:
    """The role of each participant: that of its earliest item that names one."""
    named = defaultdict[str, list[tuple[Item, str]]](list)
    for item in items:
        who, role = item.text("ParticipantId"), item.text("ParticipantRole")
        if item.is_current and who is not None and role is not None:
            named[who].append((item, role))
    return {who: min(its, key=lambda one: _order(one[0]))[1] for who, its in named.items()}


def _latency_ms(sent_at: datetime | None, received_at: datetime | None) -> int | None:
    if sent_at is None or received_at is None:
        return None
    return (received_at - sent_at) // timedelta(milliseconds=1)


# §6 attachments


def _attachments(item: Item) -> list[Row]:
    if item.is_metadata or not item.is_current:
        return []
    with_id: dict[str, Row] = {}
    without_id: list[Row] = []
    for attachment in item.attachments:
        if not isinstance(attachment, dict):
            continue
        reader = _Reader(attachment)
        row = {
            "contact_id": item.contact_id,
            "item_id": item.item_id,
            "attachment_id": reader.text("AttachmentId"),
            "attachment_name": reader.text("AttachmentName"),
            "content_type": reader.text("ContentType"),
            "status": reader.text("Status"),
            "participant_id": item.text("ParticipantId"),
            "participant_role": item.text("ParticipantRole"),
            "sent_at": item.sent_at,
        }
        row["extra"] = _extra(reader.left)
        if row["attachment_id"] is None:
            without_id.append(row)
        else:
            with_id[str(row["attachment_id"])] = row
    return [*with_id.values(), *without_id]


# §7 contacts


def _contact_rows(
    chat: str, inputs: Sequence[Input], items: list[Item], receipts: list[Row]
) -> list[Row]:
    events = _events(inputs)
    exports = [one for one in inputs if one.kind == "export"]
    current = [item for item in items if item.is_current]
    exported = {str(_id(one.value["ContactId"])) for one in exports}
    kinds = {one.kind for one in inputs}
    ended = any(item.ends_chat for item in items)
    observed_until = _observed_until(chat, inputs, items)
    read_whole = [_epoch_ms(one.read_at) for one in inputs if one.kind == "response" and one.whole]

    def row(contact_id: str) -> Row:
        own = [event for event in events if event.contact_id == contact_id]
        known = {name: _latest_known(own, name) for name in _EVENT_COLUMNS.values()}
        disconnected_at = known["disconnectTimestamp"]
        return {
            "contact_id": contact_id,
            **{column: known[name] for column, name in _EVENT_COLUMNS.items()},
            "channel": known["channel"] if own else "CHAT",
            "sources": ",".join(sorted(_SOURCE[kind] for kind in kinds)),
            "receipts_available": (
                True if "response" in kinds else False if "export" in kinds else None
            ),
            "receipts_observed_until": observed_until,
            "row_format": ROW_FORMAT,
            "complete": contact_id in exported
            or ended
            or any(disconnected_at and at >= disconnected_at for at in read_whole),
            "message_count": sum(
                item.item_type == "MESSAGE" and item.contact_id == contact_id for item in current
            ),
            "receipt_count": sum(row["contact_id"] == contact_id for row in receipts),
            "extra": _extra({**_left_of_exports(exports, contact_id), **_left_of_events(own)}),
        }

    contacts = {
        chat,
        *(event.contact_id for event in events),
        *(item.contact_id for item in current),
        *exported,
    }
    return [row(contact_id) for contact_id in contacts]


_SOURCE = {"response": "participant", "export": "export", "event": "event"}

_EVENT_COLUMNS = {
    "previous_contact_id": "previousContactId",
    "related_contact_id": "relatedContactId",
    "channel": "channel",
    "initiation_method": "initiationMethod",
    "disconnect_reason": "disconnectReason",
    "initiated_at": "initiationTimestamp",
    "enqueued_at": "enqueueTimestamp",
    "connected_to_agent_at": "connectedToAgentTimestamp",
    "disconnected_at": "disconnectTimestamp",
    "queue_arn": "queueArn",
    "agent_arn": "agentArn",
    "customer_id": "customerId",
    "subtype": "connect:Subtype",
    "hierarchy_groups": "hierarchyGroups",
    "tags": "tags",
    "segment_attributes": "segmentAttributes",
    "chat_metrics": "chatMetrics",
}

_EXPORT_MEMBERS = (
    "Version",
    "AWSAccountId",
    "InstanceId",
    "InitialContactId",
    "ContactId",
    "Participants",
    "Transcript",
)


def _latest_known(events: list[_Event], name: str) -> Any:
    having = [event for event in events if event.known.get(name) is not None]
    return max(having, key=lambda event: event.order).known[name] if having else None


def _event(value: Object) -> _Event:
    detail = _detail(value)
    reader = _Reader(_without(detail, {*_OTHER_EVENT_MEMBERS, *map(_pascal, _OTHER_EVENT_MEMBERS)}))
    known: Object = {}
    for name in _EVENT_MEMBERS:
        if name in _INNER_MEMBERS:
            continue
        known[name] = _known(reader, name)
    known["connect:Subtype"] = _subtype(detail.get("segmentAttributes"))
    for name, inner_names in _INNER_MEMBERS.items():
        if isinstance(detail.get(name), dict):
            inner = _Reader({n: v for n, v in detail[name].items() if n in inner_names})
            for inner_name in inner_names:
                known[inner_name] = _known(inner, inner_name)
            reader.left[name] = inner.left
            if not inner.left:
                del reader.left[name]
    return _Event(
        contact_id=str(known["contactId"]),
        event_type=known["eventType"],
        time=timestamp(value.get("time")),
        detail=detail,
        known=known,
        left=reader.left,
    )


def _known(reader: _Reader, name: str) -> Any:
    if name in _OBJECTS:
        return reader.object(name)
    return reader.event_time(name) if name.endswith("Timestamp") else reader.text(name)


def _subtype(segment_attributes: object) -> str | None:
    """The attribute connect:Subtype, whose value is spelled in either case."""
    if not isinstance(segment_attributes, dict):
        return None
    attribute = segment_attributes.get("connect:Subtype")
    values = attribute if isinstance(attribute, dict) else {}
    texts = (_text(values.get(name)) for name in ("valueString", "ValueString"))
    return next((text for text in texts if text is not None), None)


def _left_of_events(events: list[_Event]) -> Object:
    """Unknown and unreadable members, the latest of each."""
    left: Object = {}
    for event in sorted(events, key=lambda event: event.order):
        left |= event.left
    return left


def _left_of_exports(exports: list[Input], contact_id: str) -> Object:
    """Unknown members beside the transcript; of several exports the greatest of each."""
    left: Object = {}
    for one in exports:
        if _id(one.value["ContactId"]) == contact_id:
            for name, value in _without(_present(one.value), _EXPORT_MEMBERS).items():
                left[name] = _greatest([value, left.get(name, value)])
    return left


def _ended_at(chat: str, inputs: Sequence[Input], items: Sequence[Item]) -> datetime | None:
    """When the chat ended, by its own word, else by that of all its legs."""
    current = [item for item in items if item.is_current]
    told = [item.sent_at for item in current if _says_ended(item.members)]
    if any(told):
        return min(at for at in told if at is not None)
    events = _events(inputs)
    legs = {
        chat,
        *(event.contact_id for event in events),
        *(str(_id(one.value["ContactId"])) for one in inputs if one.kind == "export"),
        *(contact for item in current if (contact := item.text("ContactId")) is not None),
    }
    disconnected = [
        _latest_known([event for event in events if event.contact_id == leg], "disconnectTimestamp")
        for leg in legs
    ]
    return None if None in disconnected else max(disconnected)


def _observed_until(chat: str, inputs: Sequence[Input], items: Sequence[Item]) -> datetime | None:
    """Until when receipts were seen, at most until the chat's end."""
    observed = [at for at in map(_observed_by, inputs) if at is not None]
    ended_at = _ended_at(chat, inputs, items)
    if not observed:
        return None
    return max(observed) if ended_at is None else min(max(observed), ended_at)


def _observed_by(one: Input) -> datetime | None:
    """Until when one read saw receipts: when it was made, or the end if that came while it waited.

    Of a file its newest time.
    """
    if one.kind != "response" or not one.reached:
        return None
    if one.read_at:
        ends = [
            timestamp(item.get("AbsoluteTime"))
            for item in one.value["Transcript"]
            if _says_ended(item) and _id(item.get("RelatedContactId")) is None
        ]
        return max(at for at in (_epoch_ms(one.read_at), *ends) if at is not None)
    told = [
        timestamp(value)
        for item in one.value["Transcript"]
        for value in (
            item.get("AbsoluteTime"),
            *(
                receipt.get(name)
                for receipt in _apart(item)[1]
                for name in ("DeliveredTimestamp", "ReadTimestamp")
            ),
        )
    ]
    return max((at for at in told if at is not None), default=None)


def _instance_id(inputs: Sequence[Input]) -> str | None:
    named = (
        _detail(one.value).get("instanceArn")
        if one.kind == "event"
        else one.value.get("InstanceId")
        if one.kind == "export"
        else None
        for one in inputs
    )
    ids = {text.rpartition("/")[2] for text in map(_text, named) if text is not None}
    return max(ids - {""}, default=None)


def _epoch_ms(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


# §8 read_latency, in oracle_readings


def _read_latency(
    chat: str,
    inputs: Sequence[Input],
    items: Sequence[Item],
    receipts: list[Row],
    contacts: list[Row],
) -> list[Row]:
    messages = _messages_by_id(items)
    reported: dict[str, list[Row]] = defaultdict(list)
    for row in receipts:
        message = messages.get(row["message_id"])
        if message is not None:
            reported[message.item_id].append(row)
    return oracle_readings.readings(
        oracle_readings.Chat(
            items=items,
            receipts=receipts,
            reported=reported,
            contacts={row["contact_id"]: row for row in contacts},
            role_of=_roles(items).get,
            ended_at=_ended_at(chat, inputs, items),
            observed_until=_observed_until(chat, inputs, items),
            receipts_available=contacts[0]["receipts_available"],
        )
    )
