"""The token bucket by which the service limits the calls of an operation."""

from __future__ import annotations


class Bucket:
    """Calls that are allowed: a burst at first, then as many as the rate fills in again.

    Parameters
    ----------
    per_s
        How many calls a second fills in.
    burst
        How many calls it holds at most.
    """

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._level = float(burst)
        self._filled_ms: int | None = None

    def take(self, now_ms: int) -> bool:
        """Take one call out; a bucket without a whole one is left as it is."""
        if self._filled_ms is not None and now_ms > self._filled_ms:
            filled = self._level + (now_ms - self._filled_ms) / 1000 * self._per_s
            self._level = min(self._burst, filled)
        # Threads may come in another order than their times: the clock never runs back here.
        self._filled_ms = max(now_ms, self._filled_ms or now_ms)
        if self._level < 1:
            return False
        self._level -= 1
        return True
