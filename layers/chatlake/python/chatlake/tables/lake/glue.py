"""The lake of a deployed stack: tables of Glue's catalog, their files on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchPropertyException,
    NoSuchTableError,
)

from chatlake.tables import schema
from chatlake.tables.lake.commit_times import OrderedCommits
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.lake.s3_io import S3FileIO

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.typedef import Identifier
    from types_boto3_glue import GlueClient
    from types_boto3_glue.type_defs import TableInputTypeDef

TABLES_PREFIX = "tables"


class _Catalog(OrderedCommits, GlueCatalog):
    """Glue's catalog, where a commit may succeed and its answer be lost.

    Sent again by the client, the commit is refused, because the table is no longer at the version
    that it itself replaced. What failed is cleaned up, and here that would be the files of the
    current snapshot.
    """

    @override
    def load_table(self, identifier: str | Identifier) -> Table:
        """Load a table; a view in its place, which version 0.1 made of read_latency, is none."""
        try:
            return super().load_table(identifier)
        except NoSuchPropertyException as error:
            if self._is_view(identifier):
                raise NoSuchTableError(str(error)) from error
            raise

    @override
    def create_table(self, identifier: str | Identifier, *arguments: Any, **options: Any) -> Table:
        """Create a table, read_latency in the place of the view that version 0.1 has made."""
        _, name = self.identifier_to_database_and_table(identifier)
        if name == schema.READ_LATENCY.name and self._is_view(identifier):
            self.drop_table(identifier)
        return super().create_table(identifier, *arguments, **options)

    def _is_view(self, identifier: str | Identifier) -> bool:
        database, name = self.identifier_to_database_and_table(identifier)
        try:
            found = self.glue.get_table(DatabaseName=database, Name=name)["Table"]
        except self.glue.exceptions.EntityNotFoundException:
            return False
        return bool(found.get("TableType") == "VIRTUAL_VIEW")

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


def glue_lake(glue: GlueClient, *, bucket: str, database: str, row_retention_days: int = 0) -> Lake:
    """Open the tables of a database, whose files are in a bucket."""
    properties = {"py-io-impl": f"{S3FileIO.__module__}.{S3FileIO.__qualname__}"}
    catalog = _Catalog("lake", client=glue, **properties)
    lake = Lake(catalog, namespace=database, location=f"s3://{bucket}/{TABLES_PREFIX}")
    lake.row_retention_days = row_retention_days
    return lake
