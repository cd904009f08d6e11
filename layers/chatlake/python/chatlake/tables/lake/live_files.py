"""The data files of a table's current snapshot, with the deletes of rows that hold for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiceberg.manifest import (
    INITIAL_SEQUENCE_NUMBER,
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestFile,
)
from pyiceberg.table.delete_file_index import DeleteFileIndex

from chatlake.exceptions import TableDiffers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

# Else OPTIMIZE passes over less than five files, and over files with less than two of deletes.
_ALL_FILES = (
    "'optimize_rewrite_data_file_threshold' = '1', 'optimize_rewrite_delete_file_threshold' = '1'"
)


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A data file, and the files that say which of its rows are deleted.

    Attributes
    ----------
    sequence_number
        Of the commit that added the file.
    """

    file: DataFile
    deletes: frozenset[DataFile]
    sequence_number: int


def history(loaded: IcebergTable, snapshot: Snapshot | None) -> Iterator[Snapshot]:
    """Yield a snapshot and those before it, as far as they have not expired."""
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else loaded.snapshot_by_id(parent)


def live_files(
    loaded: IcebergTable, may_matter: Callable[[ManifestFile], bool] = lambda _: True
) -> Iterator[LiveFile]:
    """Find the data files of those manifests that may matter.

    Raises
    ------
    TableDiffers
        Others have written files in a format, or deleted rows in a way, that cannot be read.
    """
    snapshot = loaded.current_snapshot()
    if snapshot is None:
        return
    manifests = snapshot.manifests(loaded.io)
    deletes = _index_of_deletes(loaded, manifests)
    for manifest in manifests:
        if manifest.content == ManifestContent.DATA and may_matter(manifest):
            for entry in manifest.fetch_manifest_entry(loaded.io, discard_deleted=True):
                of_file = _deletes_of(deletes, entry)
                for file in (entry.data_file, *of_file):
                    _check_format(loaded, file)
                yield LiveFile(
                    file=entry.data_file,
                    deletes=frozenset(of_file),
                    sequence_number=entry.file_sequence_number or INITIAL_SEQUENCE_NUMBER,
                )


def _check_format(loaded: IcebergTable, file: DataFile) -> None:
    if file.file_format != FileFormat.PARQUET:
        name = loaded.name()[-1]
        raise TableDiffers(
            name,
            f"others have written files in the format {file.file_format.name}, which is not read",
            f"ALTER TABLE {name} SET TBLPROPERTIES ('format' = 'parquet', {_ALL_FILES}); "  # nosec B608 # shown
            # A file is rewritten because it is small, has company, or has deleted rows.
            f"UPDATE {name} SET initial_contact_id = initial_contact_id "
            f"WHERE \"$path\" NOT LIKE '%.parquet'; OPTIMIZE {name} REWRITE DATA USING BIN_PACK",
        )


def _index_of_deletes(loaded: IcebergTable, manifests: Sequence[ManifestFile]) -> DeleteFileIndex:
    index = DeleteFileIndex()
    for manifest in manifests:
        if manifest.content == ManifestContent.DELETES:
            for entry in manifest.fetch_manifest_entry(loaded.io, discard_deleted=True):
                if entry.data_file.content != DataFileContent.POSITION_DELETES:
                    name = loaded.name()[-1]
                    raise TableDiffers(
                        name,
                        "rows were deleted by their values (equality deletes), which is not read",
                        f"ALTER TABLE {name} SET TBLPROPERTIES ({_ALL_FILES}); "
                        f"OPTIMIZE {name} REWRITE DATA USING BIN_PACK",
                    )
                index.add_delete_file(entry, partition_key=entry.data_file.partition)
    return index


def _deletes_of(index: DeleteFileIndex, entry: ManifestEntry) -> set[DataFile]:
    return index.for_data_file(
        entry.sequence_number or INITIAL_SEQUENCE_NUMBER,
        entry.data_file,
        partition_key=entry.data_file.partition,
    )
