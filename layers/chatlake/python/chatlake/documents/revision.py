"""Digests of a document: of what was said and reported, and of all that determines its rows.

They are compared for equality only.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chatlake.documents.contact_events import disconnected_at
from chatlake.documents.items import resolve
from chatlake.documents.observation import chat_end, observed_until
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from chatlake.documents.document import Document


ROW_FORMAT = 3
"""Which rows are made of a document: to be raised with every rule or column that changes them.

It is part of each revision, so that chats which were published in an older format count as changed
and get their new rows when they are published again.
"""

_AFTER_FORMAT = ":"


def is_complete(document: Document, contact_id: str) -> bool:
    """Return whether an export of the contact, or a read after its end, was merged."""
    if contact_id in document.exports:
        return True
    read = document.participant
    if read is None or read["saw_end"]:
        return read is not None
    ended = disconnected_at(document.events.get(contact_id, {}))
    whole_read_at = read["whole_read_at"]
    if ended is None or whole_read_at is None:
        return False
    return bool(whole_read_at * 1000 >= ended)


def content_revision(document: Document) -> str:
    """Digest what was said and reported, whenever it was read.

    It tells whether a chat has changed: reading the same again makes the same revision.
    """
    state = {
        "items": {
            item_id: [resolve(stored), stored.get("receipts"), stored.get("read_under")]
            for item_id, stored in document.items.items()
        },
        "events": document.events,
        "exports": {contact: export["header"] for contact, export in document.exports.items()},
        "chat": [document.initial_contact_id, document.instance_id],
    }
    return hashlib.sha256(dumps(state)).hexdigest()


def revision(document: Document) -> str:
    """Digest what determines the rows of a chat; the row format stands before it.

    Besides the content that is how completely it was read, and, once the chat's end is known or if
    only files were read, until when its receipts were observed. Else the rows tell the observation
    as it was when they were made, and a later one alone is no reason to write them anew.
    """
    contacts = document.events.keys() | document.exports.keys() | {document.initial_contact_id}
    end = chat_end(document)
    state = {
        "content": content_revision(document),
        "participant": document.participant and document.participant["saw_end"],
        "complete": {contact: is_complete(document, contact) for contact in contacts},
        "observed_until": observed_until(document, end) if end or _has_no_clock(document) else None,
    }
    return f"{ROW_FORMAT}{_AFTER_FORMAT}{hashlib.sha256(dumps(state)).hexdigest()}"


def _has_no_clock(document: Document) -> bool:
    """Return whether all reads were of files, whose observation is what they say."""
    return document.participant is not None and not document.participant["read_at"]


def row_format_of(revision: str) -> int:
    """Return the row format in which a revision was computed; the first one was not written."""
    before, found, _ = revision.partition(_AFTER_FORMAT)
    return int(before) if found else 1
