"""What a document says as a whole: a digest of all that determines its rows, and completeness."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from chatlake.documents.document import sent_at_us
from chatlake.documents.items import resolve
from chatlake.json_codec import JsonObject, dumps
from chatlake.timestamps import microseconds, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatlake.documents.document import Document, StoredEvent


ROW_FORMAT = 1
"""Which rows are made of a document: to be raised with every rule or column that changes them.

It is part of each revision, so that chats which were published in an older format count as changed
and get their new rows when they are published again.
"""

_AFTER_FORMAT = ":"


def latest_value(events: Mapping[str, StoredEvent], read: Callable[[JsonObject], Any]) -> Any:
    """Of the events of one contact that have a readable value, return the latest one's.

    Parameters
    ----------
    events
        By event type: ``time`` and ``detail``.
    read
        Takes a detail; None means that it has no readable value.
    """
    for kind in sorted(events, key=lambda kind: (sent_at_us(events[kind]), kind), reverse=True):
        if (value := read(events[kind]["detail"])) is not None:
            return value
    return None


def is_complete(document: Document, contact_id: str) -> bool:
    """Return whether an export of the contact, or a read after its end, was merged."""
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
    if ended is None or whole_read_at is None:
        return False
    return bool(whole_read_at * 1000 >= ended)


def event_time(value: object) -> int | None:
    """Read a time of a contact event: microseconds since 1970; placeholders of 1970 are None."""
    # "1970-01-01T00:00:00.001Z" stands for "not yet" in the service's own sample events.
    if isinstance(value, str) and value.startswith("1970-01-01"):
        return None
    moment = parse_timestamp(value)
    return None if moment is None else microseconds(moment)


def revision(document: Document) -> str:
    """Digest what determines the rows of a chat; to be compared for equality only.

    Times of reading are left out, so reading the same again makes the same revision. The row format
    stands before the digest of all else.
    """
    contacts = document.events.keys() | document.exports.keys() | {document.initial_contact_id}
    state = {
        "items": {
            item_id: [resolve(stored), stored.get("receipts"), stored.get("read_under")]
            for item_id, stored in document.items.items()
        },
        "events": document.events,
        "exports": {contact: export["header"] for contact, export in document.exports.items()},
        "participant": document.participant and document.participant["saw_end"],
        "complete": {contact: is_complete(document, contact) for contact in contacts},
        "chat": [document.initial_contact_id, document.instance_id],
    }
    digest = hashlib.sha256(dumps(state)).hexdigest()
    # As version 0.1 wrote it, whose rows are of format 1.
    return digest if ROW_FORMAT == 1 else f"{ROW_FORMAT}{_AFTER_FORMAT}{digest}"


def content_digest(revision: str) -> str:
    """Return the part of a revision that does not depend on the row format."""
    return revision.rpartition(_AFTER_FORMAT)[2]
