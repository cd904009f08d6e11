"""Tags and branches: snapshots that others keep, with the rows that were in the table then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.manifest import ManifestContent
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRef, SnapshotRefType

from chatlake.tables.lake.live_files import history
from chatlake.tables.lake.pruning import Pruning, Sought
from chatlake.tables.lake.reading import read_raw

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

    from chatlake.tables import schema

_CHAT, _LEG = "initial_contact_id", "contact_id"
_FILES_AT_ONCE = 16
# A file that is gone, and one in a format that others have chosen.
_UNREADABLE = (OSError, ValueError)


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A tag or a branch of a table.

    Attributes
    ----------
    table
        Namespace and name.
    kind
        ``"tag"`` or ``"branch"``.
    """

    table: tuple[str, ...]
    kind: str
    name: str

    @property
    def statement(self) -> str:
        """SQL of Spark that drops it; Athena has none."""
        table = ".".join(map(_quoted, self.table))
        return f"ALTER TABLE {table} DROP {self.kind.upper()} {_quoted(self.name)}"

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of table {self.table[-1]}"


def refs_with_rows(table: schema.Table, loaded: IcebergTable, chats: Collection[str]) -> list[Ref]:
    """Find the tags and branches whose snapshots hold rows of some chats, deleted ones too.

    A file that cannot be read counts as one that does.
    """
    refs = {name: ref for name, ref in loaded.refs().items() if name != MAIN_BRANCH}
    if not refs or not chats:
        return []
    may_hold = Pruning(table, loaded, Sought(erased=chats))
    wanted = pa.array(may_hold.chats, pa.string())
    known: dict[str, bool] = {}

    def holds(file: DataFile) -> bool:
        if file.file_path not in known:
            known[file.file_path] = may_hold.in_file(file) and _has_rows(loaded, file, wanted)
        return known[file.file_path]

    return sorted(
        Ref(loaded.name(), ref.snapshot_ref_type.value, name)
        for name, ref in refs.items()
        if any(map(holds, _data_files(loaded, _snapshots(loaded, ref))))
    )


def chats_of_legs(loaded: IcebergTable, contact_ids: Collection[str]) -> set[str]:
    """Find the chats of some legs by the rows of a table, its tags and branches."""
    wanted = pa.array(sorted(contact_ids), pa.string())
    snapshots = {
        snapshot.snapshot_id: snapshot
        for ref in loaded.refs().values()
        for snapshot in _snapshots(loaded, ref)
    }
    files = {file.file_path: file for file in _data_files(loaded, snapshots.values())}

    def chats(file: DataFile) -> set[str]:
        try:
            rows = read_raw(loaded, file, _CHAT, _LEG)
        except _UNREADABLE:
            return set()
        found = rows.filter(pc.is_in(rows.column(_LEG), wanted)).column(_CHAT)
        return {chat for chat in found.to_pylist() if chat is not None}

    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        return set[str]().union(*pool.map(chats, files.values()))


def _snapshots(loaded: IcebergTable, ref: SnapshotRef) -> Iterator[Snapshot]:
    """Yield the snapshots that a tag or a branch keeps: of a branch, its own history, too."""
    main = {snapshot.snapshot_id for snapshot in history(loaded, loaded.current_snapshot())}
    keeps_more = ref.max_snapshot_age_ms is not None or ref.min_snapshots_to_keep is not None
    head, *before = history(loaded, loaded.snapshot_by_id(ref.snapshot_id))
    yield head
    if ref.snapshot_ref_type == SnapshotRefType.BRANCH:
        yield from (one for one in before if keeps_more or one.snapshot_id not in main)


def _data_files(loaded: IcebergTable, snapshots: Iterable[Snapshot]) -> Iterator[DataFile]:
    for snapshot in snapshots:
        for manifest in snapshot.manifests(loaded.io):
            if manifest.content == ManifestContent.DATA:
                for entry in manifest.fetch_manifest_entry(loaded.io, discard_deleted=True):
                    yield entry.data_file


def _has_rows(loaded: IcebergTable, file: DataFile, wanted: pa.Array) -> bool:
    try:
        ids = read_raw(loaded, file, _CHAT).column(_CHAT)
    except FileNotFoundError:
        return False
    except _UNREADABLE:
        return True
    return bool(pc.any(pc.is_in(ids, wanted)).as_py())


def _quoted(name: str) -> str:
    escaped = name.replace("`", "``")
    return f"`{escaped}`"
