"""When a chat is over, and when its rows are worth writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.upsert import legs_of

if TYPE_CHECKING:
    from chatlake.documents.document import Document

SETTLE_MS = 5 * 60_000
"""After all known legs ended, a transfer's next leg may still become known."""

IDLE_MS = 24 * 3_600_000
"""After which a chat that nothing is heard of any more is published as it is."""

_ENDING_EVENTS = frozenset({"DISCONNECTED", "COMPLETED"})


def is_ended(document: Document) -> bool:
    """Tell whether the chat's end was seen, or every leg that is known has ended.

    A leg has ended when an event says so, or when its export is there, which is written then.
    """
    if document.participant is not None and document.participant["saw_end"]:
        return True
    ended = document.exports.keys() | {
        contact for contact, events in document.events.items() if _ENDING_EVENTS & events.keys()
    }
    return legs_of(document) <= ended
