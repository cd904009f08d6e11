"""Verifying: every document against its rows, and every row against its document.

The rows are read by DuckDB, which shares no code with the writer. Chats are compared by a
checksum of their rows; only where that differs are the rows themselves brought side by side.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chatlake.analytics.duckdb_engine import connect
from chatlake.exceptions import UnreadableDocument
from chatlake.tables import schema
from chatlake.tables.flatten import Tables, flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from chatlake.documents.document import Document
    from chatlake.operations.archive import FolderArchive
    from chatlake.progress import Progress

_DOCUMENTS_AT_ONCE = 500
CHATS_IN_DETAIL = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """Where documents and rows part; `what` names columns, never their values."""

    initial_contact_id: str
    table: str | None
    what: str

    def __str__(self) -> str:
        place = f"chat {self.initial_contact_id}"
        return (
            f"{place}: {self.what}" if self.table is None else f"{place}, {self.table}: {self.what}"
        )


def verify(
    archive: FolderArchive, progress: Progress, chats_in_detail: int = CHATS_IN_DETAIL
) -> Iterator[Difference]:
    """Compare all rows with those that the documents make, `published_at` aside.

    Of so many chats every row that differs is named, of further ones the tables.

    Yields
    ------
    Difference
        In no order; nothing if all is as it should be.
    """
    with archive.exclusive(), connect(archive.folder) as connection:
        yield from _checksum_documents(archive, connection, progress)
        waiting = archive.publish_queue.waiting()
        differing: dict[str, list[schema.Table]] = {}
        for table in schema.TABLES:
            for chat in _differing(connection, table):
                differing.setdefault(chat, []).append(table)
        for position, (chat, tables) in enumerate(differing.items()):
            if chat in waiting:
                yield Difference(
                    chat,
                    None,
                    "it waits to be published, by the next import or rebuild",
                )
            elif position < chats_in_detail:
                for table in tables:
                    yield from _compare_rows(archive, connection, table, chat)
            else:
                names = ", ".join(table.name for table in tables)
                yield Difference(chat, None, f"its rows differ in {names}")


def _checksum_documents(
    archive: FolderArchive, connection: duckdb.DuckDBPyConnection, progress: Progress
) -> Iterator[Difference]:
    for table in schema.TABLES:
        connection.execute(
            f"CREATE TABLE expected_{table.name} (chat VARCHAR, row_count BIGINT, checksum HUGEINT)"
        )
    batch: list[Document] = []

    def flush() -> None:
        for name, rows in flatten(batch, published_at=_NEVER).items():
            connection.register("rows", rows)
            connection.execute(f"INSERT INTO expected_{name} {_checksums(name, 'rows')}")
            connection.unregister("rows")
        batch.clear()

    with progress.stage("Verifying", archive.store.count()) as advance:
        for stored in archive.store:
            advance(1)
            if isinstance(stored, UnreadableDocument):
                yield Difference(stored.initial_contact_id, None, str(stored))
                continue
            if archive.chats.tombstones.erased([stored.document.initial_contact_id]):
                what = "it was erased, but its document is still there; run chatlake erase again"
                yield Difference(stored.document.initial_contact_id, None, what)
                continue
            batch.append(stored.document)
            if len(batch) >= _DOCUMENTS_AT_ONCE:
                flush()
        flush()


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _checksums(name: str, source: str) -> str:
    table = next(table for table in schema.TABLES if table.name == name)
    columns = ", ".join(f'"{column}"' for column in _compared(table))
    return (
        f"SELECT initial_contact_id, count(*), sum(hash({columns})::HUGEINT) "
        f"FROM {source} GROUP BY ALL"
    )


def _compared(table: schema.Table) -> list[str]:
    return [column.name for column in table.columns if column.name != "published_at"]


def _differing(connection: duckdb.DuckDBPyConnection, table: schema.Table) -> list[str]:
    sql = f"""
        SELECT coalesce(e.chat, a.chat)
        FROM expected_{table.name} AS e
        FULL JOIN ({_checksums(table.name, table.name)}) AS a (chat, row_count, checksum)
            ON e.chat = a.chat
        WHERE (e.row_count, e.checksum) IS DISTINCT FROM (a.row_count, a.checksum)
        ORDER BY 1
    """
    return [chat for (chat,) in connection.execute(sql).fetchall()]


def _compare_rows(
    archive: FolderArchive, connection: duckdb.DuckDBPyConnection, table: schema.Table, chat: str
) -> Iterator[Difference]:
    try:
        stored = archive.store.read(chat)
    except UnreadableDocument:
        return  # which was said when all documents were read
    made: Tables = flatten([stored.document] if stored else [], published_at=_NEVER)
    expected = _by_key(table, made[table.name].to_pylist())
    sql = f'SELECT * FROM "{table.name}" WHERE initial_contact_id = ?'
    actual = _by_key(table, connection.execute(sql, [chat]).to_arrow_table().to_pylist())
    for key in sorted(expected.keys() | actual.keys(), key=str):
        wanted, found = expected.get(key, []), actual.get(key, [])
        name = "/".join(str(part) for part in key)
        if len(wanted) != len(found):
            yield Difference(
                chat, table.name, f"row {name} is there {len(found)} times, not {len(wanted)}"
            )
            continue
        # Several rows of one key are in no order.
        names = _compared(table)
        if _counted(wanted, names) != _counted(found, names):
            columns = [n for n in names if _counted(wanted, [n]) != _counted(found, [n])]
            yield Difference(
                chat, table.name, f"row {name} differs in {', '.join(columns or names)}"
            )


def _counted(rows: list[dict[str, Any]], names: list[str]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[name] for name in names) for row in rows)


def _by_key(
    table: schema.Table, rows: list[dict[str, Any]]
) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    by_key: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(tuple(row[name] for name in table.key), []).append(row)
    return by_key
