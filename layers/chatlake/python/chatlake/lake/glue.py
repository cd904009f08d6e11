"""The lake of a deployed stack: tables of Glue's catalog, their files on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.catalog.glue import GlueCatalog

from chatlake.lake import Lake

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient

TABLES_PREFIX = "tables"


def glue_lake(glue: GlueClient, *, bucket: str, database: str) -> Lake:
    """Open the tables of a database, whose files are in a bucket."""
    properties = {"py-io-impl": "chatlake.lake.s3_io.S3FileIO"}
    catalog = GlueCatalog("lake", client=glue, **properties)
    return Lake(catalog, namespace=database, location=f"s3://{bucket}/{TABLES_PREFIX}")
