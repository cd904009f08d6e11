"""Rows of a stack's tables, read by DuckDB from the Iceberg metadata that Glue names."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import urlsplit

import duckdb

from local.cloud import LocalCloud, Stack
from tests import oracle
from tests.oracle import Row

type Rows = dict[str, list[Row]]

TABLES = tuple(oracle.COLUMNS)
_EXTENSIONS = ("avro", "httpfs", "iceberg")


def read_rows(cloud: LocalCloud, stack: Stack) -> Rows:
    """All rows of all tables as they are now, each with every column that its table has."""
    settings = {
        "TimeZone": "UTC",
        "s3_endpoint": urlsplit(cloud.endpoint_url).netloc,
        "s3_url_style": "path",
        "s3_region": cloud.region,
        "s3_access_key_id": "local",
        "s3_secret_access_key": "local",
    }
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        for name in _EXTENSIONS:
            folder = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
            connection.execute(f"LOAD '{folder / f'{name}.duckdb_extension'}'")
        for setting, value in settings.items():
            connection.execute(f"SET {setting} = '{value}'")
        connection.execute("SET s3_use_ssl = false")
        return {table: _rows(connection, metadata(cloud, stack, table)) for table in TABLES}


def metadata(cloud: LocalCloud, stack: Stack, table: str) -> str:
    """Where the newest metadata of a table is."""
    database = stack.outputs["GlueDatabase"]
    found = cloud.client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    return found["Parameters"]["metadata_location"]


def _rows(connection: duckdb.DuckDBPyConnection, location: str) -> list[Row]:
    found = connection.execute("SELECT * FROM iceberg_scan(?)", [location]).to_arrow_table()
    rows: list[Row] = found.to_pylist()
    return rows


def comparable(rows: Rows) -> Rows:
    """Rows in order, without what the oracle does not say: when published, of which revision."""
    left_out = {"published_at", "document_revision"}
    return {
        table: oracle.in_table_order(
            table, [{n: v for n, v in row.items() if n not in left_out} for row in its_rows]
        )
        for table, its_rows in rows.items()
    }


def of_chats(rows: Rows, *chats: str) -> Rows:
    """The rows of some chats only."""
    return {
        table: [row for row in its_rows if row["initial_contact_id"] in chats]
        for table, its_rows in rows.items()
    }
