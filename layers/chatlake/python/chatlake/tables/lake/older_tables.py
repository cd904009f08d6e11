"""Tables as version 0.1 made them: told from all others, and removed with their files.

Their times have a zone, which no change of a schema takes away. Their rows can be made of the
documents, so they give way to tables of today. Whatever else differs from the schema was done by
somebody, and is left to them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

_AT_ONCE = 16


def delete_files(loaded: IcebergTable) -> None:
    """Delete all files of a table but its newest metadata, which still says what table it was."""
    io = loaded.io
    lists = {snapshot.manifest_list for snapshot in loaded.snapshots()}
    manifests: dict[str, ManifestFile] = {}
    data: set[str] = set()
    earlier = {entry.metadata_file for entry in loaded.metadata.metadata_log}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(partial(_manifests, io), loaded.snapshots()):
            manifests |= {manifest.manifest_path: manifest for manifest in found}
        for names in pool.map(partial(_data_files, io), manifests.values()):
            data |= names
        # What leads to other files goes after them, so that all of this can be repeated.
        for names in (data, {*manifests}, lists, earlier):
            for _ in pool.map(partial(_delete, io), names):
                pass


# What was deleted when this was cut off led to files that are gone, too.


def _manifests(io: FileIO, snapshot: Snapshot) -> list[ManifestFile]:
    with suppress(FileNotFoundError):
        return snapshot.manifests(io)
    return []


def _data_files(io: FileIO, manifest: ManifestFile) -> set[str]:
    with suppress(FileNotFoundError):
        entries = manifest.fetch_manifest_entry(io, discard_deleted=False)
        return {entry.data_file.file_path for entry in entries}
    return set()


def _delete(io: FileIO, name: str) -> None:
    with suppress(FileNotFoundError):
        io.delete(name)
