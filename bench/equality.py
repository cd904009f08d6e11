"""Whether the rows of the lake are those of the DuckDB script, asked before anything is timed.

Both sides are read by DuckDB: the lake through its Iceberg metadata, the script's Parquet as files.
All columns that both have are compared, duplicates counted. Called as `python -m bench.equality`,
because a process of its own keeps the memory of the comparison out of what is measured.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chatlake.analytics.duckdb_engine import connect
from chatlake.tables import schema

if TYPE_CHECKING:
    import duckdb

TABLES = (schema.MESSAGES, schema.RECEIPTS)
LEFT_OUT = ("instance_id", "extra")
"""What the script does not make. It must be null in every row of the lake: the files do not hold
the instance, and nothing that is unknown or unreadable."""

_EXAMPLES = 3


class RowsDiffer(Exception):
    """The two sides do not hold the same rows, so their times cannot be compared."""


def assert_equal_rows(lake: Path, script_output: Path) -> dict[str, int]:
    """Compare messages and receipts of both sides.

    Returns
    -------
    dict[str, int]
        How many rows each table has, on either side.

    Raises
    ------
    RowsDiffer
        Columns, types or rows differ, there are no rows at all, or a column that only the lake
        has holds anything.
    """
    counts = {}
    with connect(lake) as connection:
        for table in TABLES:
            files = str(script_output / table.name / "**" / "*.parquet").replace("'", "''")
            connection.execute(
                f"CREATE VIEW script_{table.name} AS "
                f"SELECT * FROM read_parquet('{files}', hive_partitioning = false)"
            )
            counts[table.name] = _assert_equal(connection, table)
    return counts


def _assert_equal(connection: duckdb.DuckDBPyConnection, table: schema.Table) -> int:
    ours, theirs = f'"{table.name}"', f"script_{table.name}"
    expected = {n: t for n, t in _columns(connection, ours).items() if n not in LEFT_OUT}
    if (found := _columns(connection, theirs)) != expected:
        message = f"{table.name}: the lake has the columns {expected}, the script {found}"
        raise RowsDiffer(message)
    for name in LEFT_OUT:
        if held := _count(connection, f"SELECT 1 FROM {ours} WHERE {name} IS NOT NULL"):
            message = f"{table.name}: {name}, which the script leaves out, is set in {held} rows"
            raise RowsDiffer(message)
    names = ", ".join(f'"{name}"' for name in expected)
    counts = {side: _count(connection, f"SELECT 1 FROM {side}") for side in (ours, theirs)}
    only = {
        here: f"SELECT {names} FROM {here} EXCEPT ALL SELECT {names} FROM {there}"
        for here, there in ((ours, theirs), (theirs, ours))
    }
    if differing := {side: sql for side, sql in only.items() if _count(connection, sql)}:
        message = "; ".join(
            f"{_count(connection, sql)} of {counts[side]} rows of {side} are only there, such as "
            f"{_examples(connection, sql, table)}"
            for side, sql in differing.items()
        )
        raise RowsDiffer(message)
    if not counts[ours]:
        message = f"{table.name}: neither side has a row"
        raise RowsDiffer(message)
    return counts[ours]


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE {name}").fetchall()
    return {column: kind for column, kind, *_ in described}


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    counted = connection.execute(f"SELECT count(*) FROM ({sql})").fetchone()
    assert counted is not None
    return int(counted[0])


def _examples(connection: duckdb.DuckDBPyConnection, sql: str, table: schema.Table) -> str:
    keys = ", ".join(("initial_contact_id", *table.key))
    rows = connection.execute(f"SELECT {keys} FROM ({sql}) ORDER BY ALL LIMIT {_EXAMPLES}")
    return ", ".join("/".join(map(str, row)) for row in rows.fetchall())


def main(lake: Path, script_output: Path) -> int:
    try:
        counts = assert_equal_rows(lake, script_output)
    except RowsDiffer as difference:
        print(difference, file=sys.stderr)
        return 1
    print(" and ".join(f"{count:,} {name}" for name, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
