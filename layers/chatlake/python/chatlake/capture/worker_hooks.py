"""What the function of capture decides for the worker, and what the worker reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.capture.shard_table import Coverage


LONGEST_LIFE_MS = 15 * 60_000
"""Lambda lets no process live longer."""
LAST_ATTEMPT_MS = 45_000
"""So long before its end no further capture attempt begins."""
LAST_PAGE_MS = 30_000
"""So long before it no further page is read; what was read is still to be written."""
NEW_EVERY_MS = {"websocket": 5 * 60_000 - 15_000, "polling": 13 * 60_000}
"""How old a process gets before the next takes the lease; one that only reads lasts its life.

A process begins some seconds after the minute that asked for it: at five minutes to the second,
every other one would come a minute late.
"""
_MOST_READS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class WorkerHooks:
    """What the function decides for the worker, and what the worker reports.

    Attributes
    ----------
    may_begin
        Whether there is time for further attempts.
    report
        Called about once a minute and at the end, with the seconds since the last time, and how the
        live chats of this process are covered.
    failed
        Takes a chat whose capture attempt failed in a way that nobody foresaw, and the error.
    """

    may_begin: Callable[[], bool]
    report: Callable[[float, Coverage], None]
    failed: Callable[[str, Exception], None]


@dataclass(frozen=True, slots=True)
class Pacing:
    """How often chats are read.

    Attributes
    ----------
    shortest_ms
        The least time between two reads of a live chat.
    reads_at_once
        How many live chats are read side by side. No more than the rate needs: who waits for the
        rate was chosen too early.
    ends_at
        When this process must have handed over, in epoch milliseconds; None if it need not.
    """

    shortest_ms: int
    reads_at_once: int
    ends_at: int | None = None


def reads_at_once(rate: float) -> int:
    """Return how many reads may wait for a rate, in calls a second, side by side."""
    return max(2, min(_MOST_READS_AT_ONCE, round(2 * rate)))
