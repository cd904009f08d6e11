"""Rows of contacts: docs/row-rules.md §7."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from chatlake.document import event_time, is_complete, latest_value, text_id
from chatlake.flatten.columns import TIMESTAMP, Extras
from chatlake.json_codec import well_formed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatlake.document import Document
    from chatlake.flatten.items import Items
    from chatlake.flatten.receipts import Receipts
    from chatlake.json_codec import JsonObject

type Reader = Callable[[Any], str | int | None]


def _text(value: Any) -> str | None:
    return well_formed(value) if isinstance(value, str) else None


# Where each column is found in the detail of an event, and how it is read.
_EVENT_COLUMNS: dict[str, tuple[tuple[str, ...], Reader]] = {
    "previous_contact_id": (("previousContactId",), text_id),
    "related_contact_id": (("relatedContactId",), text_id),
    "channel": (("channel",), _text),
    "initiation_method": (("initiationMethod",), _text),
    "disconnect_reason": (("disconnectReason",), _text),
    "initiated_at": (("initiationTimestamp",), event_time),
    "connected_to_agent_at": (("agentInfo", "connectedToAgentTimestamp"), event_time),
    "disconnected_at": (("disconnectTimestamp",), event_time),
    "queue_arn": (("queueInfo", "queueArn"), text_id),
    "agent_arn": (("agentInfo", "agentArn"), text_id),
}
# Other members that the service documents for its contact events.
_OTHER_EVENT_MEMBERS = frozenset(
    {
        "campaign",
        "chatMetrics",
        "connectedToSystemTimestamp",
        "contactEvaluations",
        "contactId",
        "contactLens",
        "customerId",
        "eventType",
        "initialContactId",
        "instanceArn",
        "recordings",
        "routingCriteria",
        "segmentAttributes",
        "tags",
        "updatedProperties",
    }
)
_EXPORT_MEMBERS = frozenset(
    {"AWSAccountId", "ContactId", "InitialContactId", "InstanceId", "Participants", "Version"}
)


def contact_columns(
    documents: Sequence[Document], messages: Items, metadata_items: Items, receipts: Receipts
) -> dict[str, pa.Array]:
    """Make the columns of contacts but for those that are the same in all tables.

    `chat` among them is the position of the chat among the documents.
    """
    keys = sorted(
        {(chat, document.initial_contact_id) for chat, document in enumerate(documents)}
        | {(chat, contact) for chat, d in enumerate(documents) for contact in d.events}
        | {(chat, contact) for chat, d in enumerate(documents) for contact in d.exports}
        | _contacts_of(messages)
        | _contacts_of(metadata_items)
    )
    message_counts = Counter(
        key
        for key, item, is_current in zip(
            zip(messages.chat, messages.contact_id, strict=True),
            messages.raw,
            messages.is_current,
            strict=True,
        )
        if is_current and item.get("Type") == "MESSAGE"
    )
    receipt_counts = Counter(zip(receipts.chat, receipts.contact_id, strict=True))
    events = [documents[chat].events.get(contact, {}) for chat, contact in keys]
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
        if leftovers := _leftovers(documents[chat], contact):
            extras.by_row[row] = leftovers
    sources = list(map(_sources, documents))
    available = list(map(_receipts_available, documents))
    return {
        **columns,
        "chat": pa.array([chat for chat, _ in keys], pa.int32()),
        "contact_id": pa.array([contact for _, contact in keys], pa.string()),
        "sources": pa.array([sources[chat] for chat, _ in keys], pa.string()),
        "receipts_available": pa.array([available[chat] for chat, _ in keys], pa.bool_()),
        "complete": pa.array([is_complete(documents[chat], contact) for chat, contact in keys]),
        "message_count": pa.array([message_counts[key] for key in keys], pa.int32()),
        "receipt_count": pa.array([receipt_counts[key] for key in keys], pa.int32()),
        "extra": extras.column(len(keys)),
    }


def _contacts_of(items: Items) -> set[tuple[int, str]]:
    return {
        (chat, contact)
        for chat, contact, is_current in zip(
            items.chat, items.contact_id, items.is_current, strict=True
        )
        if is_current
    }


def _sources(document: Document) -> str:
    present = {
        "event": document.events,
        "export": document.exports,
        "participant": document.participant,
    }
    return ",".join(name for name, what in present.items() if what)


def _receipts_available(document: Document) -> bool | None:
    if document.participant:
        return True
    return False if document.exports else None


def _latest(events: dict[str, JsonObject], path: tuple[str, ...], read: Reader) -> Any:
    return latest_value(events, lambda detail: read(_member(detail, path))) if events else None


def _member(detail: JsonObject, path: tuple[str, ...]) -> Any:
    value: Any = detail
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _leftovers(document: Document, contact: str) -> JsonObject:
    """Collect what of a contact's events and export has no column, or could not be read."""
    leftovers: JsonObject = {}
    if (export := document.exports.get(contact)) is not None:
        header = export["header"]
        leftovers |= {name: header[name] for name in header.keys() - _EXPORT_MEMBERS}
    events = document.events.get(contact, {})
    newest_first: list[JsonObject] = []
    latest_value(events, newest_first.append)
    for detail in reversed(newest_first):
        leftovers |= _unreadable(detail)
        known = _OTHER_EVENT_MEMBERS | {path[0] for path, _ in _EVENT_COLUMNS.values()}
        leftovers |= {name: detail[name] for name in detail.keys() - known}
    return {name: value for name, value in leftovers.items() if value is not None}


def _unreadable(detail: JsonObject) -> JsonObject:
    unreadable: JsonObject = {}
    for path, read in _EVENT_COLUMNS.values():
        parent = _member(detail, path[:-1])
        if not isinstance(parent, dict):
            unreadable[path[0]] = parent
            continue
        value = parent.get(path[-1])
        if not _is_readable(value, read):
            if len(path) == 1:
                unreadable[path[0]] = value
            else:
                unreadable.setdefault(path[0], {})[path[1]] = value
    return unreadable


def _is_readable(value: object, read: Reader) -> bool:
    if value in (None, "") or (isinstance(value, str) and value.startswith("1970-01-01")):
        return True
    return read(value) == value if read is not event_time else read(value) is not None
