"""How long to wait before a write that lost to a concurrent writer is tried again."""

from __future__ import annotations

import random

_FIRST_WAIT_S = 0.02
_LONGEST_WAIT_S = 2.0


def jittered_wait_s(attempt: int) -> float:
    """Return a random wait that doubles with each attempt, counted from 0 (full jitter)."""
    longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
    return random.uniform(0, longest_s)  # nosec B311 # a wait is no secret
