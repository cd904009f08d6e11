"""When a chat is so long over that its document is not to be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.contact_events import event_time
from chatlake.documents.items import newest_time
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.documents.document import Document

_DAY_US = 86_400_000_000


def is_expired(document: Document, retention_days: int) -> bool:
    """Return whether all that a document tells of happened longer ago than so many days.

    Never with 0 days, nor if nothing in it has a readable time. When it was read does not count:
    an export that is found years later is as old as its chat.
    """
    if not retention_days:
        return False
    ends = (
        event_time(event["detail"].get(name))
        for by_type in document.events.values()
        for event in by_type.values()
        for name in ("initiationTimestamp", "disconnectTimestamp")
    )
    times = [at for at in (newest_time(document.items.values()), *ends) if at is not None]
    return bool(times) and max(times) < now_ms() * 1000 - retention_days * _DAY_US
