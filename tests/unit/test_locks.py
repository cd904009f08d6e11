"""Exclusive access is what its name says, and only for as long as it is held."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from chatlake.locks import exclusive_access, file_lock


def test_who_shares_a_lock_keeps_out_who_wants_it_alone(tmp_path: Path) -> None:
    lock, alone = tmp_path / "lock", Event()

    def wait() -> None:
        with exclusive_access(lock):
            alone.set()

    with file_lock(lock, shared=True), file_lock(lock, shared=True):
        waiting = Thread(target=wait)
        waiting.start()
        assert not alone.wait(0.2)
    assert alone.wait(10)
    waiting.join()


def test_access_ends_with_its_block(tmp_path: Path) -> None:
    with exclusive_access(tmp_path / "lock") as access:
        access.require()
    with pytest.raises(RuntimeError, match="has ended"):
        access.require()


def test_access_ends_with_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), exclusive_access(tmp_path / "lock") as access:
        raise KeyError
    with pytest.raises(RuntimeError):
        access.require()
    with exclusive_access(tmp_path / "lock") as again:
        again.require()
