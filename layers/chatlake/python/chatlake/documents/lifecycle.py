"""When a chat is over, and when its rows are worth writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.legs import legs_of

if TYPE_CHECKING:
    from chatlake.documents.document import Document

SETTLE_MS = 5 * 60_000
"""After all known legs ended, a transfer's next leg may still become known."""

IDLE_MS = 24 * 3_600_000
"""After which an idle chat, of which nothing new comes, is published as it is."""

ENDING_EVENTS = frozenset({"DISCONNECTED", "COMPLETED"})
"""Types of contact events that tell of the end of a contact."""


def saw_end(document: Document) -> bool:
    """Return whether a read of the transcript saw the end of the chat."""
    return document.participant is not None and document.participant["saw_end"]


def is_ended(document: Document) -> bool:
    """Return whether the chat's end was seen, or every leg that is known has ended.

    A leg has ended when an event says so, or when its export is there, which is written then.
    """
    if saw_end(document):
        return True
    ended = document.exports.keys() | {
        contact for contact, events in document.events.items() if ENDING_EVENTS & events.keys()
    }
    return legs_of(document) <= ended
