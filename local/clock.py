"""A clock that may run faster than the machine's, shared by processes through their environment."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

_VARIABLE = "LOCAL_CLOCK"


@dataclass(frozen=True, slots=True)
class Clock:
    """Time that began at `start` and has since passed `speed` times as fast as the machine's.

    Attributes
    ----------
    start
        What the clock showed at the anchor, in epoch seconds.
    speed
        Seconds of this clock in a second of the machine's; 1 is usual.
    anchor
        The machine's monotonic clock at that moment, the same in all processes of the machine.
    """

    start: float
    speed: float = 1.0
    anchor: float = field(default_factory=time.monotonic)

    def time(self) -> float:
        """Return the epoch seconds of this clock."""
        return self.start + (time.monotonic() - self.anchor) * self.speed

    def now_ms(self) -> int:
        """Return the epoch milliseconds of this clock."""
        return int(self.time() * 1000)

    def now(self) -> datetime:
        """Return the moment in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds of this clock."""
        time.sleep(max(0.0, seconds) / self.speed)

    def to_environment(self) -> dict[str, str]:
        """Return what a child process needs to show the same time."""
        return {_VARIABLE: f"{self.start!r} {self.speed!r} {self.anchor!r}"}

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return the clock that the parent process passed on; None if it passed none."""
        value = os.environ.get(_VARIABLE)
        return cls(*map(float, value.split())) if value else None
