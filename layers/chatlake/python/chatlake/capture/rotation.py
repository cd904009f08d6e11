"""When to read which live chat: a policy without a clock, and without knowing the rate.

What was not read of a chat when it ends is lost with its token, and chats end soon after something
happened in them. So the chat is read next whose time since its read before is the greatest when it
is divided by one more than the minutes for which nothing has happened in it. Time since the read
makes up for everything else, so no chat starves.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

_MINUTE_MS = 60_000
_QUIET_STEP_MS = 15_000
"""Quiet time counts in steps, so that there are few weights."""
_MOST_STEPS = 40
"""Longer counts as ten minutes, so that the quietest chat is still read a thirteenth as often."""
_WAITING_WEIGHT = 1.2
_QUIET_PER_INTERVAL = 240
_LONGEST_INTERVAL_MS = 30_000
"""Of a chat that has been quiet for hours, however few are live."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read found.

    Attributes
    ----------
    waiting
        Messages that wait for a receipt and are likely to get it: `Waiting.soon`.
    changed
        Whether the content is another one than at the read before.
    calls
        How many pages the read took.
    over
        Whether the chat has ended: it leaves the rotation.
    newest_at
        When something last happened, by the transcript; None if it does not say, then `changed`
        tells.
    """

    waiting: int
    changed: bool
    calls: int = 1
    over: bool = False
    newest_at: int | None = None


class _Entry(NamedTuple):
    """A chat in a queue; what it is ordered by comes first. It counts if it is the chat's last."""

    at: int
    number: int
    chat: str


@dataclass(slots=True)
class _Place:
    """Of one chat: when it was read, when something happened, and what follows of it."""

    read_at: int
    happened_at: int
    due_at: int
    weight: float = 1.0
    entry: int | None = None


class Rotation:
    """The live chats, each of them waiting for its next read, or out to be read.

    All times are epoch milliseconds of the caller's clock. A chat rests until it may be read, and
    is then in the queue of its weight, of which there are few: whatever the number of chats, only
    the first of each queue is looked at.
    """

    def __init__(self, shortest_ms: int) -> None:
        """Take the shortest time between two reads of a chat."""
        self._shortest_ms = shortest_ms
        self._places: dict[str, _Place] = {}
        self._resting: list[_Entry] = []
        self._queues: dict[float, list[_Entry]] = {}
        self._entries = 0

    def __contains__(self, chat: str) -> bool:
        """Return whether a chat is known, be it out or not."""
        return chat in self._places

    def __len__(self) -> int:
        """Return how many chats are known, those that are out included."""
        return len(self._places)

    def add(self, chat: str, at: int) -> None:
        """Take in a live chat, which may be read from that time on; nothing if it is known."""
        if chat not in self._places:
            self._places[chat] = _Place(at - self._shortest_ms, happened_at=at, due_at=at)
            self._enter(chat, self._resting, at)

    def remove(self, chat: str) -> None:
        """Forget a chat, be it out or not; nothing if it is unknown."""
        self._places.pop(chat, None)

    def take(self, at: int) -> str | None:
        """Return the chat whose read is worth most now, None if none may be read yet.

        It is out until `done` or `remove`.
        """
        while (rested := self._first(self._resting)) and rested.at <= at:
            heappop(self._resting)
            place = self._places[rested.chat]
            self._enter(rested.chat, self._queues.setdefault(place.weight, []), place.read_at)
        firsts = [
            (weight * (at - first.at), weight, first.chat)
            for weight, queue in self._queues.items()
            if (first := self._first(queue))
        ]
        if not firsts:
            return None
        _, weight, chat = max(firsts)
        heappop(self._queues[weight])
        self._places[chat].entry = None
        return chat

    def done(self, chat: str, at: int, seen: Seen | None) -> None:
        """Put a chat back that was read, or could not be (None: its weight is as before)."""
        place = self._places.get(chat)
        if place is None:
            return
        if seen is not None and seen.over:
            self.remove(chat)
            return
        if seen is not None and (seen.newest_at is not None or seen.changed):
            place.happened_at = at if seen.newest_at is None else seen.newest_at
        quiet_ms = max(0, at - place.happened_at)
        if seen is not None:
            quiet = min(quiet_ms // _QUIET_STEP_MS, _MOST_STEPS) * _QUIET_STEP_MS / _MINUTE_MS
            place.weight = (_WAITING_WEIGHT if seen.waiting else 1) / (1 + quiet) / seen.calls
        longer_ms = min(quiet_ms // _QUIET_PER_INTERVAL, _LONGEST_INTERVAL_MS)
        place.read_at, place.due_at = at, at + max(self._shortest_ms, longer_ms)
        self._enter(chat, self._resting, place.due_at)

    def wake_at(self) -> int | None:
        """Return from when on the next chat may be read, None if none is in rotation."""
        queued = (first for queue in self._queues.values() if (first := self._first(queue)))
        due = [self._places[first.chat].due_at for first in queued]
        if rested := self._first(self._resting):
            due.append(rested.at)
        return min(due, default=None)

    def _enter(self, chat: str, queue: list[_Entry], at: int) -> None:
        self._entries += 1
        self._places[chat].entry = self._entries
        heappush(queue, _Entry(at, self._entries, chat))

    def _first(self, queue: list[_Entry]) -> _Entry | None:
        """Return the first entry of a queue that counts, and drop those before it."""
        while queue:
            place = self._places.get(queue[0].chat)
            if place is not None and place.entry == queue[0].number:
                return queue[0]
            heappop(queue)
        return None
