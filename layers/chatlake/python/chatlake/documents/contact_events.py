"""What the contact events of a document say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatlake.documents.document import sent_at_us
from chatlake.timestamps import epoch_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chatlake.documents.document import StoredEvent
    from chatlake.json_codec import JsonObject


def latest_value(events: Mapping[str, StoredEvent], read: Callable[[JsonObject], Any]) -> Any:
    """Of the events of one contact that have a readable value, return the latest one's.

    Parameters
    ----------
    events
        By event type: ``time`` and ``detail``.
    read
        Takes a detail; None means that it has no readable value.
    """
    return first_value(newest_first(events), read)


def newest_first(events: Mapping[str, StoredEvent]) -> list[JsonObject]:
    """Return the details of a contact's events, the latest one's first."""
    kinds = sorted(events, key=lambda kind: (sent_at_us(events[kind]), kind), reverse=True)
    return [events[kind]["detail"] for kind in kinds]


def first_value(details: Iterable[JsonObject], read: Callable[[JsonObject], Any]) -> Any:
    """Return the first readable value in some details; None if there is none."""
    for detail in details:
        if (value := read(detail)) is not None:
            return value
    return None


def event_time(value: object) -> int | None:
    """Read a time of a contact event: microseconds since 1970; placeholders of 1970 are None."""
    # "1970-01-01T00:00:00.001Z" stands for "not yet" in the service's own sample events.
    if isinstance(value, str) and value.startswith("1970-01-01"):
        return None
    return epoch_us(value)


def disconnected_at(events: Mapping[str, StoredEvent]) -> int | None:
    """Return when a contact ended, as its events say, in microseconds since 1970."""
    at: int | None = latest_value(
        events, lambda detail: event_time(detail.get("disconnectTimestamp"))
    )
    return at
