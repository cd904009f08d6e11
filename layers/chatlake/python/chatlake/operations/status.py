"""The state of a lake in figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatlake.analytics.duckdb_engine import connect, run
from chatlake.tables import schema

if TYPE_CHECKING:
    from datetime import date, datetime

    import duckdb

    from chatlake.operations.archive import FolderArchive

_NEWEST = {table.name: table.partition_by for table in schema.TABLES}


@dataclass(frozen=True, slots=True)
class TableStatus:
    """Rows of a table, and its first and last moment; None for an empty one."""

    name: str
    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """What a lake holds and what it lacks.

    Attributes
    ----------
    documents, contacts, erased, waiting
        Counts of chats with a document, known contacts, contacts of erased chats, and chats that
        wait to be published.
    published_at
        When the newest rows were written; None before the first.
    incomplete, without_receipts
        Contacts whose end was not read, and contacts whose receipts nobody could read.
    empty_days
        Days between the first and the last message that have none.
    """

    documents: int
    contacts: int
    erased: int
    waiting: int
    published_at: datetime | None
    incomplete: int
    without_receipts: int
    tables: list[TableStatus] = field(default_factory=list)
    empty_days: list[date] = field(default_factory=list)


def lake_status(archive: FolderArchive) -> Status:
    """Count what a lake holds, and what it lacks."""
    counts = archive.chats.counts()
    with connect(archive.folder) as connection:
        tables = [
            TableStatus(
                name,
                *_row(connection, f"SELECT count(*), min({time}), max({time}) FROM {name}"),
            )
            for name, time in _NEWEST.items()
        ]
        published_at, incomplete, without_receipts = _row(
            connection,
            "SELECT max(published_at), count(*) FILTER (NOT complete), "
            "count(*) FILTER (receipts_available IS NOT true) FROM contacts",
        )
        days = _column(
            connection,
            "SELECT DISTINCT CAST(sent_at AS DATE) FROM messages "
            "WHERE sent_at IS NOT NULL AND related_contact_id IS NULL",
        )
    return Status(
        documents=archive.store.count(),
        contacts=counts["legs"],
        erased=counts["erased"],
        waiting=counts["queued"],
        published_at=published_at,
        incomplete=incomplete,
        without_receipts=without_receipts,
        tables=tables,
        empty_days=_missing(sorted(days)),
    )


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    # By way of Arrow, which brings times with their zone without a further library.
    (row,) = run(connection, sql).to_arrow_table().to_pylist()
    return tuple(row.values())


def _column(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    values: list[Any] = run(connection, sql).to_arrow_table().column(0).to_pylist()
    return values


def _missing(days: list[date]) -> list[date]:
    present = {day.toordinal() for day in days}
    return [
        day.fromordinal(ordinal)
        for day in days[:1]
        for ordinal in range(min(present), max(present))
        if ordinal not in present
    ]
