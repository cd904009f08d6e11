"""What of a document helps to form good batches to publish."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from chatlake.chat_state import BatchHint

if TYPE_CHECKING:
    from chatlake.chat_state import Day
    from chatlake.documents.document import Document
    from chatlake.documents.store import StoredDocument

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def batch_hint(stored: StoredDocument) -> BatchHint:
    """Return a document's size and the day of one of its items."""
    return BatchHint(_some_day(stored.document), stored.size)


def _some_day(document: Document) -> Day:
    for stored in document.items.values():
        sent = stored["versions"][0]["item"].get("AbsoluteTime")
        if not isinstance(sent, str):
            return None
        try:
            return date.fromisoformat(sent[:10]).toordinal() - _EPOCH_ORDINAL
        except ValueError:
            return None
    return None
