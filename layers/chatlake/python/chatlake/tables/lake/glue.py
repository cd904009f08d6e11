"""The lake of a deployed stack: tables of Glue's catalog, their files on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException

from chatlake.tables.lake.commit_times import OrderedCommits
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.lake.s3_io import S3FileIO

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
    from types_boto3_glue.type_defs import TableInputTypeDef

TABLES_PREFIX = "tables"


class _Catalog(OrderedCommits, GlueCatalog):
    """Glue's catalog, where a commit may succeed and its answer be lost.

    Sent again by the client, the commit is refused, because the table is no longer at the version
    that it itself replaced. What failed is cleaned up, and here that would be the files of the
    current snapshot.
    """

    def _update_glue_table(
        self, database_name: str, table_name: str, table_input: TableInputTypeDef, version_id: str
    ) -> None:
        try:
            super()._update_glue_table(database_name, table_name, table_input, version_id)
        except CommitFailedException:
            ours = table_input["Parameters"]["metadata_location"]
            now = self.load_table((database_name, table_name))
            earlier = {entry.metadata_file for entry in now.metadata.metadata_log}
            if ours not in {now.metadata_location, *earlier}:
                raise


def glue_lake(glue: GlueClient, *, bucket: str, database: str) -> Lake:
    """Open the tables of a database, whose files are in a bucket."""
    properties = {"py-io-impl": f"{S3FileIO.__module__}.{S3FileIO.__qualname__}"}
    catalog = _Catalog("lake", client=glue, **properties)
    return Lake(catalog, namespace=database, location=f"s3://{bucket}/{TABLES_PREFIX}")
