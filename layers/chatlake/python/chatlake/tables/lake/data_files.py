"""Data files: rows to sorted Parquet, and back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.table import Table as IcebergTable

    from chatlake.chat_state import Day
    from chatlake.tables import schema

_DAY_US = 86_400_000_000
# Some hundred kilobytes a page let an engine skip most of a file by its page index.
_ROW_GROUP_ROWS = 256 * 1024


def day_of(times: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return the UTC day of each timestamp, in days since 1970-01-01; null for null."""
    midnight = pc.cast(pc.floor_temporal(times, unit="day"), pa.int64())
    return pc.cast(pc.divide(midnight, _DAY_US), pa.int32())


def sort_rows(table: schema.Table, rows: pa.Table) -> pa.Table:
    """Put rows into the order of their table."""
    keys = [(name, "ascending", "at_end") for name in (*table.sort_by, *table.key)]
    return rows.take(pc.sort_indices(rows, sort_keys=keys))


def write_data_file(loaded: IcebergTable, rows: pa.Table, day: Day) -> DataFile:
    """Write rows of one day, in the order of the table, as one file, not yet part of it."""
    file_schema = loaded.schema()
    target = _file_arrow_schema(loaded)
    output = loaded.io.new_output(_new_path(loaded, day))
    with output.create() as stream:
        # pyiceberg's own writer leaves out the page index, which Athena prunes by.
        with pq.ParquetWriter(
            stream, target, compression="zstd", write_page_index=True, store_schema=False
        ) as writer:
            writer.write_table(_conformed(rows, target), row_group_size=_ROW_GROUP_ROWS)
        footer = writer.writer.metadata
        size = stream.tell()
    statistics = data_file_statistics_from_parquet_metadata(
        footer,
        compute_statistics_plan(file_schema, loaded.properties),
        parquet_path_to_id_mapping(file_schema),
    )
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=output.location,
        file_format=FileFormat.PARQUET,
        partition=_partition_key(loaded, day).partition,
        file_size_in_bytes=size,
        sort_order_id=loaded.metadata.default_sort_order_id,
        spec_id=loaded.metadata.default_spec_id,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )


def read_data_file(
    io: FileIO, file: DataFile, target: pa.Schema, columns: list[str] | None = None
) -> pa.Table:
    """Read a file's rows, or some columns of them, with the schema of today's rows.

    Columns that are younger than the file are null.
    """
    with io.new_input(file.file_path).open() as stream:
        rows = pq.ParquetFile(stream).read(columns=columns)
    wanted = [field for field in target if columns is None or field.name in columns]
    return _conformed(rows, pa.schema(wanted))


def _conformed(rows: pa.Table, target: pa.Schema) -> pa.Table:
    """Return rows in the columns of a schema, matched by name: what a file lacks is null."""
    return pa.table(
        [
            rows.column(field.name).cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(rows.num_rows, field.type)
            for field in target
        ],
        schema=target,
    )


def _file_arrow_schema(loaded: IcebergTable) -> pa.Schema:
    """Return the Arrow schema with the field ids that Iceberg readers go by."""
    fields: list[Any] = []
    for field in schema_to_pyarrow(loaded.schema()):
        small = pa.string() if pa.types.is_large_string(field.type) else field.type
        fields.append(field.with_type(small))
    return pa.schema(fields)


def _partition_key(loaded: IcebergTable, day: Day) -> PartitionKey:
    spec = loaded.spec()
    return PartitionKey([PartitionFieldValue(spec.fields[0], day)], spec, loaded.schema())


def _new_path(loaded: IcebergTable, day: Day) -> str:
    return loaded.location_provider().new_data_location(
        f"{uuid.uuid4()}.parquet", _partition_key(loaded, day)
    )
