"""Limits the rate of calls: never more in any second than is allowed, as the service counts.

A fraction of a call counts as a whole one within a second: of 3.5 at most four arrive in one.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from math import ceil
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Pace(Protocol):
    """Lets calls begin when it is their turn."""

    @property
    def is_busy(self) -> bool:
        """Whether callers wait, as far as that is known; who can wait for long lets them."""

    def call(self) -> AbstractContextManager[None]:
        """Wait for one's turn; the call is made inside of the block."""


class Unpaced:
    """For calls whose number something else limits."""

    is_busy = False

    def call(self) -> AbstractContextManager[None]:
        """Wait for nothing."""
        return nullcontext()


class RateLimiter:
    """Lets calls begin at a steady rate; for any number of threads of one process.

    A place is free again one period after the call in it has *ended*. So however long requests
    travel, no window of a period sees more of them arrive than there are places.
    """

    is_busy = False

    def __init__(self, per_second: float, share: Callable[[], float] = lambda: 1.0) -> None:
        """Allow so many calls a second.

        Parameters
        ----------
        per_second
            May be a fraction, must be above 0.
        share
            Returns, when it is a call's turn, which part of the rate there is just now, above 0; it
            may wait, or raise what the call is to raise.
        """
        places = ceil(per_second)
        self._period_s = places / per_second
        self._step_s = 1 / per_second
        self._share = share
        self._free_at: SimpleQueue[float] = SimpleQueue()
        # Nobody knows what the process before this one has called just now.
        start = time.time() + self._period_s
        for _ in range(places):
            self._free_at.put(start)
        self._next_start = start
        self._turn = Lock()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wait for one's turn; the call is made inside of the block."""
        with self._turn:
            step_s = self._step_s / self._share()
            free_at = self._free_at.get()
            now = time.time()
            # A clock that was set back must not make anyone wait for long.
            wait_s = min(max(free_at, self._next_start) - now, self._period_s + step_s)
            # From when it was to begin: a thread that wakes late must not make the others late.
            self._next_start = now + max(0, wait_s) + step_s
            if wait_s > 0:
                time.sleep(wait_s)
        try:
            yield
        finally:
            self._free_at.put(time.time() + self._period_s)
