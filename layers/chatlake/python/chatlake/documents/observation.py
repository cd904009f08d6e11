"""Until when receipts of a chat were observed, and when it ended: docs/row-rules.md §8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.contact_events import disconnected_at
from chatlake.documents.items import ends_chat, resolve
from chatlake.identifiers import text_id
from chatlake.timestamps import epoch_us

if TYPE_CHECKING:
    from chatlake.documents.document import Document


def chat_end(document: Document) -> int | None:
    """Return when the chat ended, in microseconds since 1970, as the document alone says.

    That is the first item which says so, else the latest end of a leg once every known leg has
    one; None if neither is known.
    """
    items = [resolve(stored) for stored in document.items.values()]
    told = [
        at
        for item in items
        if ends_chat(item) and (at := epoch_us(item.get("AbsoluteTime"))) is not None
    ]
    if told:
        return min(told)
    if not document.events:
        return None
    legs = {
        document.initial_contact_id,
        *document.events,
        *document.exports,
        # Not those of each read of an item: which reads are kept is no matter of what is so.
        *(
            contact
            for item in items
            if (contact := text_id(item.get("ContactId")))
            and text_id(item.get("RelatedContactId")) is None
        ),
    }
    ends = [disconnected_at(document.events.get(leg, {})) for leg in legs]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def observed_until(document: Document, end: int | None) -> int | None:
    """Return until when receipts were seen, in microseconds since 1970, at most the chat's end.

    Parameters
    ----------
    end
        What `chat_end` says.
    """
    observed = document.participant and document.participant["observed_until"]
    if observed is None or end is None:
        return observed
    return min(observed, end)
