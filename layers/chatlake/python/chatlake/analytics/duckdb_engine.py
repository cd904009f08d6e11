"""SQL on the lake folder: DuckDB, which reads the Iceberg metadata with code of its own.

It loads nothing that only writers need, so that a query starts at once.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb

from chatlake.analytics.sql_files import load_views, to_duckdb
from chatlake.exceptions import (
    LakeDiffers,
    LakeIncomplete,
    LakeNotFound,
    QueryFailed,
    TableDiffers,
)
from chatlake.interrupts import temporary_folder
from chatlake.tables import schema
from chatlake.tables.lake.local_catalog import DOCUMENTS, check_locations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

EXTENSIONS = ("avro", "iceberg")


@contextmanager
def connect(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the tables and views of a lake at their newest snapshots.

    Raises
    ------
    LakeNotFound, LakeIncomplete, LakeMoved, LakeDiffers
        The folder holds no lake, or none whose tables can be read.
    """
    locations = check_locations(folder)
    if locations.keys() != {table.name for table in schema.TABLES}:
        if any(folder.glob(f"{DOCUMENTS}/*/*.json")):
            # A rebuild was cut off, or is not far yet.
            raise LakeIncomplete(str(folder), "tables")
        raise LakeNotFound(str(folder))
    # What does not fit into memory goes there, and not into the current folder.
    with temporary_folder() as spill, ExitStack() as opened:
        try:
            connection = opened.enter_context(open_tables(locations))
        except TableDiffers as error:
            raise LakeDiffers(str(folder), error.table, error.what) from error
        connection.execute("SET temp_directory = ?", [str(spill)])
        yield connection


@contextmanager
def open_tables(
    locations: Mapping[str, str],
    *,
    extensions: Sequence[str] = EXTENSIONS,
    settings: Sequence[str] = (),
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open tables, whose newest metadata is at these locations, and the views on them."""
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        for name in extensions:
            connection.execute(f"LOAD '{_extension(name)}'")
        for setting in ("SET TimeZone = 'UTC'", *settings):
            connection.execute(setting)
        for table in schema.TABLES:
            location = locations[table.name].replace("'", "''")
            connection.execute(
                f"CREATE VIEW \"{table.name}\" AS SELECT * FROM iceberg_scan('{location}')"  # nosec B608 # our names
            )
        try:
            create_views(connection)
        except duckdb.BinderException as error:
            raise _differing(connection) or error from error
        yield connection


def _differing(connection: duckdb.DuckDBPyConnection) -> TableDiffers | None:
    """Say which column of a table is not there, if one is missing."""
    for table in schema.TABLES:
        found = connection.execute(f'DESCRIBE "{table.name}"').fetchall()
        names = {name for name, *_ in found}
        for column in table.columns:
            if column.name not in names:
                return TableDiffers(table.name, f"its column {column.name} is gone", "")
    return None


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the project's views on the tables of a connection."""
    for view in load_views():
        connection.execute(f'CREATE VIEW "{view.name}" AS {to_duckdb(view.sql)}')


def run(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[str] = ()
) -> duckdb.DuckDBPyConnection:
    """Run SQL; return the cursor of its result. Parameters stand for its question marks.

    Raises
    ------
    QueryFailed
        The engine refused it, or there was nothing to run.
    """
    try:
        # Without a statement there is no cursor, whatever the signature says.
        cursor: duckdb.DuckDBPyConnection | None = connection.execute(sql, parameters)
    except duckdb.Error as error:
        raise QueryFailed(str(error)) from error
    if cursor is None:
        message = "there is no statement in this SQL"
        raise QueryFailed(message)
    return cursor


def _extension(name: str) -> str:
    """Find an extension in its Python package, pinned to DuckDB's own version."""
    folder = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
    return str(folder / f"{name}.duckdb_extension").replace("'", "''")
