"""Progress of long-running work."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """Shows how far long work has come; the command line's is a bar on the terminal."""

    def stage(self, title: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a stage of so many units, None if nobody knows how many.

        The function that comes with it adds to what is done.
        """


class NoProgress(Progress):
    """Shows nothing."""

    @override
    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Begin a stage that nobody sees."""
        yield lambda _: None
