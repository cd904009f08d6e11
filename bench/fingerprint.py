"""What a lake, or the DuckDB script's folder, holds: rows and a checksum of each table.

Called as `python -m bench.fingerprint`, which prints JSON.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from bench.equality import TABLES
from chatlake.analytics.duckdb_engine import connect
from chatlake.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

type Fingerprint = dict[str, tuple[int, str]]
"""By table: the number of rows, and a checksum of all columns of all of them."""


def fingerprint(folder: Path) -> Fingerprint:
    """Sum up all tables of a lake, `published_at` included, or those that the script wrote."""
    with _open(folder) as (connection, tables):
        prints = {}
        for table in tables:
            columns = ", ".join(
                f'"{name}"' for (name, *_) in connection.execute(f'DESCRIBE "{table}"').fetchall()
            )
            row = connection.execute(
                f'SELECT count(*), sum(hash({columns})::HUGEINT)::VARCHAR FROM "{table}"'
            ).fetchone()
            assert row is not None
            prints[table] = (int(row[0]), str(row[1]))
    return prints


@contextmanager
def _open(folder: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    if not (folder / TABLES[0].name).is_dir():
        with connect(folder) as connection:
            yield connection, [table.name for table in schema.TABLES]
        return
    with duckdb.connect() as connection:
        for table in TABLES:
            files = str(folder / table.name / "**" / "*.parquet").replace("'", "''")
            connection.execute(f"CREATE VIEW {table.name} AS FROM read_parquet('{files}')")
        yield connection, [table.name for table in TABLES]


if __name__ == "__main__":
    print(json.dumps(fingerprint(Path(sys.argv[1]))))
