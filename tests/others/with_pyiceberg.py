"""Others that write with pyiceberg to the tables of a folder."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import duckdb
from pyiceberg.table.refs import MAIN_BRANCH

from chatlake.analytics.duckdb_engine import EXTENSIONS
from chatlake.tables import schema
from tests.others import definition, rows
from tests.others.files import read
from tests.others.protocol import CHAT
from tests.others.versions import publish_as_released

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from chatlake.documents.document import Document
    from tests.others.protocol import Row


class PyicebergOthers:
    """`Others` in one process with the catalog; rows are read with pyiceberg and with DuckDB."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def table(self, name: str) -> Table:
        """Return a table as it is now."""
        return self._catalog.load_table((schema.NAMESPACE, name))

    def delete(self, table: str, chat: str, *, copying: bool = False) -> None:
        (rows.delete_copying if copying else rows.delete)(self.table(table), chat)

    def update(self, table: str, chat: str, column: str, value: Any) -> None:
        rows.update(self.table(table), chat, column, value)

    def merge(self, table: str, chat: str, column: str, value: Any, otherwise: Row) -> None:
        rows.merge(self.table(table), chat, column, value, otherwise)

    def insert(self, table: str, row: Row) -> None:
        rows.insert(self.table(table), row)

    def compact(self, table: str) -> None:
        rows.compact(self.table(table))

    def expire_snapshots(self, table: str) -> None:
        definition.expire_snapshots(self.table(table))

    def remove_orphans(self, table: str) -> None:
        definition.remove_orphans(self.table(table))

    def add_column(self, table: str, name: str, of_type: str) -> None:
        definition.add_column(self.table(table), name, of_type)

    def rename_column(self, table: str, name: str, to: str) -> None:
        definition.rename_column(self.table(table), name, to)

    def drop_column(self, table: str, name: str) -> None:
        definition.drop_column(self.table(table), name)

    def partition_by(self, table: str, *fields: str) -> None:
        definition.partition_by(self.table(table), *fields)

    def sort_by(self, table: str, *columns: str) -> None:
        definition.sort_by(self.table(table), *columns)

    def tag(self, table: str, name: str) -> None:
        definition.tag(self.table(table), name)

    def branch(self, table: str, name: str) -> None:
        definition.branch(self.table(table), name)

    def insert_into_branch(self, table: str, name: str, row: Row) -> None:
        rows.insert(self.table(table), row, branch=name)

    def remove_properties(self, table: str) -> None:
        definition.remove_properties(self.table(table))

    def run(self, statement: str) -> None:
        name = next(one.name for one in schema.TABLES if f" {one.name} " in statement)
        definition.run(self.table(name), statement)

    def publish_as_released(self, table: str, document: Document) -> set[str]:
        return publish_as_released(self.table(table), document)

    def is_partitioned_anew(self, table: str) -> bool:
        return self.table(table).metadata.default_spec_id != 0

    def answers(self, table: str) -> Mapping[str, list[Row]]:
        loaded = self.table(table)
        relation = _duckdb().execute("SELECT * FROM iceberg_scan(?)", [loaded.metadata_location])
        return {
            "pyiceberg": loaded.scan().to_arrow().to_pylist(),
            "DuckDB": relation.to_arrow_table().to_pylist(),
        }

    def version(self, table: str) -> object:
        return self.table(table).metadata_location

    def refs(self, table: str) -> Mapping[str, int]:
        refs = self.table(table).metadata.refs
        return {name: ref.snapshot_id for name, ref in refs.items() if name != MAIN_BRANCH}

    def raw_chats(self, table: str) -> set[str]:
        loaded = self.table(table)
        return {
            chat
            for task in loaded.scan().plan_files()
            for chat in read(loaded, task.file).column(CHAT).to_pylist()
        }


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 1})
    for name in EXTENSIONS:
        folder = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
        connection.execute(f"LOAD '{folder / f'{name}.duckdb_extension'}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection
