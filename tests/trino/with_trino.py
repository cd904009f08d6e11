"""Others that write with Trino to the deployed tables, and with pyiceberg what Trino 476 cannot."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.others.protocol import CHAT
from tests.others.with_pyiceberg import PyicebergOthers
from tests.trino.shared_lake import as_trino

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from tests.others.protocol import Row
    from tests.trino.shared_lake import SharedLake

_TYPES = {"string": "varchar"}


class TrinoOthers(PyicebergOthers):
    """`Others` by SQL; rows are read with Trino and with DuckDB."""

    def __init__(self, lake: SharedLake, catalog: Catalog) -> None:
        super().__init__(catalog)
        self._lake = lake
        self._loaded_from = catalog

    def table(self, name: str) -> Table:
        return self._loaded_from.load_table((self._lake.archive.settings.database, name))

    def delete(self, table: str, chat: str, *, copying: bool = False) -> None:
        self._ask(f"DELETE FROM {table} WHERE {CHAT} = {_literal(chat)}")

    def update(self, table: str, chat: str, column: str, value: Any) -> None:
        self._ask(f"UPDATE {table} SET \"{column}\" = {_literal(value)} WHERE {CHAT} = '{chat}'")

    def merge(self, table: str, chat: str, column: str, value: Any, otherwise: Row) -> None:
        names, values = _names_and_values(otherwise)
        self._ask(
            f"MERGE INTO {table} t USING (VALUES '{chat}') AS s (chat) ON t.{CHAT} = s.chat "
            f'WHEN MATCHED THEN UPDATE SET "{column}" = {_literal(value)} '
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
        )

    def insert(self, table: str, row: Row) -> None:
        names, values = _names_and_values(row)
        self._ask(f"INSERT INTO {table} ({names}) VALUES ({values})")

    def compact(self, table: str) -> None:
        self._ask(f"ALTER TABLE {table} EXECUTE optimize")

    def expire_snapshots(self, table: str) -> None:
        self._ask(f"ALTER TABLE {table} EXECUTE expire_snapshots(retention_threshold => '0s')")

    def remove_orphans(self, table: str) -> None:
        self._ask(f"ALTER TABLE {table} EXECUTE remove_orphan_files(retention_threshold => '0s')")

    def add_column(self, table: str, name: str, of_type: str) -> None:
        self._ask(f"ALTER TABLE {table} ADD COLUMN {name} {_TYPES.get(of_type, of_type)}")

    def rename_column(self, table: str, name: str, to: str) -> None:
        self._ask(f"ALTER TABLE {table} RENAME COLUMN {name} TO {to}")

    def drop_column(self, table: str, name: str) -> None:
        self._ask(f"ALTER TABLE {table} DROP COLUMN {name}")

    def partition_by(self, table: str, *fields: str) -> None:
        said = ", ".join(f"'{field}'" for field in fields)
        self._ask(f"ALTER TABLE {table} SET PROPERTIES partitioning = ARRAY[{said}]")

    def sort_by(self, table: str, *columns: str) -> None:
        said = ", ".join(f"'{column} DESC'" for column in columns)
        self._ask(f"ALTER TABLE {table} SET PROPERTIES sorted_by = ARRAY[{said}]")

    def run(self, statement: str) -> None:
        self._ask(as_trino(statement))

    def answers(self, table: str) -> Mapping[str, list[Row]]:
        fields = self.table(table).schema().fields
        nested = {field.name for field in fields if not field.field_type.is_primitive}
        columns = ", ".join(
            f'json_format(CAST("{field.name}" AS json))'
            if field.name in nested
            else f'"{field.name}"'
            for field in fields
        )
        answer = self._lake.trino(f"SELECT {columns} FROM {table}")
        names = [field.name for field in fields]
        rows = [dict(zip(names, row, strict=True)) for row in answer.rows]
        for row in rows:
            for name in nested:
                row[name] = None if row[name] is None else json.loads(row[name])
        duckdb = self._lake.duckdb(f"SELECT * FROM {table}").to_arrow_table().to_pylist()
        return {"Trino": rows, "DuckDB": duckdb}

    def _ask(self, sql: str) -> None:
        self._lake.others(sql)


def _names_and_values(row: Row) -> tuple[str, str]:
    return ", ".join(f'"{name}"' for name in row), ", ".join(map(_literal, row.values()))


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return f"TIMESTAMP '{value.isoformat(' ')}'"
        case list():
            return f"CAST(ARRAY[{', '.join(map(_literal, value))}] AS array(varchar))"
        case dict():
            return f"ROW({', '.join(map(_literal, value.values()))})"
        case int():
            return str(value)
    raise TypeError(type(value))
