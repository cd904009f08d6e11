"""Transactions end as they say, and never take others along."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatlake.chat_state.sqlite_connection import open_connection, transaction

INSERT = "INSERT INTO tombstones VALUES (?)"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(open_connection(Path(":memory:"))) as opened:
        yield opened


def insert(db: sqlite3.Connection, digest: str, *, then: str | None = None) -> None:
    """Insert in a transaction, then another within it, or fail after some SQL."""
    with transaction(db):
        db.execute(INSERT, (digest,))
        if then == "another":
            insert(db, "within")
        elif then is not None:
            db.execute(then)
            raise KeyError


def digests(db: sqlite3.Connection) -> list[str]:
    return [digest for (digest,) in db.execute("SELECT digest FROM tombstones")]


def test_what_ends_well_is_there_and_what_fails_is_not(db: sqlite3.Connection) -> None:
    insert(db, "a")
    with pytest.raises(KeyError):
        insert(db, "b", then="SELECT 1")
    assert digests(db) == ["a"]


def test_one_within_another_is_an_error_and_neither_happens(db: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        insert(db, "a", then="another")
    assert digests(db) == []
    insert(db, "b")
    assert digests(db) == ["b"]


def test_an_error_that_ended_the_transaction_by_itself_is_the_one_that_is_raised(
    db: sqlite3.Connection,
) -> None:
    with pytest.raises(KeyError):
        insert(db, "a", then="ROLLBACK")
    assert digests(db) == []
