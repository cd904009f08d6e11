"""Times of commits never go back, whatever the clocks of those who write.

Iceberg's Java library, and so Athena, Trino and Spark, refuses a table whole whose log of metadata
or of snapshots goes back by more than a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.table.update import AddSnapshotUpdate

if TYPE_CHECKING:
    from pyiceberg.table import StagedTable, Table
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableRequirement, TableUpdate
    from pyiceberg.typedef import Identifier


class OrderedCommits(MetastoreCatalog):
    """Mixed into a catalog: a commit is never dated before what its table holds already."""

    def _update_and_stage_table(
        self,
        current_table: Table | None,
        table_identifier: Identifier,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> StagedTable:
        if current_table is None:
            return super()._update_and_stage_table(None, table_identifier, requirements, updates)
        newest_ms = newest_time_ms(current_table.metadata)
        ordered = tuple(_not_before(newest_ms, update) for update in updates)
        staged = super()._update_and_stage_table(
            current_table, table_identifier, requirements, ordered
        )
        metadata = staged.metadata
        if metadata != current_table.metadata:
            at_ms = max(newest_ms, metadata.last_updated_ms)
            staged.metadata = metadata.model_copy(update={"last_updated_ms": at_ms})
        return staged


def newest_time_ms(metadata: TableMetadata) -> int:
    """Return the newest epoch milliseconds at which anything of a table was dated."""
    return max(
        metadata.last_updated_ms,
        max((snapshot.timestamp_ms for snapshot in metadata.snapshots), default=0),
        max((entry.timestamp_ms for entry in metadata.snapshot_log), default=0),
        max((entry.timestamp_ms for entry in metadata.metadata_log), default=0),
    )


def _not_before(newest_ms: int, update: TableUpdate) -> TableUpdate:
    if not isinstance(update, AddSnapshotUpdate) or update.snapshot.timestamp_ms >= newest_ms:
        return update
    dated = update.snapshot.model_copy(update={"timestamp_ms": newest_ms})
    return update.model_copy(update={"snapshot": dated})
