"""What others have added to a table since our newest commit: Athena's DML, Spark, earlier versions.

A chat's old rows are sought on the days that its publications recorded. Rows that others have
written can be on other days, so their files are looked through once. A table property says up to
which sequence number that was done, and each of our commits sets it. An earlier version counts as
others, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table.snapshots import Operation

from chatlake.documents.revision import ROW_FORMAT
from chatlake.tables.lake.data_files import day_of
from chatlake.tables.lake.definition import SEEN_SEQUENCE_NUMBER
from chatlake.tables.lake.live_files import LiveFile, history, live_files
from chatlake.tables.lake.own_columns import lacks_own_columns
from chatlake.tables.lake.reading import field_ids, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyiceberg.table import Table as IcebergTable

    from chatlake.tables import schema

_CHAT = "initial_contact_id"
_FORMAT = "row_format"


def rows_of_others(table: schema.Table, loaded: IcebergTable) -> Iterator[pa.Table]:
    """Tell of the rows in files that others have added; see `Lake`."""
    for live in _files_of_others(loaded):
        formats = [column.name for column in table.columns if column.name == _FORMAT]
        rows = read_rows(loaded, live, _CHAT, table.partition_by, *formats)
        rows = rows.filter(pc.is_valid(rows.column(_CHAT)))
        is_incomplete = lacks_own_columns(table, loaded, field_ids(loaded, live.file))
        is_outdated = pa.repeat(is_incomplete, rows.num_rows)
        if formats:
            is_older = pc.less(pc.fill_null(rows.column(_FORMAT), 0), ROW_FORMAT)
            is_outdated = pc.or_(is_outdated, is_older)
        told = {
            "chat": rows.column(_CHAT),
            "day": day_of(rows.column(table.partition_by)),
            "is_outdated": is_outdated,
        }
        yield pa.table(told).group_by(list(told)).aggregate([])


def seen_property(loaded: IcebergTable) -> dict[str, str]:
    """Return the property of a commit that is made once the rows of others were looked through."""
    return {_name_of_seen(): str(loaded.metadata.next_sequence_number())}


def _files_of_others(loaded: IcebergTable) -> Iterator[LiveFile]:
    """Find the data files that others have added, but those that say the same as those before."""
    seen = _seen_sequence_number(loaded)
    rewritten = {
        snapshot.sequence_number
        for snapshot in loaded.snapshots()
        if snapshot.summary and snapshot.summary.operation == Operation.REPLACE
    }
    # Once others have written rows, a file that was rewritten may hold them.
    while seen + 1 in rewritten:
        seen += 1
    if loaded.metadata.next_sequence_number() - 1 <= seen:
        return
    for live in live_files(loaded, lambda manifest: (manifest.sequence_number or 0) > seen):
        if live.sequence_number > seen:
            yield live


def _name_of_seen() -> str:
    # Of each version its own: what an earlier one writes meanwhile is of others.
    return f"{SEEN_SEQUENCE_NUMBER}.{ROW_FORMAT}"


def _seen_sequence_number(loaded: IcebergTable) -> int:
    seen = {
        name: int(value)
        for name, value in loaded.properties.items()
        if name.startswith(SEEN_SEQUENCE_NUMBER) and value.isdecimal()
    }
    # A new version begins where the ones before were. Without any all files are looked through.
    newest = seen.get(_name_of_seen(), max(seen.values(), default=-1))
    return min(newest, _last_in_common(loaded, newest))


def _last_in_common(loaded: IcebergTable, sequence_number: int) -> int:
    """Return up to where the current snapshot has the history of the one with a sequence number.

    It may have another: a branch took the place of the main one, or an older snapshot did.
    """
    then = next((s for s in loaded.snapshots() if s.sequence_number == sequence_number), None)
    if then is None:
        # Expired, or no snapshot at all: then nobody has gone back to before it.
        return sequence_number
    earlier = {snapshot.snapshot_id for snapshot in history(loaded, then)}
    return next(
        (
            snapshot.sequence_number or 0
            for snapshot in history(loaded, loaded.current_snapshot())
            if snapshot.snapshot_id in earlier
        ),
        -1,
    )
