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
    shared = _shared(factory)
    made = shared / f"{name}.pickle"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder = factory.mktemp(name)
            content = pickle.dumps(make(folder))
            (shared / f"{name}.folder").write_text(str(folder), encoding="utf-8")
            made.write_bytes(content)
    value: T = pickle.loads(made.read_bytes())
    return value


def folder_of(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return the folder in which `once` has made something."""
    return Path((_shared(factory) / f"{name}.folder").read_text(encoding="utf-8"))


def _shared(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    # Each worker of pytest-xdist has a folder of its own in the one of the run.
    return base.parent if base.name.startswith("popen-") else base
