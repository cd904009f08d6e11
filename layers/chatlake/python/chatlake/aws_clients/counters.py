"""Counts of what happened, added to by several threads and taken away by one."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlake.aws_clients.metric_names import Metric


class Counters:
    """Counts by metric."""

    def __init__(self) -> None:
        self._counts: Counter[Metric] = Counter()
        self._lock = Lock()

    def add(self, metric: Metric, number: int = 1) -> None:
        """Add to the count of a metric."""
        with self._lock:
            self._counts[metric] += number

    def take(self) -> dict[Metric, int]:
        """Return the counts since the last time, and start again from zero."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return dict(counts)
