"""Progress of long-running work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """Shows how far long work has come; the command line's is a bar on the terminal."""

    def stage(self, title: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a stage of so many units, None if nobody knows how many.

        The function that comes with it adds to what is done.
        """
