"""A clock that tests set by hand, and that everything in a process can go by."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.clock import Clock

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class HandClock(Clock):
    """A clock that stands still until it is set, or until somebody sleeps."""

    start: float = 0.0
    shown_ms: list[float] = field(default_factory=lambda: [0.0])

    def set(self, time_ms: float) -> None:
        self.shown_ms[0] = time_ms

    def advance(self, seconds: float) -> None:
        self.shown_ms[0] += seconds * 1000

    def now_ms(self) -> int:
        return int(self.shown_ms[0])

    def time(self) -> float:
        return self.shown_ms[0] / 1000


def skip_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every sleep of this process be over at once, where nothing goes by how long it was."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def rule_time(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything in this process go by a clock; a sleep is over at once, and moves it."""
    monkeypatch.setattr(time, "time", clock.time)
    monkeypatch.setattr(time, "time_ns", lambda: clock.now_ms() * 1_000_000)
    monkeypatch.setattr(time, "sleep", clock.advance)
