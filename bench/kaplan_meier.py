"""The Kaplan–Meier curve as textbooks have it, without buckets: what the SQL is held against.

Kaplan, Meier: Nonparametric Estimation from Incomplete Observations, 1958.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Curve:
    """How many are still waiting after a time: ``steps`` are (time, share), in order of time.

    Between two steps the share stays, and before the first it is 1.
    """

    steps: tuple[tuple[int, float], ...]

    def waiting_after(self, time: int) -> float:
        """Return the share of those who still wait after a time."""
        return next((share for at, share in reversed(self.steps) if at <= time), 1.0)

    def percentile(self, share: float) -> int | None:
        """Return the first time after which at most 1 − share wait; None if it is never so."""
        return next((at for at, waiting in self.steps if waiting <= 1 - share + _TINY), None)


_TINY = 1e-9


def kaplan_meier(events: Iterable[int], censored: Iterable[int]) -> Curve:
    """Estimate the curve.

    Parameters
    ----------
    events
        After what time each of those was seen whose event was observed.
    censored
        For what time each of the others was observed without one. One that was observed until the
        time of an event counts among those at risk then.
    """
    seen, lost = Counter(events), Counter(censored)
    at_risk = seen.total() + lost.total()
    waiting = 1.0
    steps = []
    for time in sorted(seen.keys() | lost.keys()):
        if seen[time]:
            waiting *= 1 - seen[time] / at_risk
            steps.append((time, waiting))
        at_risk -= seen[time] + lost[time]
    return Curve(tuple(steps))


def nearest_rank(values: Sequence[int], share: float) -> int | None:
    """Return the percentile by nearest rank, which is one of the values."""
    if not values:
        return None
    rank = max(1, -(-share * len(values) // 1))
    return sorted(values)[int(rank) - 1]
