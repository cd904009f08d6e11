"""A rush of chats within minutes, each at a moment drawn for it, none of them long."""

from __future__ import annotations

from datetime import datetime
from random import Random

from local.scripted.contact_center import Calendar


class Rush(Calendar):
    """Chats arrive evenly within some minutes; who comes back does so after the first third."""

    def __init__(self, start: datetime, minutes: float) -> None:
        super().__init__(start, days=1)
        self._length_ms = int(minutes * 60_000)

    def arrival_ms(self, rng: Random) -> int:
        """Draw an arrival within the rush."""
        return self.start_ms + int(rng.random() * self._length_ms)

    def arrival_after_ms(self, rng: Random, after_ms: int) -> int | None:
        """Draw an arrival after a moment; None if the rush is over by then."""
        first = max(after_ms, self.start_ms + self._length_ms // 3)
        last = self.start_ms + self._length_ms
        return None if first >= last else first + int(rng.random() * (last - first))
