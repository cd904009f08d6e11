"""When to read which live chat: a policy without a clock, and without knowing the rate.

What is unread of a chat when it ends is lost with its token. So the chat is read next whose weight
times the time since it was read is the greatest, never within the shortest interval of its read
before. Time makes up for every weight, so no chat starves.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

_ACTIVE = 4
_QUIET = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read found.

    Attributes
    ----------
    waiting
        Messages that wait for a receipt.
    changed
        Whether the content is another one than at the read before.
    calls
        How many pages the read took.
    over
        Whether the chat has ended: it leaves the rotation.
    """

    waiting: int
    changed: bool
    calls: int = 1
    over: bool = False


@dataclass(slots=True)
class _Place:
    """Of one chat: its weight, and the entry of it that counts; None while it is being read."""

    weight: int
    entry: int | None = None


class Rotation:
    """The live chats, each of them in the queue of its weight, or out to be read.

    All times are epoch milliseconds of the caller's clock.
    """

    def __init__(self, shortest_ms: int) -> None:
        """Take the shortest time between two reads of a chat."""
        self._shortest_ms = shortest_ms
        self._places: dict[str, _Place] = {}
        self._queues: dict[int, list[tuple[int, int, str]]] = {}
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
            self._places[chat] = _Place(_ACTIVE)
            self._enter(chat, at - self._shortest_ms)

    def remove(self, chat: str) -> None:
        """Forget a chat, be it out or not; nothing if it is unknown."""
        self._places.pop(chat, None)

    def take(self, at: int) -> str | None:
        """Return the chat whose read is worth most now, None if none may be read yet.

        It is out until `done` or `remove`.
        """
        heads = [(weight, head) for weight in self._queues if (head := self._head(weight))]
        due = [
            (weight * (at - read_at), weight, chat)
            for weight, (read_at, _, chat) in heads
            if read_at + self._shortest_ms <= at
        ]
        if not due:
            return None
        _, weight, chat = max(due)
        heappop(self._queues[weight])
        self._places[chat].entry = None
        return chat

    def done(self, chat: str, at: int, seen: Seen | None) -> None:
        """Put a chat back that was read, or could not be (None: it keeps its weight)."""
        place = self._places.get(chat)
        if place is None:
            return
        if seen is not None and seen.over:
            self.remove(chat)
            return
        if seen is not None:
            place.weight = _ACTIVE if seen.waiting or seen.changed else _QUIET
        self._enter(chat, at)

    def wake_at(self) -> int | None:
        """Return from when on the next chat may be read, None if none is in rotation."""
        read = [head[0] for weight in self._queues if (head := self._head(weight))]
        return min(read) + self._shortest_ms if read else None

    def _enter(self, chat: str, read_at: int) -> None:
        place = self._places[chat]
        self._entries += 1
        place.entry = self._entries
        heappush(self._queues.setdefault(place.weight, []), (read_at, self._entries, chat))

    def _head(self, weight: int) -> tuple[int, int, str] | None:
        """Return the first entry of a queue that still counts."""
        queue = self._queues[weight]
        while queue:
            _, entry, chat = queue[0]
            place = self._places.get(chat)
            if place is not None and place.entry == entry:
                return queue[0]
            heappop(queue)
        return None
