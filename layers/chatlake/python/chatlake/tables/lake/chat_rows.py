"""Reading a table without writing to it: rows of some chats, and what its metadata tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.exceptions import NoSuchTableError

from chatlake.exceptions import TableDiffers
from chatlake.tables.lake.data_files import file_schema
from chatlake.tables.lake.layout import own_spec_id
from chatlake.tables.lake.live_files import live_files
from chatlake.tables.lake.pruning import Pruning, Sought
from chatlake.tables.lake.reading import read_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pyiceberg.table import Table as IcebergTable

    from chatlake.chat_state import Day
    from chatlake.tables import schema
    from chatlake.tables.lake.iceberg import Lake
    from chatlake.tables.lake.live_files import LiveFile

_CHAT = "initial_contact_id"


@dataclass(frozen=True, slots=True)
class TableSummary:
    """What a table's metadata tell without a look at its files.

    Attributes
    ----------
    rows
        Rows of the current snapshot; those that position deletes hide are not among them.
    last_commit
        When the current snapshot was made; None without one.
    oldest_replaced
        When the oldest of the other snapshots was made that are kept; None without any.
    """

    name: str
    rows: int
    last_commit: datetime | None
    oldest_replaced: datetime | None


def opened(lake: Lake, table: schema.Table) -> IcebergTable:
    """Return a table at its newest snapshot, to read it.

    Raises
    ------
    TableDiffers
        It is not there.
    """
    try:
        return lake.load_as_it_is(table)
    except NoSuchTableError as error:
        remedy = "invoke MakeTables, which makes it, and has all chats published again"
        raise TableDiffers(table.name, "it is not there", remedy) from error


def summary(table: schema.Table, loaded: IcebergTable) -> TableSummary:
    """Tell how large a table is, and of which time."""
    snapshot = loaded.current_snapshot()
    told = {} if snapshot is None or snapshot.summary is None else snapshot.summary
    rows = int(told.get("total-records") or 0) - int(told.get("total-position-deletes") or 0)
    times = [other.timestamp_ms for other in loaded.snapshots() if other != snapshot]
    return TableSummary(
        table.name,
        rows,
        None if snapshot is None else _moment(snapshot.timestamp_ms),
        _moment(min(times)) if times else None,
    )


def rows_of(
    table: schema.Table, loaded: IcebergTable, days: Mapping[str, Collection[Day]]
) -> pa.Table:
    """Read the rows of chats as SQL sees them, from the days on which they can be.

    Raises
    ------
    TableDiffers
        Others have written files that cannot be read.
    """
    found = [
        rows.filter(pc.is_in(rows[_CHAT], pa.array(sorted(days), pa.string())))
        for live in _files(table, loaded, days)
        for rows in (read_rows(loaded, live),)
    ]
    return pa.concat_tables(found) if found else file_schema(loaded).empty_table()


def row_counts(loaded: IcebergTable) -> Iterator[Mapping[str | None, int]]:
    """Count the rows of each chat, file by file; None stands for rows without one."""
    for live in live_files(loaded):
        counted = read_rows(loaded, live, _CHAT).group_by(_CHAT).aggregate([([], "count_all")])
        yield dict(zip(counted[_CHAT].to_pylist(), counted["count_all"].to_pylist(), strict=True))


def _files(
    table: schema.Table, loaded: IcebergTable, days: Mapping[str, Collection[Day]]
) -> Iterator[LiveFile]:
    if not days:
        return
    if own_spec_id(table, loaded) != loaded.metadata.default_spec_id:
        # Others have given it another layout: what a partition says is not known then.
        yield from live_files(loaded)
        return
    may_hold = Pruning(table, loaded, Sought(days=days))
    for live in live_files(loaded, may_hold.in_manifest):
        if may_hold.in_file(live.file):
            yield live


def _moment(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
