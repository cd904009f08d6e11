"""Actors that take one step at a time, so that a test decides who goes on when.

An actor's work runs in a thread of its own and stops before each step until it is let on. Only
one thread runs at any moment, so what a test sees follows from the order that it chose alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

type Step = Callable[[str], None]
"""Called before each step, with what the step is about to do."""

_PATIENCE_S = 60


class Killed(BaseException):
    """Raised in an actor that takes no step any more, as if its process had been killed."""


class Actor[T]:
    """One publisher, intake or erasure; it has been let on to its first step and waits there."""

    def __init__(self, name: str, work: Callable[[Step], T]) -> None:
        self.name = name
        self.waits_for: str | None = None
        self.steps: list[str] = []
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._killed = False
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._await_stop()

    def __repr__(self) -> str:
        return f"<{self.name}: {f'before {self.waits_for}' if self.running else 'done'}>"

    @property
    def running(self) -> bool:
        """Whether there is a step to come."""
        return self.waits_for is not None

    @property
    def result(self) -> T:
        """What the work gave in the end; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def advance(self, steps: int = 1) -> None:
        """Let it take some steps, or as many as there are."""
        for _ in range(steps):
            if not self.running:
                break
            self._go.release()
            self._await_stop()

    def advance_to(self, step: str) -> None:
        """Let it go on until the next step begins with some words."""
        while self.waits_for is not None and not self.waits_for.startswith(step):
            self.advance()
        if not self.running:
            message = f"{self.name} never came to {step!r}"
            raise AssertionError(message)

    def advance_past(self, step: str) -> None:
        """Let it go on until a step that begins with some words is taken."""
        self.advance_to(step)
        self.advance()

    def finish(self) -> T:
        """Let it take all steps; return the result."""
        while self.running:
            self.advance()
        return self.result

    def kill(self) -> None:
        """Let it take no step any more."""
        self._killed = True
        self.advance()
        assert not self.running

    def _await_stop(self) -> None:
        if not self._stopped.acquire(timeout=_PATIENCE_S):
            message = f"{self.name} hangs after {self.waits_for!r}"
            raise AssertionError(message)
        if not self.running:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._results.append(self._work(self._step))
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
            self._error = error
        self.waits_for = None
        self._stopped.release()

    def _step(self, name: str) -> None:
        if not self._killed:
            self.waits_for = name
            self._stopped.release()
            self._go.acquire()
        if self._killed:
            raise Killed
        self.steps.append(name)
