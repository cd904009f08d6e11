"""The SQLite file of a lake folder: its tables, transactions, and queries for many keys."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from itertools import batched
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chats (
    initial_contact_id TEXT PRIMARY KEY,
    attempts INTEGER NOT NULL DEFAULT 0,
    days TEXT NOT NULL DEFAULT '[]',
    published_revision TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS legs (
    contact_id TEXT PRIMARY KEY,
    initial_contact_id TEXT NOT NULL,
    provisional INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS legs_of_chat ON legs (initial_contact_id);
CREATE TABLE IF NOT EXISTS tombstones (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS publish_queue (
    message_id INTEGER PRIMARY KEY AUTOINCREMENT,
    initial_contact_id TEXT NOT NULL,
    day INTEGER,
    size INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS queue_by_day ON publish_queue (day, initial_contact_id);
"""

_KEYS_AT_ONCE = 10_000


def open_connection(path: Path) -> sqlite3.Connection:
    """Open the file, and make it if it is not there."""
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    # Deleted ids are overwritten; WAL lets readers and one writer work side by side.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
        db.execute(f"PRAGMA {pragma}").close()
    db.executescript(_SCHEMA)
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Change the file in one transaction; one within another is an error."""
    db.execute("BEGIN IMMEDIATE").close()
    try:
        yield db
        db.execute("COMMIT").close()
    except BaseException:
        # SQLite ends it by itself when the disk is full, for instance.
        if db.in_transaction:
            db.execute("ROLLBACK").close()
        raise


def select_in(db: sqlite3.Connection, sql: str, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """Run a query that ends with IN, for some keys at a time: their number has a limit."""
    # Not one JSON list: SQLite cuts the strings in it at a NUL.
    for some in batched(sorted(keys), _KEYS_AT_ONCE, strict=False):
        yield from db.execute(f"{sql} ({', '.join('?' * len(some))})", some).fetchall()
