"""Data files: from Parquet back to rows, as SQL sees them or as they lie there.

Whatever others have done to a table, pyiceberg's scan reads its files. Most files need none of it:
they have no deletes, and flat columns. Those are read as they are, which costs less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import FileScanTask

from chatlake.tables.lake.data_files import conformed, file_schema

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable

    from chatlake.tables.lake.live_files import LiveFile

_FIELD_ID = b"PARQUET:field_id"


def read_rows(loaded: IcebergTable, live: LiveFile, *columns: str) -> pa.Table:
    """Read the rows of a file as SQL sees them, in all columns of the table or in some."""
    return _read(loaded, live.file, live.deletes, columns)


def read_raw(loaded: IcebergTable, file: DataFile, *columns: str) -> pa.Table:
    """Read some columns of all rows of a file, deleted ones included."""
    return _read(loaded, file, frozenset(), columns)


def field_ids(loaded: IcebergTable, file: DataFile) -> set[int]:
    """Return the field ids of the columns that a file has; none if its writer gave it none."""
    with loaded.io.new_input(file.file_path).open() as stream:
        return {*_by_id(pq.ParquetFile(stream).schema_arrow)}


def _read(
    loaded: IcebergTable, file: DataFile, deletes: frozenset[DataFile], columns: tuple[str, ...]
) -> pa.Table:
    whole = file_schema(loaded)
    wanted = pa.schema([whole.field(name) for name in columns]) if columns else whole
    rows = None if deletes else _read_flat(loaded, file, wanted)
    if rows is None:
        fields = loaded.schema().select(*columns) if columns else loaded.schema()
        scan = ArrowScan(loaded.metadata, loaded.io, fields, AlwaysTrue())
        rows = scan.to_table([FileScanTask(file, delete_files=set(deletes))])
    # Both leave it to the file whether strings are large.
    return conformed(rows, wanted)


def _read_flat(loaded: IcebergTable, file: DataFile, wanted: pa.Schema) -> pa.Table | None:
    """Read a file whose columns are told by field ids, and of the types that are wanted."""
    with loaded.io.new_input(file.file_path).open() as stream:
        parquet = pq.ParquetFile(stream)
        there = _by_id(parquet.schema_arrow)
        names: dict[str, str] = {}
        for field in wanted:
            its = there.get(int(field.metadata[_FIELD_ID]))
            if its is not None:
                names[its.name] = field.name
            # Columns that are missing may have a default, or stand in no file by their ids.
            if its is None or its.type != field.type or pa.types.is_nested(field.type):
                return None
        # A dot in a name would be taken for a path.
        if any("." in name for name in names):
            return None
        rows = parquet.read([*names])
        return rows.rename_columns([names[name] for name in rows.column_names])


def _by_id(fields: pa.Schema) -> dict[int, pa.Field[pa.DataType]]:
    return {
        int(field.metadata[_FIELD_ID]): field
        for field in fields
        if field.metadata and _FIELD_ID in field.metadata
    }
