"""What is going on in a cloud, so that one can wait until nothing is."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Activity:
    """Counts work from when it is accepted until it is done.

    Work that only a schedule asked for counts while it runs, but not while it waits for its turn:
    schedules never end.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = 0
        self._accepted = 0

    def begin(self) -> None:
        """Accept a piece of work."""
        with self._changed:
            self._open += 1
            self._accepted += 1

    def finish(self) -> None:
        """Be done with it."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Do a part of what was accepted, or what a schedule asked for."""
        with self._changed:
            self._open += 1
        try:
            yield
        finally:
            self.finish()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is open; tell whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout_s)

    @property
    def accepted(self) -> int:
        """How many pieces of work there were until now."""
        with self._changed:
            return self._accepted
