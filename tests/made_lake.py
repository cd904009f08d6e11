"""Tables made by hand in DuckDB, with the project's views on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from chatlake.analytics.duckdb_engine import create_views
from chatlake.tables import schema
from chatlake.tables.flatten import arrow_schema

type Row = dict[str, Any]


def made_lake(rows: Mapping[str, Sequence[Row]]) -> duckdb.DuckDBPyConnection:
    """Open tables with these rows; columns that a row does not name are null."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    # As Athena does, where the project's queries run.
    connection.execute("SET integer_division = true")
    for table in schema.TABLES:
        connection.register(f"given_{table.name}", arrow_schema(table).empty_table())
        connection.execute(f"CREATE TABLE {table.name} AS FROM given_{table.name}")
    create_views(connection)
    refill(connection, rows)
    return connection


def refill(connection: duckdb.DuckDBPyConnection, rows: Mapping[str, Sequence[Row]]) -> None:
    """Put these rows in the place of those that such tables have."""
    for table in schema.TABLES:
        columns = [column.name for column in table.columns]
        whole = [dict.fromkeys(columns) | row for row in rows.get(table.name, ())]
        assert all(row.keys() == set(columns) for row in whole)
        given = pa.Table.from_pylist(whole, schema=arrow_schema(table))
        connection.register(f"given_{table.name}", given)
        connection.execute(f"DELETE FROM {table.name}")
        connection.execute(f"INSERT INTO {table.name} FROM given_{table.name}")


def ask(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[str] = ()
) -> list[Row]:
    """Return the rows of an answer, by column name."""
    rows: list[Row] = connection.execute(sql, parameters).to_arrow_table().to_pylist()
    return rows
