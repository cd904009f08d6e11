"""Values of columns that others have added outlive the rows that they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from chatlake.tables import schema

_CHAT = "initial_contact_id"


def keep_values_of_others(table: schema.Table, new: pa.Table, old: pa.Table) -> pa.Table:
    """Give new rows the values that others have added to the old rows of the same keys.

    Parameters
    ----------
    new
        With our columns.
    old
        With all columns that the table has.
    """
    ours = {column.name for column in table.columns}
    added = [name for name in old.column_names if name not in ours]
    if not added or not old.num_rows:
        return new
    old = old.combine_chunks()
    places = pc.index_in(_keys(table, new), value_set=_keys(table, old))
    for name in added:
        new = new.append_column(name, old.column(name).take(places))
    return new


def _keys(table: schema.Table, rows: pa.Table) -> pa.Array:
    parts = [
        pc.fill_null(pc.cast(rows.column(name), pa.string()), "\0") for name in (_CHAT, *table.key)
    ]
    joined = pc.binary_join_element_wise(*parts, "\x1f")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
