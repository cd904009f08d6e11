"""SQL on the tables of a stack in the local cloud: DuckDB reads them from its S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import duckdb

from chatlake.analytics.duckdb_engine import EXTENSIONS, open_tables
from chatlake.tables import schema
from local.cloud import LocalCloud, Stack


@contextmanager
def deployed_tables(cloud: LocalCloud, stack: Stack) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the tables and views of a stack at their newest snapshots."""
    glue = cloud.client("glue")
    database = stack.outputs["GlueDatabase"]
    locations = {
        table.name: glue.get_table(DatabaseName=database, Name=table.name)["Table"]["Parameters"][
            "metadata_location"
        ]
        for table in schema.TABLES
    }
    settings = [
        f"SET s3_endpoint = '{urlsplit(cloud.endpoint_url).netloc}'",
        "SET s3_use_ssl = false",
        "SET s3_url_style = 'path'",
        f"SET s3_region = '{cloud.region}'",
        "SET s3_access_key_id = 'local'",
        "SET s3_secret_access_key = 'local'",
    ]
    extensions = (*EXTENSIONS, "httpfs")
    with open_tables(locations, extensions=extensions, settings=settings) as connection:
        yield connection
