"""Rows of days that are over leave the tables, day by day, and none comes back.

A file of one of those days leaves whole, so removing it writes metadata alone. Only files without a
day (rows whose time nobody knows) are rewritten, if chats began before the first day in them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.conversions import from_bytes
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.types import DateType, TimestampType

from chatlake.backoff import jittered_wait_s
from chatlake.exceptions import SnapshotConflict
from chatlake.tables import schema
from chatlake.tables.lake.data_files import day_of, write_data_file
from chatlake.tables.lake.live_files import live_files
from chatlake.tables.lake.reading import read_rows
from chatlake.tables.lake.replacement import Replacement
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.types import PrimitiveType

    from chatlake.tables.lake.iceberg import Lake

_DAY_MS, _DAY_US = 86_400_000, 86_400_000_000
_CHAT_DAY = "chat_day"
_MOST_ATTEMPTS = 10


def first_day_kept(retention_days: int) -> int | None:
    """Return the first day (UTC, since 1970-01-01) whose rows are kept; None if all are."""
    return now_ms() // _DAY_MS - retention_days if retention_days else None


def kept_rows(table: schema.Table, rows: pa.Table, first_day: int | None) -> pa.Table:
    """Return the rows of that day and later; rows without a time go by the day of their chat."""
    if first_day is None:
        return rows
    days = day_of(rows.column(table.partition_by))
    chat_days = pc.cast(rows.column(_CHAT_DAY), pa.int32())
    return rows.filter(
        pc.greater_equal(pc.fill_null(pc.coalesce(days, chat_days), first_day), first_day)
    )


def all_kept_rows(tables: Mapping[str, pa.Table], retention_days: int) -> dict[str, pa.Table]:
    """Return of the rows of all tables those that are kept."""
    first_day = first_day_kept(retention_days)
    return {table.name: kept_rows(table, tables[table.name], first_day) for table in schema.TABLES}


def remove_expired_rows(
    lake: Lake, first_day: int, *, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Remove the rows of before a day from all tables; return how many files have left them.

    Raises
    ------
    TableDiffers
        Others have changed a table so that it cannot be written.
    SnapshotConflict
        A table kept changing meanwhile; what was removed before stays so.
    """
    return sum(_remove(lake, table, first_day, sleep) for table in schema.TABLES)


def _remove(lake: Lake, table: schema.Table, first_day: int, sleep: Callable[[float], None]) -> int:
    for attempt in range(_MOST_ATTEMPTS):
        loaded = lake.load(table)
        plan = _plan(table, loaded, first_day)
        if not plan:
            return 0
        try:
            # Not what is noted with rows: those of others are not looked through.
            with (
                loaded.transaction() as transaction,
                transaction.update_snapshot().overwrite() as snapshot,
            ):
                plan.put_into(snapshot)
        except CommitFailedException:
            plan.discard(loaded.io)
            sleep(jittered_wait_s(attempt))
        else:
            return len(plan.removed)
    raise SnapshotConflict(table.name)


def _plan(table: schema.Table, loaded: IcebergTable, first_day: int) -> Replacement:
    plan = Replacement()
    files = _Files(table, loaded, first_day)
    for live in live_files(loaded, files.in_manifest):
        if files.is_over(live.file):
            plan.removed.append(live.file)
        elif files.has_older_chats(live.file):
            rows = read_rows(loaded, live)
            kept = kept_rows(table, rows, first_day)
            if kept.num_rows < rows.num_rows:
                plan.removed.append(live.file)
                if kept.num_rows:
                    plan.added.append(write_data_file(loaded, kept, None))
    return plan


class _Files:
    """Tells by their metadata which files hold only rows of before a day, and which may hold some.

    A file of our partition spec is told by its day, one of another by the bounds of the time.
    """

    def __init__(self, table: schema.Table, loaded: IcebergTable, first_day: int) -> None:
        self._first_day = first_day
        self._own_spec_id = loaded.metadata.default_spec_id
        fields = loaded.schema()
        self._time = fields.find_field(table.partition_by).field_id
        self._chat_day = fields.find_field(_CHAT_DAY).field_id

    def in_manifest(self, manifest: ManifestFile) -> bool:
        """Return whether a file of a manifest may leave the table."""
        if manifest.partition_spec_id != self._own_spec_id or not manifest.partitions:
            return True
        days = manifest.partitions[0]
        if days.contains_null or days.lower_bound is None:
            return True
        return int(from_bytes(DateType(), days.lower_bound)) < self._first_day

    def is_over(self, file: DataFile) -> bool:
        """Return whether all rows of a file are of before the day."""
        if self._is_own(file):
            return file.partition[0] is not None and file.partition[0] < self._first_day
        nulls = (file.null_value_counts or {}).get(self._time)
        newest = _bound(file.upper_bounds, self._time, TimestampType())
        return nulls == 0 and newest is not None and newest // _DAY_US < self._first_day

    def has_older_chats(self, file: DataFile) -> bool:
        """Return whether a file without a day may hold rows of chats that began before the day."""
        if not self._is_own(file) or file.partition[0] is not None:
            return False
        oldest = _bound(file.lower_bounds, self._chat_day, DateType())
        return oldest is not None and oldest < self._first_day

    def _is_own(self, file: DataFile) -> bool:
        return file.spec_id == self._own_spec_id


def _bound(bounds: dict[int, bytes] | None, field_id: int, of_type: PrimitiveType) -> Any:
    raw = (bounds or {}).get(field_id)
    return None if raw is None else from_bytes(of_type, raw)
