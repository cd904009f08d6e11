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

from pyiceberg.types import TimestamptzType

from chatlake.exceptions import OlderTables, TableDiffers
from chatlake.tables.lake.definition import iceberg_schema

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table import Table as IcebergTable

    from chatlake.tables import schema

_DELETIONS_AT_ONCE = 16


def check_kind(table: schema.Table, loaded: IcebergTable) -> None:
    """Make sure that the columns of a table have the types of the schema; some may be missing.

    Raises
    ------
    OlderTables
        All its times have a zone, as version 0.1 made them, and nothing else differs.
    TableDiffers
        One of its columns has another type.
    """
    found = {field.name: field.field_type for field in loaded.schema().fields}
    times = {column.name for column in table.columns if column.type == "timestamp"}
    differing = [
        (field.name, found[field.name], field.field_type)
        for field in iceberg_schema(table).fields
        if field.name in found and found[field.name] != field.field_type
    ]
    zoned = {name for name, of_type, _ in differing if of_type == TimestamptzType()}
    if not differing:
        return
    if zoned == times & found.keys() and len(zoned) == len(differing):
        raise OlderTables(table.name)
    name, of_type, wanted = next(one for one in differing if one[0] not in zoned or zoned != times)
    raise TableDiffers(table.name, name, str(of_type), str(wanted))


def delete_files(loaded: IcebergTable) -> None:
    """Delete all files of a table but its newest metadata, which still says what table it was."""
    io = loaded.io
    lists = {snapshot.manifest_list for snapshot in loaded.snapshots()}
    manifests: dict[str, ManifestFile] = {}
    data: set[str] = set()
    for snapshot in loaded.snapshots():
        # Gone if this was cut off before; then all that they lead to is gone, too.
        with suppress(FileNotFoundError):
            manifests |= {found.manifest_path: found for found in snapshot.manifests(io)}
    for manifest in manifests.values():
        with suppress(FileNotFoundError):
            entries = manifest.fetch_manifest_entry(io, discard_deleted=False)
            data |= {entry.data_file.file_path for entry in entries}
    earlier = {entry.metadata_file for entry in loaded.metadata.metadata_log}
    # What leads to other files goes after them, so that all of this can be repeated.
    with ThreadPoolExecutor(_DELETIONS_AT_ONCE) as pool:
        for names in (data, manifests, lists, earlier):
            for _ in pool.map(partial(_delete, io), names):
                pass


def _delete(io: FileIO, name: str) -> None:
    with suppress(FileNotFoundError):
        io.delete(name)
