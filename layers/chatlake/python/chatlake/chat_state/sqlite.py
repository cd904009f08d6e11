"""The state of chats of the embedded archive, and its publish queue, in one SQLite file."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_DOCUMENT, REWRITE, AttemptRecord, digests_of
from chatlake.chat_state.sqlite_connection import open_connection, select_in, transaction
from chatlake.chat_state.sqlite_queue import SqlitePublishQueue

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from chatlake.chat_state import Day
    from chatlake.locks import ExclusiveAccess


class SqliteChatState:
    """State of chats and the publish queue in one SQLite file, safe for several processes."""

    def __init__(self, path: Path) -> None:
        self._db = open_connection(path)
        self.legs = SqliteLegs(self._db)
        self.publish_attempts = SqlitePublishAttempts(self._db)
        self.tombstones = SqliteTombstones(self._db)
        self.queue = SqlitePublishQueue(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is kept of a chat but its tombstones, if it certainly has no rows."""
        with transaction(self._db) as db:
            records = self.publish_attempts.read([initial_contact_id])
            record = records.get(initial_contact_id, AttemptRecord())
            if record.count and record.published_revision != NO_DOCUMENT:
                return False
            legs = self.legs.of_chat(initial_contact_id)
            insert_tombstones(db, {initial_contact_id, *legs})
            for table in ("chats", "legs", "publish_queue"):
                sql = f"DELETE FROM {table} WHERE initial_contact_id = ?"  # nosec B608 # our names
                db.execute(sql, (initial_contact_id,))
        return True

    def counts(self) -> dict[str, int]:
        """Count legs, tombstones and chats that wait to be published."""
        sql = "SELECT (SELECT count(*) FROM legs), (SELECT count(*) FROM tombstones)"
        legs, erased = self._db.execute(sql).fetchone()
        return {"legs": legs, "erased": erased, "queued": len(self.queue.waiting())}

    def compact(self, access: ExclusiveAccess) -> None:
        """Release deleted pages to the file system, and truncate the write-ahead log."""
        access.require()
        self._db.execute("VACUUM").close()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


class SqliteLegs:
    """The leg directory."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Return the chats of those contacts that are known; only confirmed ones if asked so."""
        only = "NOT provisional AND " if confirmed else ""
        sql = f"SELECT contact_id, initial_contact_id FROM legs WHERE {only}contact_id IN"  # nosec B608 # our names
        return dict(select_in(self._db, sql, contact_ids))

    def of_chat(self, initial_contact_id: str) -> set[str]:
        """Return the contacts that are known as legs of a chat."""
        sql = "SELECT contact_id FROM legs WHERE initial_contact_id = ?"
        return {contact for (contact,) in self._db.execute(sql, (initial_contact_id,))}

    def add(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Map contacts to the chats that they are legs of."""
        with transaction(self._db) as db:
            db.executemany(
                "INSERT INTO legs VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                "SET initial_contact_id = excluded.initial_contact_id, "
                "provisional = excluded.provisional "
                "WHERE (excluded.provisional, excluded.initial_contact_id) "
                "< (provisional, initial_contact_id)",
                [(contact, initial, provisional) for contact, initial in legs.items()],
            )


class SqlitePublishAttempts:
    """Attempts to publish."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def record(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on."""
        with transaction(self._db) as db:
            known = defaultdict(AttemptRecord, self.read(days))
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

    def add_days(self, days: Mapping[str, Collection[Day]]) -> None:
        """Note further days where rows of chats are that have a record."""
        with transaction(self._db) as db:
            known = self.read(days)
            db.executemany(
                "UPDATE chats SET days = ? WHERE initial_contact_id = ?",
                [(json.dumps(list(known[chat].days.union(days[chat]))), chat) for chat in known],
            )

    def read(self, initial_contact_ids: Collection[str]) -> dict[str, AttemptRecord]:
        """Return the records of those chats that have one."""
        sql = (
            "SELECT initial_contact_id, attempts, days, published_revision FROM chats "
            "WHERE initial_contact_id IN"
        )
        return {
            chat: AttemptRecord(int(count), frozenset(json.loads(days)), revision)
            for chat, count, days, revision in select_in(self._db, sql, initial_contact_ids)
        }

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> set[str]:
        """Note which revision the rows of each chat show, if no later attempt was recorded."""
        sql = (
            "UPDATE chats SET published_revision = ? "
            "WHERE initial_contact_id = ? AND attempts = ? AND published_revision IS NULL"
        )
        with transaction(self._db) as db:
            return {
                chat
                for chat, revision in revisions.items()
                if db.execute(sql, (revision, chat, counts[chat])).rowcount
            }

    def forget_published(self, initial_contact_ids: Collection[str]) -> None:
        """Forget what was published of chats, so that their rows are written even if unchanged."""
        sql = (
            "UPDATE chats SET published_revision = ? WHERE initial_contact_id = ? AND attempts > 0"
        )
        with transaction(self._db) as db:
            db.executemany(sql, [(REWRITE, chat) for chat in initial_contact_ids])

    def forget_all_published(self) -> None:
        """Forget what was published of all chats, but not where their rows can be."""
        with transaction(self._db) as db:
            db.execute("UPDATE chats SET published_revision = NULL")

    def forget_all(self, access: ExclusiveAccess) -> None:
        """Forget all attempts, once the tables were emptied."""
        access.require()
        with transaction(self._db) as db:
            db.execute("UPDATE chats SET attempts = 0, days = '[]', published_revision = NULL")


class SqliteTombstones:
    """Tombstones, as digests."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def erased(self, contact_ids: Collection[str]) -> set[str]:
        """Return those of the contacts that were erased."""
        contacts = digests_of(contact_ids)
        sql = "SELECT digest FROM tombstones WHERE digest IN"
        return {contacts[digest] for (digest,) in select_in(self._db, sql, contacts)}

    def add(self, contact_ids: Collection[str]) -> None:
        """Note that contacts were erased."""
        with transaction(self._db) as db:
            insert_tombstones(db, contact_ids)


def insert_tombstones(db: sqlite3.Connection, contact_ids: Collection[str]) -> None:
    """Note that contacts were erased, as part of a transaction."""
    db.executemany(
        "INSERT OR IGNORE INTO tombstones VALUES (?)",
        [(digest,) for digest in digests_of(contact_ids)],
    )
