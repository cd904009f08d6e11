"""Verifying: every document against its rows, and every row against its document.

The rows are read by DuckDB, which shares no code with the writer, and sees what SQL sees. Chats are
compared by a checksum of their rows; only where that differs are the rows themselves brought side
by side. Rows that were those of a chat's document when they were published, and are not now, were
changed by others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING

from chatlake.analytics.duckdb_engine import connect
from chatlake.chat_state import NO_DOCUMENT, AttemptRecord
from chatlake.documents.revision import revision
from chatlake.exceptions import UnreadableDocument
from chatlake.operations.findings import Difference, Findings
from chatlake.operations.row_differences import compared_columns, row_differences
from chatlake.tables import schema
from chatlake.tables.flatten import flatten

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator

    import duckdb

    from chatlake.documents.document import Document
    from chatlake.documents.store import StoredDocument
    from chatlake.operations.archive import FolderArchive
    from chatlake.operations.row_differences import RowDifference
    from chatlake.progress import Progress

_DOCUMENTS_AT_ONCE = 500
_CHATS_AT_ONCE = 500
_WAITS = "it waits to be published, by the next import or rebuild"
_HAS_ROWS_AGAIN = "it was erased, but others have put rows of it back; run chatlake erase again"
CHATS_IN_DETAIL = 100


@dataclass(slots=True)
class Verification(Findings):
    """What was found: yields differences while it goes on, and then tells what others have done."""

    archive: FolderArchive
    chats_in_detail: int = CHATS_IN_DETAIL

    def run(self, progress: Progress) -> Iterator[Difference]:
        """Compare all rows with those that the documents make, `published_at` aside.

        Of so many chats every row that differs is named, of further ones the tables.

        Yields
        ------
        Difference
            In no order; what others have changed is not among them.
        """
        archive = self.archive
        with archive.exclusive(), connect(archive.folder) as connection:
            yield from _checksum_documents(archive, connection, progress)
            waiting = archive.publish_queue.waiting()
            differing: dict[str, list[schema.Table]] = {}
            for table in schema.TABLES:
                self._count_what_others_added(connection, table)
                for chat in _differing(connection, table):
                    differing.setdefault(chat, []).append(table)
            for chat in sorted(differing.keys() & waiting):
                yield Difference(chat, None, _WAITS)
            compared = [chat for chat in differing if chat not in waiting]
            # Reading rows of a chat reads whole files: of many chats at once.
            in_detail = self.chats_in_detail
            for some in batched(compared, _CHATS_AT_ONCE, strict=False):
                tables = {chat: differing[chat] for chat in some}
                ours = yield from self._compare(connection, tables, in_detail)
                in_detail = max(in_detail - ours, 0)

    def _compare(
        self,
        connection: duckdb.DuckDBPyConnection,
        differing: dict[str, list[schema.Table]],
        in_detail: int,
    ) -> Generator[Difference, None, int]:
        """Compare the rows of some chats; return of how many the differences are not of others."""
        documents = _documents(self.archive, differing)
        by_others = _as_published(self.archive, documents)
        erased = self.archive.chats.tombstones.erased(documents)
        by_others -= erased
        self.strangers |= {chat for chat in by_others if documents[chat] is None}
        for chat in sorted(documents.keys() & erased):
            yield Difference(chat, None, _HAS_ROWS_AGAIN)
        ours = [chat for chat in documents if chat not in by_others | erased]
        for chat in ours[in_detail:]:
            names = ", ".join(table.name for table in differing[chat])
            yield Difference(chat, None, f"its rows differ in {names}")
        for chat, table, difference in _rows_of(connection, documents, differing):
            if chat in by_others:
                self.by_others[table.name].add(difference)
            elif chat in ours[:in_detail]:
                yield Difference(chat, table.name, str(difference))
        return len(ours)

    def _count_what_others_added(
        self, connection: duckdb.DuckDBPyConnection, table: schema.Table
    ) -> None:
        sql = f'SELECT count(*) FROM "{table.name}" WHERE initial_contact_id IS NULL'  # nosec B608 # our names
        [(without_id,)] = connection.execute(sql).fetchall()
        if without_id:
            self.by_others[table.name].added += without_id
        ours = {column.name for column in table.columns}
        found = connection.execute(f'DESCRIBE "{table.name}"').fetchall()
        added = [name for name, *_ in found if name not in ours]
        if added:
            counts = ", ".join(f"count({_quoted(name)})" for name in added)
            row = connection.execute(f'SELECT {counts} FROM "{table.name}"').fetchone()  # nosec B608 # our names
            assert row is not None
            self.columns_of_others[table.name] = dict(zip(added, row, strict=True))


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
    columns = ", ".join(f'"{column}"' for column in compared_columns(table))
    return (
        f"SELECT initial_contact_id, count(*), sum(hash({columns})::HUGEINT) "
        f"FROM {source} WHERE initial_contact_id IS NOT NULL GROUP BY ALL"  # nosec B608 # our names
    )


def _differing(connection: duckdb.DuckDBPyConnection, table: schema.Table) -> list[str]:
    sql = f"""
        SELECT coalesce(e.chat, a.chat)
        FROM expected_{table.name} AS e
        FULL JOIN ({_checksums(table.name, table.name)}) AS a (chat, row_count, checksum)
            ON e.chat = a.chat
        WHERE (e.row_count, e.checksum) IS DISTINCT FROM (a.row_count, a.checksum)
        ORDER BY 1
    """  # nosec B608 # our names
    return [chat for (chat,) in connection.execute(sql).fetchall()]


def _documents(archive: FolderArchive, chats: Collection[str]) -> dict[str, StoredDocument | None]:
    """Read the documents of some chats; what cannot be read was said when all were."""
    found = archive.store.read_many(chats)
    return {
        chat: stored
        for chat in chats
        if not isinstance(stored := found.get(chat), UnreadableDocument)
    }


def _as_published(archive: FolderArchive, documents: dict[str, StoredDocument | None]) -> set[str]:
    """Find the chats whose rows were those of their documents when they were published last."""
    known = archive.chats.publish_attempts.read(documents)
    return {
        chat
        for chat, stored in documents.items()
        if known.get(chat, AttemptRecord(published_revision=NO_DOCUMENT)).published_revision
        == (NO_DOCUMENT if stored is None else revision(stored.document))
    }


def _rows_of(
    connection: duckdb.DuckDBPyConnection,
    documents: dict[str, StoredDocument | None],
    differing: dict[str, list[schema.Table]],
) -> Iterator[tuple[str, schema.Table, RowDifference]]:
    some = [stored.document for stored in documents.values() if stored is not None]
    made = flatten(some, published_at=_NEVER)
    for table in schema.TABLES:
        chats = [chat for chat in documents if table in differing[chat]]
        if not chats:
            continue
        sql = f'SELECT * FROM "{table.name}" WHERE initial_contact_id IN (SELECT unnest(?))'  # nosec B608 # our names
        found = connection.execute(sql, [chats]).to_arrow_table().to_pylist()
        wanted = [row for row in made[table.name].to_pylist() if row["initial_contact_id"] in chats]
        for difference in row_differences(table, wanted, found):
            yield difference.initial_contact_id, table, difference


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
