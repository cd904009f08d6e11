"""What an archive knows of a scripted chat that it reads now and then, beside the truth.

Nothing is simulated but the times of reading: what a read finds is what the service had then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from zlib import crc32

from chatlake.documents.document import Document, merge
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from local.scripted.chat import Chat

type Key = tuple[str, str, str]
"""A chat, a message, and a recipient of it."""

_LONG_AFTER_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class TrueReading:
    """When a message was read in truth, and when the service learned of it; None for never."""

    read_ms: int | None
    reported_ms: int | None


def document_of(chat: Chat, every_s: int | None) -> Document:
    """Return the document of a chat that is over.

    Parameters
    ----------
    chat
        All that happened.
    every_s
        How many seconds lie between two reads. The token dies with the chat, so that none is made
        after its end. None is a complete observation: a token that lives on, read long after.
    """
    transcripts = [
        from_response(
            {"InitialContactId": chat.initial_contact_id, "Transcript": chat.transcript(at)},
            read_at=at_ms,
            whole=True,
        )
        for at_ms in _read_times(chat, every_s)
        for at in (datetime.fromtimestamp(at_ms / 1000, UTC),)
    ]
    exports = map(from_export, chat.exports())
    events = map(from_event, chat.contact_events())
    return reduce(merge, (*transcripts, *exports, *events))


def _read_times(chat: Chat, every_s: int | None) -> list[int]:
    """Return when a chat is read, the first time anywhere within an interval of its start.

    Of reads that find the same the first is enough, and the last, which tells until when there was
    nothing new.
    """
    if every_s is None:
        return [chat.ended_ms + _LONG_AFTER_MS]
    every_ms = 1000 * every_s
    first_ms = chat.started_ms + crc32(chat.initial_contact_id.encode()) % every_ms
    times = range(first_ms, chat.ended_ms, every_ms)
    changes = sorted(ms for item in chat.items for ms in (item.sent_ms, *item.changes()))
    told = [bisect_right(changes, at_ms) for at_ms in times]
    new = [
        at_ms
        for at_ms, now, before in zip(times, told, (None, *told), strict=False)
        if now != before
    ]
    return sorted({*new, *times[-1:]})


def true_readings(chat: Chat) -> Iterator[tuple[Key, TrueReading]]:
    """Yield each reading of a recipient whose client reports, whether this one was or was not."""
    reported: dict[tuple[str, str], int] = {}
    for item in chat.own_items:
        for receipt in item.receipts:
            if item.message_id is not None and receipt.read_ms is not None:
                key = item.message_id, receipt.recipient_id
                known_ms = receipt.read_ms - receipt.skew_ms
                reported[key] = min(known_ms, reported.get(key, known_ms))
    for reading in chat.readings:
        key = reading.message_id, reading.recipient_id
        yield (chat.initial_contact_id, *key), TrueReading(reading.read_ms, reported.get(key))
