"""What a question reads: which columns of which tables, how often, and how many bytes they have."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chatlake.tables.lake.iceberg import Lake
    from chatlake.tables.schema import Table
    from local.questions import Questions

# A column that a scan reads: `sent_at := 19:sent_at:timestamp(6)`.
_COLUMN = re.compile(r"^\s*\S+ := \d+:(\w+):")
_TABLE = re.compile(r"\b\w+:(\w+)\.(\w+)\$data@\d+|\b\w+:(\w+)\.(\w+)\b")


@dataclass(frozen=True, slots=True)
class Scans:
    """The scans of a question's plan."""

    tables: Counter[str]
    """How often each table is read."""
    columns: Mapping[str, frozenset[str]]
    """What of it is."""


def scans_of(questions: Questions, sql: str, parameters: Sequence[str] = ()) -> Scans:
    """Read the plan that the engine makes of a question; it is not run."""
    # The engine takes no parameters in an EXPLAIN.
    for parameter in parameters:
        sql = sql.replace("?", f"'{parameter}'", 1)
    answer = questions.ask(f"EXPLAIN (TYPE DISTRIBUTED, FORMAT JSON) {sql}")
    tables = Counter[str]()
    columns = defaultdict[str, set[str]](set)
    for fragment in json.loads("".join(row[0] for row in answer.rows)).values():
        for node in _nodes(fragment):
            if table := node["descriptor"].get("table"):
                name = _name(table)
                tables[name] += 1
                found = map(_COLUMN.match, node["details"])
                columns[name] |= {column[1] for column in found if column}
    return Scans(tables, {name: frozenset(found) for name, found in columns.items()})


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node["children"]:
        yield from _nodes(child)


def _name(table: str) -> str:
    found = _TABLE.search(table)
    assert found is not None, table
    return found[2] or found[4]


class ColumnBytes:
    """How many bytes each column of a table has, in all of its files."""

    def __init__(self, lake: Lake, tables: Sequence[Table]) -> None:
        self._bytes: dict[str, Counter[str]] = {}
        self.files: Counter[str] = Counter()
        for table in tables:
            loaded = lake.load(table)
            self._bytes[table.name] = counted = Counter[str]()
            for task in loaded.scan().plan_files():
                self.files[table.name] += 1
                with loaded.io.new_input(task.file.file_path).open() as file:
                    footer = pq.ParquetFile(file).metadata
                for group in range(footer.num_row_groups):
                    for position in range(footer.num_columns):
                        column = footer.row_group(group).column(position)
                        counted[column.path_in_schema] += column.total_compressed_size

    def of_tables(self) -> dict[str, int]:
        """Return the bytes of each table."""
        return {table: counted.total() for table, counted in self._bytes.items()}

    def needed(self, scans: Scans) -> int:
        """Return the bytes of the columns that a question reads, of each table once."""
        return sum(
            self._bytes[table][column] for table, of in scans.columns.items() for column in of
        )
