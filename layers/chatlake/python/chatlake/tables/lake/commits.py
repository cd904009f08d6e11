"""Commits: files enter and leave a table on the one snapshot that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.exceptions import CommitFailedException

from chatlake.tables.lake.others import seen_property
from chatlake.tables.lake.own_columns import note_of_field_ids
from chatlake.tables.lake.stored_formats import formats_property

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

    from chatlake.tables import schema
    from chatlake.tables.lake.replacement import Replacement


def commit(table: schema.Table, loaded: IcebergTable, plan: Replacement) -> None:
    """Commit a replacement to the main branch, and note what is known of the table by now.

    Raises
    ------
    CommitFailedException
        The table has changed since it was loaded; the new files are deleted.
    ValueError
        It has changed otherwise, a branch of it for example; the new files are orphans.
    """
    noted = seen_property(loaded) | note_of_field_ids(table, loaded) | formats_property()
    try:
        with loaded.transaction() as transaction:
            transaction.set_properties(noted)
            update = transaction.update_snapshot()
            with update.overwrite() if plan.removed else update.merge_append() as snapshot:
                plan.put_into(snapshot)
    except CommitFailedException:
        plan.discard(loaded.io)
        raise
