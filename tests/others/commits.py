"""Commits that pyiceberg cannot make by itself: position deletes, rewritten files, any spec."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pyiceberg.manifest import (
    DataFile,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriter,
    ManifestWriterV2,
)
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import _OverwriteFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.table import Table, Transaction


def commit(
    table: Table,
    operation: Operation,
    *,
    removed: Iterable[DataFile] = (),
    added: Sequence[DataFile] = (),
    deletes: Sequence[DataFile] = (),
    keep_deletes: bool = True,
    branch: str = MAIN_BRANCH,
) -> None:
    """Make one snapshot.

    Parameters
    ----------
    removed, added
        Data files that leave the table, and files that enter it.
    deletes
        Files of position deletes that enter it.
    keep_deletes
        Whether the deletes of before still hold.
    """
    with (
        table.transaction() as transaction,
        _Commit(transaction, operation, deletes, keep_deletes, branch) as snapshot,
    ):
        for file in removed:
            snapshot.delete_data_file(file)
        for file in added:
            snapshot.append_data_file(file)


class _Commit(_OverwriteFiles):
    def __init__(
        self,
        transaction: Transaction,
        operation: Operation,
        deletes: Sequence[DataFile],
        keep_deletes: bool,
        branch: str,
    ) -> None:
        super().__init__(operation, transaction, transaction._table.io, branch=branch)
        self._deletes = deletes
        self._keep_deletes = keep_deletes

    def _manifests(self) -> list[ManifestFile]:
        self._build_delete_files_partition_predicate()
        removed = self._deleted_entries()
        kept = [
            manifest
            for manifest in self._existing_manifests()
            if self._keep_deletes or manifest.content == ManifestContent.DATA
        ]
        return [
            *self._written(map(self._entry, self._added_data_files)),
            *self._written(map(self._entry, self._deletes), deletes=True),
            *self._written(removed),
            *kept,
        ]

    def _entry(self, file: DataFile) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=ManifestEntryStatus.ADDED,
            snapshot_id=self._snapshot_id,
            sequence_number=None,
            file_sequence_number=None,
            data_file=file,
        )

    def _written(
        self, entries: Iterable[ManifestEntry], *, deletes: bool = False
    ) -> list[ManifestFile]:
        by_spec = defaultdict[int, list[ManifestEntry]](list)
        for entry in entries:
            by_spec[entry.data_file.spec_id or 0].append(entry)
        written: list[ManifestFile] = []
        for spec_id, some in by_spec.items():
            with self._writer(self.spec(spec_id), deletes) as writer:
                for entry in some:
                    writer.add_entry(entry)
            written.append(writer.to_manifest_file())
        return written

    def _writer(self, spec: PartitionSpec, deletes: bool) -> ManifestWriter:
        if not deletes:
            return self.new_manifest_writer(spec)
        return _DeleteManifestWriter(
            spec, self.schema(), self.new_manifest_output(), self._snapshot_id, self._compression
        )

    def _summary(self, snapshot_properties: Any = None) -> Summary:
        data, operation = self._added_data_files, self._operation
        self._added_data_files = [*data, *self._deletes]
        # pyiceberg sums up no rewritten files, which is the same but for the name.
        self._operation = Operation.OVERWRITE
        try:
            summary = super()._summary(snapshot_properties or {})
        finally:
            self._added_data_files, self._operation = data, operation
        return Summary(operation, **summary.additional_properties)


class _DeleteManifestWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}
