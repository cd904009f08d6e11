"""The Iceberg tables: made from `schema`, and written on one known snapshot each time."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)

from chatlake.backoff import jittered_wait_s
from chatlake.exceptions import OlderTables, SnapshotConflict, TableDiffers
from chatlake.tables import schema
from chatlake.tables.lake.commits import commit
from chatlake.tables.lake.definition import (
    field_ids_property,
    iceberg_schema,
    partition_spec,
    private_properties,
    properties,
    sort_order,
)
from chatlake.tables.lake.layout import add_own_spec, as_written, own_spec_id
from chatlake.tables.lake.older_tables import delete_files
from chatlake.tables.lake.others import rows_of_others
from chatlake.tables.lake.own_columns import (
    check_kind,
    check_table,
    missing_columns,
    readded_columns,
)
from chatlake.tables.lake.refs import chats_of_legs, refs_with_rows
from chatlake.tables.lake.replacement import plan_replacement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table as IcebergTable

    from chatlake.locks import ExclusiveAccess
    from chatlake.tables.lake.pruning import Sought
    from chatlake.tables.lake.refs import Ref

_MOST_ATTEMPTS = 10


class Lake:
    """The tables of one catalog; their rows are kept for so many days, for good with 0."""

    row_retention_days = 0

    def __init__(
        self,
        catalog: Catalog,
        *,
        namespace: str = schema.NAMESPACE,
        location: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Use the tables of one namespace; new ones go below a location, or the catalog's own."""
        self._sleep, self._catalog = sleep, catalog
        self._namespace, self._location = namespace, location

    def has_older_tables(self) -> bool:
        """Return whether some tables are as version 0.1 made them.

        Raises
        ------
        TableDiffers
            Somebody has changed the type of a column.
        """
        found = False
        for table in schema.TABLES:
            try:
                check_kind(table, self.load_as_it_is(table))
            except OlderTables:
                found = True
            except NoSuchTableError:
                continue
        return found

    def drop_older_tables(self) -> None:
        """Drop the tables that are as version 0.1 made them, with their files.

        When this is cut off, those which are left are still told as such.
        """
        for table in schema.TABLES:
            with suppress(NoSuchTableError):
                loaded = self.load_as_it_is(table)
                try:
                    check_kind(table, loaded)
                except OlderTables:
                    self._drop(table, loaded)

    def _drop(self, table: schema.Table, loaded: IcebergTable) -> None:
        delete_files(loaded)
        # Another run may have come first, and made the table that is there now.
        if self.load_as_it_is(table).metadata.table_uuid == loaded.metadata.table_uuid:
            self._catalog.drop_table((self._namespace, table.name))
            loaded.io.delete(loaded.metadata_location)

    def lacks_rows(self) -> bool:
        """Return whether rows or values of chats are missing that were published before.

        A table or a column is not there, or was dropped and added again. Once `create_tables` has
        made what is missing, this can no longer be told.

        Raises
        ------
        OlderTables, TableDiffers
            As `create_tables`.
        """
        return any(self._lacks_rows(table) for table in schema.TABLES)

    def _lacks_rows(self, table: schema.Table) -> bool:
        try:
            loaded = self.load_as_it_is(table)
        except NoSuchTableError:
            return True
        check_kind(table, loaded)
        return bool(missing_columns(table, loaded) or readded_columns(table, loaded))

    def create_tables(self) -> None:
        """Make the tables that are not there yet, and add the columns that are missing.

        Raises
        ------
        OlderTables
            One is as version 0.1 made it.
        TableDiffers
            Others have renamed or retyped a column of ours.
        SnapshotConflict
            One kept changing meanwhile.
        """
        if self._location is None:
            with suppress(NamespaceAlreadyExistsError):
                self._catalog.create_namespace(self._namespace)
        for table in schema.TABLES:
            for attempt in range(_MOST_ATTEMPTS):
                try:
                    self._create_or_complete(table)
                    break
                except CommitFailedException:
                    self._sleep(jittered_wait_s(attempt))
            else:
                raise SnapshotConflict(table.name)

    def _create_or_complete(self, table: schema.Table) -> None:
        try:
            loaded = self.load_as_it_is(table)
        except NoSuchTableError:
            self._create(table)
            return
        check_kind(table, loaded)
        self._complete(table, loaded)

    def _complete(self, table: schema.Table, loaded: IcebergTable) -> None:
        """Add our columns that are missing, and note the field ids that all of ours have now."""
        missing = missing_columns(table, loaded)
        with loaded.transaction() as transaction:
            if missing:
                with transaction.update_schema() as update:
                    for field in iceberg_schema(table).fields:
                        if field.name in missing:
                            update.add_column(field.name, field.field_type, doc=field.doc)
            fields = transaction.table_metadata.schema().fields
            given = {field.name: field.field_id for field in fields}
            noted = field_ids_property(table, given) | private_properties(table)
            if noted.items() - loaded.properties.items():
                transaction.set_properties(noted)

    def _create(self, table: schema.Table) -> None:
        with suppress(TableAlreadyExistsError):
            self._catalog.create_table(
                (self._namespace, table.name),
                iceberg_schema(table),
                location=self._location and f"{self._location}/{table.name}",
                partition_spec=partition_spec(table),
                sort_order=sort_order(table, iceberg_schema(table)),
                properties=properties(table),
            )

    def load(self, table: schema.Table) -> IcebergTable:
        """Return the table at its newest snapshot, as it is written (`layout`).

        Raises
        ------
        OlderTables
            It is as version 0.1 made it.
        TableDiffers
            Others have changed it so that it cannot be written.
        SnapshotConflict
            It has changed while it was put in order; nothing was written.
        """
        try:
            loaded = self.load_as_it_is(table)
        except NoSuchTableError as error:
            remedy = "invoke MakeTables, which makes it, and has all chats published again"
            raise TableDiffers(table.name, "it is not there", remedy) from error
        check_table(table, loaded)
        if own_spec_id(table, loaded) is None:
            try:
                add_own_spec(table, loaded)
            except CommitFailedException as error:
                raise SnapshotConflict(table.name) from error
        return as_written(table, loaded)

    def load_as_it_is(self, table: schema.Table) -> IcebergTable:
        """Return the table at its newest snapshot, to read it and not to write."""
        return self._catalog.load_table((self._namespace, table.name))

    def rows_of_others(self, table: schema.Table, loaded: IcebergTable) -> Iterator[pa.Table]:
        """Tell of the rows that others have written since the newest commit of `replace`.

        Yields
        ------
        pa.Table
            ``chat`` and ``day`` of rows, each pair once or twice, and ``is_outdated``: whether they
            are of an earlier row format, or of a file without some of our columns.
        """
        try:
            yield from rows_of_others(table, loaded)
        except FileNotFoundError as error:
            self._check_still_current(table, loaded, error)
            raise

    def _check_still_current(
        self, table: schema.Table, loaded: IcebergTable, error: Exception
    ) -> None:
        # A snapshot that is current no more may have expired, and its files with it; and what is
        # committed to a branch meanwhile takes the sequence number.
        if self.load_as_it_is(table).metadata_location != loaded.metadata_location:
            raise SnapshotConflict(table.name) from error

    def replace(
        self, table: schema.Table, loaded: IcebergTable, rows: pa.Table, sought: Sought
    ) -> bool:
        """Write rows in one commit on the snapshot that was loaded.

        Parameters
        ----------
        table, loaded
            Which table, and the snapshot of it to build on.
        rows
            With the columns of `schema`, and in its order.
        sought
            Chats whose old rows give way to the new ones. A chat whose old rows equal the new
            ones, `published_at` aside, is left as it is. All other rows are just added. Where
            others have put rows of them is to be known (`rows_of_others`).

        Returns
        -------
        bool
            False if there was nothing to do and no commit was made. When chats were sought there
            always is a commit, if need be one without a change: a concurrent publisher that loaded
            the table before must not put rows of older documents there afterwards.

        Raises
        ------
        SnapshotConflict
            The table has changed since it was loaded; nothing was written.
        """
        try:
            plan = plan_replacement(table, loaded, rows, sought)
            if not plan and not sought:
                return False
            commit(table, loaded, plan)
        except CommitFailedException as error:
            raise SnapshotConflict(table.name) from error
        except (FileNotFoundError, ValueError) as error:
            self._check_still_current(table, loaded, error)
            raise
        return True

    def refs_with_rows(self, chats: Collection[str]) -> list[Ref]:
        """Find the tags and branches of all tables whose snapshots hold rows of some chats."""
        return [
            ref for table in schema.TABLES for ref in refs_with_rows(table, self.load(table), chats)
        ]

    def chats_of_legs(self, contact_ids: Collection[str]) -> set[str]:
        """Find the chats of some legs by the rows of all tables, tags and branches."""
        return {
            chat for table in schema.TABLES for chat in chats_of_legs(self.load(table), contact_ids)
        }

    def reset_tables(self, access: ExclusiveAccess) -> None:
        """Begin all tables anew, empty, wherever the warehouse now is; their files stay behind."""
        access.require()
        for table in schema.TABLES:
            with suppress(NoSuchTableError):
                self._catalog.drop_table((self._namespace, table.name))
        self.create_tables()
