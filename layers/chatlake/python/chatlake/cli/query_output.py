"""Results of queries: as a table on screen, or as CSV, JSON or Parquet to go on with."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import orjson
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from chatlake.analytics.duckdb_engine import connect, run
from chatlake.analytics.sql_files import load_named, load_views, to_duckdb
from chatlake.atomic_write import whole_file
from chatlake.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_ROWS_AT_ONCE = 10_000
_ROWS_SHOWN = 200
_WIDEST = 100_000
_LARGE = 1e6
_INT64 = 2**63
_CONTROL_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}


def write_result(
    folder: Path,
    sql: str,
    output_format: str,
    output: Path | None,
    parameters: Sequence[str] = (),
    *,
    as_athena: bool = False,
) -> None:
    """Run SQL on a lake and write the result in a format, to a file or standard output.

    The SQL is DuckDB's, or is read as Athena does: there integers divide into an integer.
    """
    sql = to_duckdb(sql) if as_athena else sql
    with connect(folder) as connection:
        if as_athena:
            connection.execute("SET integer_division = true")
        result = run(connection, sql, parameters).to_arrow_reader(_ROWS_AT_ONCE)
        write_rows(result, output_format, output)


def write_rows(result: pa.RecordBatchReader, output_format: str, output: Path | None) -> None:
    """Write rows in a format, to a file or standard output."""
    if output is None:
        _write(result, output_format, sys.stdout)
        return
    with whole_file(output) as path:
        if output_format == "parquet":
            _write_parquet(result, path)
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            _write(result, output_format, file)


def list_queries() -> None:
    """Print the tables, the views and the named queries."""
    console = Console(soft_wrap=False)
    entries = {
        "Tables": [(table.name, table.doc) for table in schema.TABLES],
        "Views": [(view.name, view.question) for view in load_views()],
        "Named queries (--named NAME, of a period: --since DAY --until DAY)": [
            (query.name, query.question) for query in load_named()
        ],
    }
    for title, rows in entries.items():
        if rows:
            listing = Table(title=title, title_justify="left", box=None, show_header=False)
            listing.add_column(no_wrap=True, style="bold")
            for row in rows:
                listing.add_row(*row)
            console.print(listing)
            console.print()


def _write(result: pa.RecordBatchReader, output_format: str, file: IO[str]) -> None:
    write = {"table": write_table, "csv": _write_csv, "json": _write_json}[output_format]
    write(result, file)
    file.flush()


def _write_parquet(result: pa.RecordBatchReader, path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, result.schema, compression="zstd") as writer:
        for batch in result:
            writer.write_batch(batch)


def _rows(result: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
    # By column, not as dicts: two columns may have one name.
    for batch in result:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _write_csv(result: pa.RecordBatchReader, file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(result.schema.names)
    writer.writerows(map(_text, row) for row in _rows(result))


def _write_json(result: pa.RecordBatchReader, file: IO[str]) -> None:
    separator = "[\n"
    names = _distinct(result.schema.names)
    for row in _rows(result):
        members = dict(zip(names, map(_plain, row), strict=True))
        file.write(separator + orjson.dumps(members, _json_value, orjson.OPT_UTC_Z).decode())
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def write_table(result: pa.RecordBatchReader, file: IO[str]) -> None:
    """Print the first rows of a result on screen: as a table, or each by itself if too wide."""
    rows = list(islice(_rows(result), _ROWS_SHOWN + 1))
    cells = [[_cell(value) for value in row] for row in rows[:_ROWS_SHOWN]]
    # Not a terminal: as wide as it takes, so that nothing is cut.
    width = None if file.isatty() else _WIDEST
    console = Console(file=file, width=width, markup=False, highlight=False)
    names = result.schema.names
    whole = _as_table(result.schema, names, cells)
    narrow = _as_table(result.schema, [name.replace("_", "_\n") for name in names], cells)
    if _width(whole, console) <= console.width:
        console.print(whole)
    elif _width(narrow, console) <= console.width:
        console.print(narrow)
    elif not cells:
        console.print(f"No rows. Their columns: {', '.join(names)}")
    else:
        _print_one_by_one(names, cells, console)
    if len(rows) > _ROWS_SHOWN:
        print(
            f"The first {_ROWS_SHOWN} rows; --format csv, json or parquet writes all.",
            file=sys.stderr,
        )


def _as_table(columns: pa.Schema, names: list[str], rows: list[list[str]]) -> Table:
    table = Table(header_style="bold")
    for name, field in zip(names, columns, strict=True):
        is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        is_number = is_number or pa.types.is_decimal(field.type)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _width(table: Table, console: Console) -> int:
    """Return the columns of a terminal that a table takes if nothing in it is folded."""
    return console.measure(table, options=console.options.update(width=_WIDEST)).maximum


def _print_one_by_one(names: list[str], rows: list[list[str]], console: Console) -> None:
    """Print each row by itself, a column a line, as psql does with what is too wide."""
    for number, row in enumerate(rows, start=1):
        console.rule(f"row {number}", align="left", style="none")
        record = Table.grid(padding=(0, 2))
        record.add_column(no_wrap=True, style="bold")
        record.add_column(overflow="fold")
        for name, cell in zip(names, row, strict=True):
            record.add_row(name, cell)
        console.print(record)


def _distinct(names: list[str]) -> list[str]:
    """Number the columns that have the name of an earlier one."""
    distinct: list[str] = []
    for name in names:
        fresh, number = name, 1
        while fresh in distinct:
            fresh, number = f"{name}_{number}", number + 1
        distinct.append(fresh)
    return distinct


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and abs(value) < _LARGE:
        return f"{value:.6g}"
    # What a customer wrote must not command the terminal of who reads it.
    return _text(value).translate(_CONTROL_PICTURES)


def _json_value(value: object) -> int | float | str:
    """Write what JSON has no word for; sums of integers are of a type of 128 bits."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) and abs(value) < _INT64 else float(value)
    return str(value)


def _plain(value: object) -> object:
    return _text(value) if isinstance(value, date) else value


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime() if value.tzinfo:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case _:
            return str(value)
