"""Locks of a lake folder, which processes of one machine share."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ExclusiveAccess:
    """Proof of exclusive access to a lake: the argument of what needs nobody else at work.

    Only `exclusive_access` makes one, and it is of use for as long as that block lasts.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = True

    def require(self) -> None:
        """Refuse work that begins after the lock was let go.

        Raises
        ------
        RuntimeError
            The block of `exclusive_access` has ended.
        """
        if not self._held:
            message = "exclusive access to the lake has ended"
            raise RuntimeError(message)

    def _release(self) -> None:
        self._held = False


@contextmanager
def file_lock(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a file, with others if it is shared; waits until it is free."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def exclusive_access(path: Path) -> Iterator[ExclusiveAccess]:
    """Hold the lock of a file alone; waits until all others have let it go."""
    with file_lock(path):
        access = ExclusiveAccess()
        try:
            yield access
        finally:
            access._release()
