"""One answer beside another: names, types and every value of every row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from local.questions import Answer

_TYPES = {
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.float64(): "double",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.string(): "varchar",
    pa.timestamp("us"): "timestamp",
}
# Sums of doubles depend on their order, which no engine promises.
_ROUNDING = 1e-12


def differences(trino: Answer, answered: duckdb.DuckDBPyConnection, *, ordered: bool) -> list[str]:
    """Return what differs between both answers; `ordered` ones are in one order, too."""
    table = answered.to_arrow_table()
    types = {field.name: _TYPES.get(field.type, str(field.type)) for field in table.schema}
    if trino.types != types:
        return [f"columns: {trino.types} on Trino, {types} on DuckDB"]
    mine = [tuple(row.values()) for row in table.to_pylist()]
    theirs: Sequence[tuple[Any, ...]] = trino.rows
    if not ordered:
        mine, theirs = sorted(mine, key=_order), sorted(theirs, key=_order)
    if len(mine) != len(theirs):
        return [f"{len(theirs)} rows on Trino, {len(mine)} on DuckDB"]
    return [
        f"row {number}, {name}: {there!r} on Trino, {here!r} on DuckDB"
        for number, (row, other) in enumerate(zip(theirs, mine, strict=True))
        for name, there, here in zip(types, row, other, strict=True)
        if not equal(there, here)
    ]


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    return type(one) is type(other) and bool(one == other)


def _order(row: tuple[Any, ...]) -> list[tuple[bool, str]]:
    return [(value is None, _text(value)) for value in row]


def _text(value: Any) -> str:
    match value:
        case float() | Decimal():
            return f"{value:.6f}"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
