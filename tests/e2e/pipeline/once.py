"""What takes long is done once, however many processes run the tests."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest


def once[T](factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Return what `make` makes of a new folder; whoever else asks meanwhile waits for it.

    It comes as a copy, so it must be a value. A failure is not kept: the next one tries again.
    """
    base = factory.getbasetemp()
    # Each worker of pytest-xdist has a folder of its own in the one of the run.
    shared = base.parent if base.name.startswith("popen-") else base
    made = shared / f"{name}.pickle"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            content = pickle.dumps(make(factory.mktemp(name)))
            made.write_bytes(content)
    value: T = pickle.loads(made.read_bytes())
    return value
