"""The least of what comes later, found for all rows of many groups at once."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence


def least_from_here(
    rows: pa.Table, *, of: Sequence[str], at: str, tie: str, value: str
) -> pa.Array:
    """Return for each row the least value among itself and the later rows of its group.

    Parameters
    ----------
    of
        The columns that the rows of one group have in common; nulls are equal.
    at, tie
        What is later: by time, then by the other column. A row without a time is later than none,
        and none is later than it.
    value
        An int64 column; null for rows that say nothing.
    """
    order = pc.sort_indices(
        rows,
        sort_keys=[
            *((name, "ascending", "at_end") for name in of),
            (at, "descending", "at_end"),
            (tie, "descending", "at_end"),
        ],
    )
    ordered = rows.select(list({*of, at, value})).take(order)
    columns = {name: _whole(ordered.column(name)) for name in ordered.column_names}
    is_timed = pc.is_valid(columns[at])
    values = pc.if_else(is_timed, columns[value], None)
    distinct = values.unique().drop_null()
    distinct = distinct.take(pc.sort_indices(distinct))
    nothing = len(distinct)
    rank = pc.cast(pc.fill_null(pc.index_in(values, distinct), nothing), pa.int64())
    # All ranks of a later group are below those of an earlier one, so that one running minimum
    # begins afresh with each.
    group = pc.cumulative_sum(pc.cast(_begins([columns[name] for name in of]), pa.int64()))
    offset = pc.multiply(group, nothing + 1)
    least = pc.add(pc.cumulative_min(pc.subtract(rank, offset)), offset)
    known = pc.and_(is_timed, pc.less(least, nothing))
    found = distinct.take(pc.if_else(known, least, None))
    return found.take(pc.sort_indices(order))


def _begins(keys: Sequence[pa.Array]) -> pa.Array:
    """Tell which rows have other keys than the row before."""
    length = len(keys[0])
    if not length:
        return pa.array([], pa.bool_())
    differs = reduce(pc.or_, (_differs(key.slice(1), key.slice(0, length - 1)) for key in keys))
    return pa.concat_arrays([pa.array([True]), differs])


def _differs(a: pa.Array, b: pa.Array) -> pa.Array:
    return pc.coalesce(pc.not_equal(a, b), pc.xor(pc.is_null(a), pc.is_null(b)))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
