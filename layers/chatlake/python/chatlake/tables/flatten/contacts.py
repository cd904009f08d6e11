"""Rows of contacts: docs/row-rules.md §7."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.documents.contact_events import event_time, first_value, newest_first
from chatlake.documents.revision import ROW_FORMAT, is_complete
from chatlake.identifiers import text_id
from chatlake.json_codec import canonical_json, well_formed
from chatlake.sources.contact_event import MEMBERS, OTHER_MEMBERS
from chatlake.tables.flatten.columns import TIMESTAMP, Extras

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatlake.documents.document import Document, StoredExport
    from chatlake.json_codec import JsonObject
    from chatlake.tables.flatten.chat_times import ChatTimes
    from chatlake.tables.flatten.items import Items
    from chatlake.tables.flatten.receipts import Receipts

type Reader = Callable[[Any], str | int | None]


def _text(value: Any) -> str | None:
    return well_formed(value) if isinstance(value, str) else None


def _object(value: Any) -> str | None:
    return canonical_json(value) if isinstance(value, dict) else None


def _subtype(value: Any) -> str | None:
    told = value.get("connect:Subtype") if isinstance(value, dict) else None
    if not isinstance(told, dict):
        return None
    # Written as in the sample events of the service, or as its other APIs write it.
    return _text(told.get("valueString")) or _text(told.get("ValueString"))


# Where each column is found in the detail of an event, and how it is read.
_EVENT_COLUMNS: dict[str, tuple[tuple[str, ...], Reader]] = {
    "previous_contact_id": (("previousContactId",), text_id),
    "related_contact_id": (("relatedContactId",), text_id),
    "channel": (("channel",), _text),
    "initiation_method": (("initiationMethod",), _text),
    "disconnect_reason": (("disconnectReason",), _text),
    "initiated_at": (("initiationTimestamp",), event_time),
    "enqueued_at": (("queueInfo", "enqueueTimestamp"), event_time),
    "connected_to_agent_at": (("agentInfo", "connectedToAgentTimestamp"), event_time),
    "disconnected_at": (("disconnectTimestamp",), event_time),
    "queue_arn": (("queueInfo", "queueArn"), text_id),
    "agent_arn": (("agentInfo", "agentArn"), text_id),
    "customer_id": (("customerId",), text_id),
    "subtype": (("segmentAttributes",), _subtype),
    "hierarchy_groups": (("agentInfo", "hierarchyGroups"), _object),
    "tags": (("tags",), _object),
    "segment_attributes": (("segmentAttributes",), _object),
    "chat_metrics": (("chatMetrics",), _object),
}
# All that is read of an event, columns or not.
_READ = (
    *(found for found in _EVENT_COLUMNS.values() if found[1] is not _subtype),
    *(((name,), text_id) for name in ("contactId", "eventType", "initialContactId", "instanceArn")),
)
_EVENT_MEMBERS = frozenset(
    spelling
    for name in (*MEMBERS, *OTHER_MEMBERS)
    for spelling in (name, name[0].upper() + name[1:] if name in OTHER_MEMBERS else name)
)
_EXPORT_MEMBERS = frozenset(
    {"AWSAccountId", "ContactId", "InitialContactId", "InstanceId", "Participants", "Version"}
)


def contact_rows(
    documents: Sequence[Document], items: Items, receipts: Receipts, times: ChatTimes
) -> pa.Table:
    """Make the rows of contacts but for the columns that are the chat's."""
    message_counts = _message_counts(items)
    keys = sorted(
        {(chat, document.initial_contact_id) for chat, document in enumerate(documents)}
        | {(chat, contact) for chat, d in enumerate(documents) for contact in d.events}
        | {(chat, contact) for chat, d in enumerate(documents) for contact in d.exports}
        | message_counts.keys()
    )
    receipt_counts = Counter(zip(receipts.chat, receipts.contact_id, strict=True))
    events = [newest_first(documents[chat].events.get(contact, {})) for chat, contact in keys]
    columns = {
        name: pa.array(
            [_latest(of_contact, path, read) for of_contact in events],
            TIMESTAMP if read is event_time else pa.string(),
        )
        for name, (path, read) in _EVENT_COLUMNS.items()
    }
    # A contact that no event tells of is a chat nevertheless, or its transcript would not be here.
    columns["channel"] = pa.array(
        [
            channel if of_contact else "CHAT"
            for channel, of_contact in zip(columns["channel"].to_pylist(), events, strict=True)
        ],
        pa.string(),
    )
    extras = Extras()
    for row, (chat, contact) in enumerate(keys):
        if leftovers := _leftovers(documents[chat].exports.get(contact), events[row]):
            extras.by_row[row] = leftovers
    sources = list(map(_sources, documents))
    chats = pa.array([chat for chat, _ in keys], pa.int32())
    columns |= {
        "chat": chats,
        "contact_id": pa.array([contact for _, contact in keys], pa.string()),
        "sources": pa.array([sources[chat] for chat, _ in keys], pa.string()),
        "receipts_available": times.receipts_available.take(chats),
        "receipts_observed_until": pc.cast(times.observed_until.take(chats), TIMESTAMP),
        "complete": pa.array([is_complete(documents[chat], contact) for chat, contact in keys]),
        "message_count": pa.array([message_counts.get(key, 0) for key in keys], pa.int32()),
        "receipt_count": pa.array([receipt_counts[key] for key in keys], pa.int32()),
        "row_format": pa.array([ROW_FORMAT] * len(keys), pa.int32()),
        "extra": extras.column(len(keys)),
    }
    return pa.table(columns)


