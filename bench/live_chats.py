"""Scripted chats as capture meets them: so many live at a time, and what a read finds in each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from statistics import fmean

from chatlake.capture.waiting_messages import waiting_messages
from chatlake.sources.get_transcript import from_response
from local.chats import scripts
from local.observed import true_readings
from local.scripted.chat import Chat

PAGE_SIZE, MOST_PAGES = 100, 5
_START = datetime(2026, 11, 2, tzinfo=UTC)
_DAYS = 30


@dataclass(frozen=True, slots=True)
class State:
    """What the service has of a chat between two changes, as far as reading it goes.

    Attributes
    ----------
    step
        Counts its changes.
    items
        How many there are.
    waiting
        Messages that are likely to get a receipt yet.
    oldest_waiting
        The place of the oldest message that waits for any receipt; None if none does.
    newest_at
        When something last happened, in ms since its start.
    """

    step: int
    items: int
    waiting: int
    oldest_waiting: int | None
    newest_at: int


class Timeline:
    """A scripted chat by its age in milliseconds; each of its states is found out once."""

    def __init__(self, chat: Chat) -> None:
        """Take a chat that is over."""
        self.life_ms = chat.ended_ms - chat.started_ms
        readings = (reading.reported_ms for _, reading in true_readings(chat))
        self.reported = sorted(ms - chat.started_ms for ms in readings if ms is not None)
        """When the service learned of each reading."""
        self._chat = chat
        changes = {ms for item in chat.items for ms in (item.sent_ms, *item.changes())}
        self._changes = sorted(max(0, ms - chat.started_ms) for ms in changes)
        self._states: dict[int, State] = {}

    def known_by(self, age_ms: int) -> int:
        """Return how many readings the service has been told of."""
        return bisect_right(self.reported, age_ms)

    def state(self, age_ms: int) -> State:
        """Return what a read finds at that age."""
        step = bisect_right(self._changes, age_ms)
        if step not in self._states:
            self._states[step] = self._state(step)
        return self._states[step]

    def _state(self, step: int) -> State:
        newest_at = self._changes[step - 1] if step else 0
        at = datetime.fromtimestamp((self._chat.started_ms + newest_at) / 1000, UTC)
        transcript = self._chat.transcript(at)
        chat = self._chat.initial_contact_id
        document = from_response({"InitialContactId": chat, "Transcript": transcript}, read_at=1)
        waiting = waiting_messages(document)
        places = (place for place, i in enumerate(transcript) if i.get("Id") in waiting.messages)
        return State(step, len(transcript), waiting.soon, next(places, None), newest_at)


def pages_of(before: State | None, now: State) -> int:
    """Return how many pages a snapshot reads, given what the read before has found.

    It is what `capture.pagination.scan` asks for when every read before it came to its end.
    """
    known = 0 if before is None else before.items
    oldest = None if before is None else before.oldest_waiting
    for page in range(1, MOST_PAGES):
        newest = now.items - (page - 1) * PAGE_SIZE
        start = newest - PAGE_SIZE
        if start <= 0 or (newest <= known and (oldest is None or oldest >= start)):
            return page
    return MOST_PAGES


def timelines(seed: int, count: int) -> list[Timeline]:
    """Return so many scripted chats."""
    return [Timeline(chat) for chat in scripts(seed=seed, count=count, start=_START, days=_DAYS)]


def arrivals(
    chats: Sequence[Timeline], live: int, until_ms: int, seed: int
) -> Iterator[tuple[int, Timeline]]:
    """Yield chats with the times when they start, so that on average so many are live.

    From 0 on; those that are live then have started before. They come by chance, at one rate, and
    each once before any comes again.
    """
    rng = Random(f"{seed}/{live}")
    per_ms = live / fmean(chat.life_ms for chat in chats)
    at_ms = -float(max(chat.life_ms for chat in chats))
    left: list[Timeline] = []
    while at_ms < until_ms:
        at_ms += rng.expovariate(per_ms)
        left = left or rng.sample(list(chats), len(chats))
        chat = left.pop()
        if at_ms + chat.life_ms > 0:
            yield int(at_ms), chat
