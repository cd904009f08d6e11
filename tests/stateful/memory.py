"""Stand-ins that keep all in memory: a document store and a lake, as strict as the real ones.

Stricter in one point: the lake finds old rows of a chat on the days that were named for this
chat only, where the real one looks into the days of all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from chatlake.chat_state import NO_HINT
from chatlake.documents.content_policy import ContentPolicy
from chatlake.documents.document import Document
from chatlake.documents.store import StoredDocument
from chatlake.exceptions import SnapshotConflict
from chatlake.tables import schema
from chatlake.tables.lake.data_files import day_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    import pyarrow as pa

    from chatlake.chat_state import BatchHint, Day
    from chatlake.exceptions import UnreadableDocument
    from chatlake.tables.lake.pruning import Sought
    from chatlake.tables.lake.refs import Ref

type Row = tuple[Any, ...]
"""The values of a row, without `published_at`."""


class MemoryStore:
    """A document store; no tag ever comes again."""

    policy, retention_days = ContentPolicy.FULL, 0

    def __init__(self) -> None:
        self._stored: dict[str, StoredDocument] = {}
        self._tags = count()

    def copied(self) -> MemoryStore:
        """Return another one with the same documents, whose tags are none of those yet given."""
        other = MemoryStore()
        other._stored, other._tags = dict(self._stored), count(next(self._tags))
        return other

    def read(self, initial_contact_id: str) -> StoredDocument | None:
        return self._stored.get(initial_contact_id)

    def read_many(
        self, initial_contact_ids: Iterable[str]
    ) -> dict[str, StoredDocument | UnreadableDocument]:
        return {chat: self._stored[chat] for chat in initial_contact_ids if chat in self._stored}

    def tags(self, initial_contact_ids: Iterable[str]) -> dict[str, str]:
        return {
            chat: self._stored[chat].tag for chat in initial_contact_ids if chat in self._stored
        }

    def update(
        self,
        initial_contact_id: str,
        change: Callable[[Document | None], Document],
        known: StoredDocument | None = None,
    ) -> tuple[StoredDocument, bool]:
        before = self._stored.get(initial_contact_id)
        document = change(None if before is None else before.document)
        data = document.to_bytes()
        if before is not None and data == before.document.to_bytes():
            return before, False
        stored = StoredDocument(Document.from_bytes(data), str(next(self._tags)), len(data))
        self._stored[initial_contact_id] = stored
        return stored, True

    def delete(self, initial_contact_id: str, tag: str | None = None) -> bool:
        stored = self._stored.get(initial_contact_id)
        if stored is None or (tag is not None and tag != stored.tag):
            return stored is None
        del self._stored[initial_contact_id]
        return True

    def chats(self) -> Iterator[tuple[str, BatchHint]]:
        yield from ((chat, NO_HINT) for chat in list(self._stored))

    def __iter__(self) -> Iterator[StoredDocument]:
        yield from list(self._stored.values())


@dataclass(frozen=True)
class Snapshot:
    """All rows of a table at one moment, by chat, each with its day; never altered."""

    number: int = 0
    rows: Mapping[str, tuple[tuple[Day, Row], ...]] = field(default_factory=dict)


class MemoryLake:
    """A lake whose tables are snapshots, of which the newest alone can be built on."""

    def __init__(self) -> None:
        self._newest = {table.name: Snapshot() for table in schema.TABLES}

    def copied(self) -> MemoryLake:
        """Return another one whose tables are at the same snapshots."""
        other = MemoryLake()
        other._newest = dict(self._newest)
        return other

    def load(self, table: schema.Table) -> Snapshot:
        return self._newest[table.name]

    def chats_of_legs(self, contact_ids: Collection[str]) -> set[str]:
        """All rows of a chat are kept under its id here."""
        return set()

    def refs_with_rows(self, chats: Collection[str]) -> list[Ref]:
        """Nobody keeps a snapshot here."""
        return []

    def rows_of_others(self, table: schema.Table, loaded: Snapshot) -> Iterator[pa.Table]:
        """Nobody else writes here."""
        return iter(())

    def replace(
        self,
        table: schema.Table,
        loaded: Snapshot,
        rows: pa.Table,
        sought: Sought,
    ) -> bool:
        fresh = rows_by_chat(table, rows)
        if not fresh and not sought:
            return False
        if loaded.number != self._newest[table.name].number:
            raise SnapshotConflict(table.name)
        result = dict(loaded.rows)
        for chat in fresh.keys() | sought.days.keys():
            kept = tuple(
                (day, row)
                for day, row in loaded.rows.get(chat, ())
                if day not in sought.days.get(chat, ()) and chat not in sought.erased
            )
            result[chat] = kept + tuple(fresh.get(chat, ()))
        self._newest[table.name] = Snapshot(loaded.number + 1, result)
        return True

    def rows(self, table: schema.Table) -> list[Row]:
        """Return all rows of today."""
        newest = self._newest[table.name].rows.values()
        return sorted((row for rows in newest for _, row in rows), key=repr)


def rows_by_chat(table: schema.Table, rows: pa.Table) -> dict[str, list[tuple[Day, Row]]]:
    """Part rows of a table by chat, each with the day that it is stored under."""
    by_chat = defaultdict[str, list[tuple["Day", Row]]](list)
    days = day_of(rows.column(table.partition_by)).to_pylist()
    chats = rows.column("initial_contact_id").to_pylist()
    for chat, day, row in zip(chats, days, plain_rows(rows), strict=True):
        by_chat[chat].append((day, row))
    return by_chat


def plain_rows(rows: pa.Table) -> list[Row]:
    """Return rows as tuples in the order of columns, without `published_at`."""
    names = [name for name in rows.column_names if name != "published_at"]
    return list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))
