"""SQL that changes rows, as engines carry it out on a table."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation

from tests.others.commits import commit
from tests.others.files import arrow_row, held_rows, new_files, position_deletes
from tests.others.protocol import CHAT

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from tests.others.protocol import Row


def delete(table: Table, chat: str) -> None:
    """DELETE the rows of a chat by position deletes (merge on read)."""
    deletes = _deletes(table, chat)
    if deletes:
        commit(table, Operation.DELETE, deletes=deletes)


def delete_by_partition(table: Table, chat: str) -> None:
    """DELETE the rows of a chat with one file of position deletes for each partition."""
    by_partition = defaultdict[Any, list[tuple["DataFile", pa.Array]]](list)
    for one in held_rows(table):
        if len(positions := one.positions_of(chat)):
            by_partition[one.file.spec_id, one.file.partition].append((one.file, positions))
    deletes = [position_deletes(table, deleted) for deleted in by_partition.values()]
    if deletes:
        commit(table, Operation.DELETE, deletes=deletes)


def delete_copying(table: Table, chat: str) -> None:
    """DELETE the rows of a chat by writing the others of its files again (copy on write)."""
    held = [one for one in held_rows(table) if len(one.positions_of(chat))]
    if held:
        rows = pa.concat_tables(one.rows for one in held)
        kept = rows.filter(pc.not_equal(rows.column(CHAT), chat))
        removed = [one.file for one in held]
        commit(table, Operation.OVERWRITE, removed=removed, added=new_files(table, kept))


def update(table: Table, chat: str, column: str, value: Any) -> None:
    """UPDATE a column in the rows of a chat: they are deleted, and inserted anew."""
    found = [one.raw.take(one.positions_of(chat)) for one in held_rows(table)]
    rows = pa.concat_tables([table.schema().as_arrow().empty_table(), *found], **_PROMOTED)
    if rows.num_rows:
        place = rows.column_names.index(column)
        field = rows.field(column)
        changed = rows.set_column(place, field, pa.array([value] * rows.num_rows, field.type))
        commit(
            table,
            Operation.OVERWRITE,
            added=new_files(table, changed),
            deletes=_deletes(table, chat),
        )


def merge(table: Table, chat: str, column: str, value: Any, otherwise: Row) -> None:
    """MERGE: UPDATE the rows of a chat, or INSERT a row if there are none."""
    if any(len(one.positions_of(chat)) for one in held_rows(table)):
        update(table, chat, column, value)
    else:
        insert(table, otherwise)


def insert(table: Table, row: Row, branch: str = MAIN_BRANCH) -> None:
    """INSERT a row."""
    commit(table, Operation.APPEND, added=new_files(table, arrow_row(table, row)), branch=branch)


def compact(table: Table) -> None:
    """Rewrite all files as one for each partition, deletes applied."""
    held = list(held_rows(table))
    if held:
        rows = pa.concat_tables((one.rows for one in held), **_PROMOTED)
        commit(
            table,
            Operation.REPLACE,
            removed=[one.file for one in held],
            added=new_files(table, rows),
            keep_deletes=False,
        )


# Files may differ in whether their strings are large.
_PROMOTED: Any = {"promote_options": "permissive"}


def _deletes(table: Table, chat: str) -> list[DataFile]:
    return [
        position_deletes(table, [(one.file, positions)])
        for one in held_rows(table)
        if len(positions := one.positions_of(chat))
    ]
