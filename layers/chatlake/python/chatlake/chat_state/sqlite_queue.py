"""The publish queue of the embedded archive."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from chatlake.chat_state.sqlite_connection import transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from chatlake.chat_state import BatchHint


@dataclass(frozen=True, slots=True)
class QueuedChat:
    """A message of the queue: a chat that waits to be published, and its document's size."""

    message_id: int
    initial_contact_id: str
    size: int


class SqlitePublishQueue:
    """Chats that wait to be published, in the file that also holds their state."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def send(self, chats: Mapping[str, BatchHint]) -> None:
        """Put chats into the queue."""
        with transaction(self._db) as db:
            db.executemany(
                "INSERT INTO publish_queue (initial_contact_id, day, size) VALUES (?, ?, ?)",
                [(chat, hint.day, hint.size) for chat, hint in chats.items()],
            )

    def waiting(self) -> set[str]:
        """Return the chats that are in the queue."""
        rows = self._db.execute("SELECT DISTINCT initial_contact_id FROM publish_queue")
        return {chat for (chat,) in rows}

    def total_size(self) -> int:
        """Add up the bytes of the documents that the messages in the queue stand for."""
        sql = "SELECT coalesce(sum(size), 0) FROM publish_queue"
        (size,) = self._db.execute(sql).fetchone()
        return int(size)

    def peek(self, *, most_chats: int, most_bytes: int) -> list[QueuedChat]:
        """Return the next batch, the oldest days first, so that a batch has few of them."""
        sql = (
            "SELECT message_id, initial_contact_id, size FROM publish_queue "
            "ORDER BY day, initial_contact_id LIMIT ?"
        )
        batch: list[QueuedChat] = []
        room = most_bytes
        for row in self._db.execute(sql, (most_chats,)):
            queued = QueuedChat(*row)
            room -= queued.size
            if batch and room < 0:
                break
            batch.append(queued)
        return batch

    def acknowledge(self, batch: Iterable[QueuedChat]) -> None:
        """Take published chats off the queue."""
        with transaction(self._db) as db:
            db.executemany(
                "DELETE FROM publish_queue WHERE message_id = ?",
                [(queued.message_id,) for queued in batch],
            )


def count_waiting(path: Path) -> int:
    """Count the chats that wait in a file, which is only read; none if there is no file."""
    if not path.exists():
        return 0
    uri = f"file:{quote(str(path))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=60)) as db:
        # While another process makes the lake there is a file without a table for a moment.
        exists = "SELECT count(*) FROM sqlite_schema WHERE name = 'publish_queue'"
        if db.execute(exists).fetchone() == (0,):
            return 0
        sql = "SELECT count(DISTINCT initial_contact_id) FROM publish_queue"
        (count,) = db.execute(sql).fetchone()
    return int(count)
