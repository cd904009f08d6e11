"""A queue of chats that gives those first of which most is to be expected."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ByWorth:
    """Chats by what work on each is worth, in any unit; of equals the one that came last.

    A chat that comes last has begun last, most likely, and those that began just now end soonest.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._worth: dict[str, float] = {}
        self._added = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, chat: str, worth: float) -> None:
        """Add a chat; one may be in it twice."""
        self._added += 1
        self._worth[chat] = worth
        heappush(self._heap, (-worth, -self._added, chat))

    def popleft(self) -> str:
        """Take the chat that is worth most.

        Raises
        ------
        IndexError
            There is none.
        """
        return heappop(self._heap)[2]

    def extend(self, chats: Iterable[str]) -> None:
        """Put back chats that were taken, for what they were worth."""
        for chat in chats:
            self.add(chat, self._worth.get(chat, 0))

    def forget(self, chat: str) -> None:
        """Forget what a chat was worth; if it is still queued, it is taken all the same."""
        self._worth.pop(chat, None)
