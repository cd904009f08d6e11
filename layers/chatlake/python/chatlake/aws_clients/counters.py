"""Counts of what happened, added to by several threads and taken away by one."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Counters:
    """Counts by metric name."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, metric: str, number: int = 1) -> None:
        """Count something."""
        with self._lock:
            self._counts[metric] += number

    def take(self) -> dict[str, int]:
        """Give the counts since the last time, and begin anew."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return dict(counts)
