"""Purging: what no row of today needs goes from the disk for good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chatlake.tables import schema

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

    from chatlake.locks import ExclusiveAccess
    from chatlake.tables.lake.iceberg import Lake


def purge(lake: Lake, warehouse: Path, access: ExclusiveAccess) -> int:
    """Delete every file below a local warehouse that the newest snapshots do not need.

    Older snapshots are gone afterwards, but those of tags and branches.

    Returns
    -------
    int
        How many files were deleted.
    """
    access.require()
    needed: set[Path] = set()
    for table in schema.TABLES:
        loaded = lake.load(table)
        if loaded.current_snapshot() is not None:
            _drop_deleted_entries(loaded)
            _expire_all_but_the_newest(loaded)
        needed |= _needed_files(lake.load(table))
    unneeded = [path for path in warehouse.rglob("*") if path.is_file() and path not in needed]
    for path in unneeded:
        path.unlink()
    return len(unneeded)


def _drop_deleted_entries(loaded: IcebergTable) -> None:
    # A snapshot that removed files still lists them, with bounds of the ids in them; the next
    # one does not.
    with loaded.transaction() as transaction:
        transaction.update_snapshot().fast_append().commit()


def _expire_all_but_the_newest(loaded: IcebergTable) -> None:
    # By their ids: by their times, those of a writer whose clock was ahead would stay.
    older = {snapshot.snapshot_id for snapshot in loaded.snapshots()}
    older.difference_update(ref.snapshot_id for ref in loaded.refs().values())
    if older:
        loaded.maintenance.expire_snapshots().by_ids(sorted(older)).commit()


def _needed_files(loaded: IcebergTable) -> set[Path]:
    metadata = loaded.metadata
    statistics = [*metadata.statistics, *metadata.partition_statistics]
    needed = {loaded.metadata_location, *(of_one.statistics_path for of_one in statistics)}
    for snapshot in loaded.snapshots():
        needed.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(loaded.io):
            needed.add(manifest.manifest_path)
            entries = manifest.fetch_manifest_entry(loaded.io, discard_deleted=True)
            needed |= {entry.data_file.file_path for entry in entries}
    return {Path(name) for name in needed}