def _message_counts(items: Items) -> dict[tuple[int, str], int]:
    """Count the items of type MESSAGE of each contact that has any current item."""
    current = items.columns.select(["chat", "contact_id", "item_type"])
    current = current.filter(pa.array(items.is_current, pa.bool_()))
    is_message = pc.equal(pc.fill_null(current.column("item_type"), ""), "MESSAGE")
    counted = current.append_column("messages", pc.cast(is_message, pa.int32()))
    groups = counted.group_by(["chat", "contact_id"]).aggregate([("messages", "sum")])
    chats, contacts, counts = (column.to_pylist() for column in groups.columns)
    return dict(zip(zip(chats, contacts, strict=True), counts, strict=True))


def _sources(document: Document) -> str:
    present = {
        "event": document.events,
        "export": document.exports,
        "participant": document.participant,
    }
    return ",".join(name for name, what in present.items() if what)


def _latest(details: list[JsonObject], path: tuple[str, ...], read: Reader) -> Any:
    return first_value(details, lambda detail: read(_member(detail, path)))


def _member(detail: JsonObject, path: tuple[str, ...]) -> Any:
    value: Any = detail
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _leftovers(export: StoredExport | None, details: list[JsonObject]) -> JsonObject:
    """Collect what of a contact's events and export has no column, or could not be read."""
    leftovers: JsonObject = {}
    if export is not None:
        header = export["header"]
        leftovers |= {name: header[name] for name in header.keys() - _EXPORT_MEMBERS}
    for detail in reversed(details):
        leftovers |= _unreadable(detail)
        leftovers |= {name: detail[name] for name in detail.keys() - _EVENT_MEMBERS}
    return {name: value for name, value in leftovers.items() if value is not None}


def _unreadable(detail: JsonObject) -> JsonObject:
    unreadable: JsonObject = {}
    for path, read in _READ:
        parent = _member(detail, path[:-1])
        if not isinstance(parent, dict):
            if parent is not None:
                unreadable[path[0]] = parent
            continue
        value = parent.get(path[-1])
        if not _is_readable(value, read):
            if len(path) == 1:
                unreadable[path[0]] = value
            else:
                unreadable.setdefault(path[0], {})[path[1]] = value
    return unreadable


def _is_readable(value: Any, read: Reader) -> bool:
    if value is None:
        return True
    if read is event_time:
        is_placeholder = isinstance(value, str) and value.startswith("1970-01-01")
        return is_placeholder or read(value) is not None
    if read is _object:
        return isinstance(value, dict)
    return value == "" or bool(read(value) == value)
