"""The state of chats of the embedded home, and its publish queue, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from chatlake.chat_state import NO_DOCUMENT, AttemptRecord, tombstone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from chatlake.chat_state import Day

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


@dataclass(frozen=True, slots=True)
class Queued:
    """A chat that waits to be published; `day` and `size` only help to form good batches."""

    message_id: int
    initial_contact_id: str
    size: int


class SqliteChatState:
    """State of chats and the publish queue in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        # Deleted ids are overwritten; WAL lets readers and one writer work side by side.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
            self._db.execute(f"PRAGMA {pragma}").close()
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _select(self, sql: str, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """Run a query that ends with IN, for some keys at a time: their number has a limit."""
        # Not one JSON list: SQLite cuts the strings in it at a NUL.
        for some in batched(sorted(keys), _KEYS_AT_ONCE, strict=False):
            yield from self._db.execute(f"{sql} ({', '.join('?' * len(some))})", some).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE").close()
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK").close()
            raise
        self._db.execute("COMMIT").close()

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Give the chats of those contacts that are known as legs, if sure not provisionally."""
        only = "NOT provisional AND " if confirmed else ""
        sql = f"SELECT contact_id, initial_contact_id FROM legs WHERE {only}contact_id IN"
        return dict(self._select(sql, contact_ids))

    def legs(self, initial_contact_id: str) -> set[str]:
        """Give the contacts that are known as legs of a chat."""
        sql = "SELECT contact_id FROM legs WHERE initial_contact_id = ?"
        return {contact for (contact,) in self._db.execute(sql, (initial_contact_id,))}

    def add_legs(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Remember which chat each contact is a leg of."""
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO legs VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                "SET initial_contact_id = excluded.initial_contact_id, "
                "provisional = excluded.provisional "
                "WHERE (excluded.provisional, excluded.initial_contact_id) "
                "< (provisional, initial_contact_id)",
                [(contact, initial, provisional) for contact, initial in legs.items()],
            )

    def record_attempts(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on."""
        with self._transaction() as db:
            known = defaultdict(AttemptRecord, self.attempts(days))
            counts = {chat: known[chat].count + 1 for chat in days}
            db.executemany(
                "INSERT OR REPLACE INTO chats (initial_contact_id, attempts, days) "
                "VALUES (?, ?, ?)",
                [
                    (chat, counts[chat], json.dumps(list(known[chat].days.union(added))))
                    for chat, added in days.items()
                ],
            )
        return counts

    def attempts(self, initial_contact_ids: Collection[str]) -> dict[str, AttemptRecord]:
        """Give the attempts so far of those chats that had any."""
        sql = (
            "SELECT initial_contact_id, attempts, days, published_revision FROM chats "
            "WHERE initial_contact_id IN"
        )
        return {
            chat: AttemptRecord(int(count), frozenset(json.loads(days)), revision)
            for chat, count, days, revision in self._select(sql, initial_contact_ids)
        }

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> set[str]:
        """Remember which revision the rows of each chat show, if no later attempt was recorded."""
        sql = (
            "UPDATE chats SET published_revision = ? WHERE initial_contact_id = ? AND attempts = ?"
        )
        with self._transaction() as db:
            return {
                chat
                for chat, revision in revisions.items()
                if db.execute(sql, (revision, chat, counts[chat])).rowcount
            }

    def erased(self, initial_contact_ids: Collection[str]) -> set[str]:
        """Give those of the chats that were erased."""
        digests = {tombstone(chat): chat for chat in initial_contact_ids}
        sql = "SELECT digest FROM tombstones WHERE digest IN"
        return {digests[digest] for (digest,) in self._select(sql, digests)}

    def add_tombstones(self, initial_contact_id: str) -> None:
        """Leave a tombstone for a chat and each of its legs, for good."""
        with self._transaction() as db:
            self._add_tombstones(db, initial_contact_id)

    def _add_tombstones(self, db: sqlite3.Connection, initial_contact_id: str) -> None:
        db.executemany(
            "INSERT OR IGNORE INTO tombstones VALUES (?)",
            [(tombstone(c),) for c in {initial_contact_id, *self.legs(initial_contact_id)}],
        )

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is known of a chat but its tombstones, if it is sure to have no rows."""
        with self._transaction() as db:
            attempts = self.attempts([initial_contact_id]).get(initial_contact_id, AttemptRecord())
            if attempts.count and attempts.published_revision != NO_DOCUMENT:
                return False
            self._add_tombstones(db, initial_contact_id)
            for table in ("chats", "legs", "publish_queue"):
                db.execute(
                    f"DELETE FROM {table} WHERE initial_contact_id = ?", (initial_contact_id,)
                )
        return True

    def forget_published(self) -> None:
        """Forget what was published of all chats, but not where their rows can be."""
        with self._transaction() as db:
            db.execute("UPDATE chats SET published_revision = NULL")

    def forget_attempts(self) -> None:
        """Forget all attempts; only when the tables were emptied and nobody publishes."""
        with self._transaction() as db:
            db.execute("UPDATE chats SET attempts = 0, days = '[]', published_revision = NULL")

    def counts(self) -> dict[str, int]:
        """Count legs, tombstones and chats that wait to be published."""
        sql = "SELECT (SELECT count(*) FROM legs), (SELECT count(*) FROM tombstones)"
        legs, erased = self._db.execute(sql).fetchone()
        return {"legs": legs, "erased": erased, "queued": len(self.waiting())}

    def enqueue(self, chats: Mapping[str, tuple[Day, int]]) -> None:
        """Put chats into the publish queue, each with a day of its and its document's size."""
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO publish_queue (initial_contact_id, day, size) VALUES (?, ?, ?)",
                [(chat, day, size) for chat, (day, size) in chats.items()],
            )

    def clear_queue(self) -> None:
        """Empty the publish queue."""
        with self._transaction() as db:
            db.execute("DELETE FROM publish_queue")

    def waiting(self) -> set[str]:
        """Give the chats that are in the publish queue."""
        rows = self._db.execute("SELECT DISTINCT initial_contact_id FROM publish_queue")
        return {chat for (chat,) in rows}

    def compact(self) -> None:
        """Give deleted pages back to the disk, the log of recent changes included."""
        self._db.execute("VACUUM").close()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def queued(self) -> tuple[int, int]:
        """Count the messages in the queue and add up their documents' bytes."""
        sql = "SELECT count(*), coalesce(sum(size), 0) FROM publish_queue"
        count, size = self._db.execute(sql).fetchone()
        return count, size

    def peek(self, *, most_chats: int, most_bytes: int) -> list[Queued]:
        """Give the next batch of the queue, oldest days first, so that a batch has few of them."""
        sql = (
            "SELECT message_id, initial_contact_id, size FROM publish_queue "
            "ORDER BY day, initial_contact_id LIMIT ?"
        )
        batch: list[Queued] = []
        room = most_bytes
        for row in self._db.execute(sql, (most_chats,)):
            queued = Queued(*row)
            room -= queued.size
            if batch and room < 0:
                break
            batch.append(queued)
        return batch

    def acknowledge(self, batch: Iterable[Queued]) -> None:
        """Take published chats off the queue."""
        with self._transaction() as db:
            db.executemany(
                "DELETE FROM publish_queue WHERE message_id = ?",
                [(queued.message_id,) for queued in batch],
            )
