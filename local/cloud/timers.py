"""Things to be done later, by the cloud's clock."""

from __future__ import annotations

import heapq
import itertools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.clock import Clock


class Timers:
    """One thread that calls what is due; calls must be short."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
        self._thread.start()

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call at a moment, given in epoch seconds of the clock."""
        with self._changed:
            heapq.heappush(self._due, (when, next(self._order), call))
            self._changed.notify()

    def close(self) -> None:
        """Forget what is not yet due."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed:
                    now = self._clock.time()
                    if self._due and self._due[0][0] <= now:
                        break
                    wait_s = (self._due[0][0] - now) / self._clock.speed if self._due else None
                    self._changed.wait(wait_s)
                if self._closed:
                    return
                _, _, call = heapq.heappop(self._due)
            call()
