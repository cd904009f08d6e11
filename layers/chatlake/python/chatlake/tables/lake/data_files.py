"""Data files: rows to sorted Parquet."""

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


def file_schema(loaded: IcebergTable) -> pa.Schema:
    """Return the columns of a table's data files, with the field ids that readers go by."""
    return pa.schema(
        [field.with_type(_as_written(field.type)) for field in schema_to_pyarrow(loaded.schema())]
    )


def _as_written(of_type: pa.DataType) -> pa.DataType:
    """Return a type with small strings; within others' nested ones all may be null."""
    if pa.types.is_large_string(of_type):
        return pa.string()
    if pa.types.is_struct(of_type):
        return pa.struct([_optional(field) for field in of_type.fields])
    if pa.types.is_large_list(of_type) or pa.types.is_list(of_type):
        return pa.list_(_optional(of_type.value_field))
    if pa.types.is_map(of_type):
        key = of_type.key_field
        return pa.map_(key.with_type(_as_written(key.type)), _optional(of_type.item_field))
    return of_type


def _optional(field: Any) -> Any:
    return field.with_type(_as_written(field.type)).with_nullable(True)


def conformed(rows: pa.Table, target: pa.Schema) -> pa.Table:
    """Return rows in the columns of a schema, matched by name: what they lack is null."""
    return pa.table(
        [
            rows.column(field.name).cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(rows.num_rows, field.type)
            for field in target
        ],
        schema=target,
    )


def write_data_file(loaded: IcebergTable, rows: pa.Table, day: Day) -> DataFile:
    """Write rows of one day, in the order of the table, as one file, not yet part of it.

    Parameters
    ----------
    loaded
        The table as it is written (`layout`).
    rows
        With the columns of `file_schema`.
    """
    output = loaded.io.new_output(_new_path(loaded, day))
    with output.create() as stream:
        # pyiceberg's own writer leaves out the page index, which Athena prunes by.
        with pq.ParquetWriter(
            stream, rows.schema, compression="zstd", write_page_index=True, store_schema=False
        ) as writer:
            writer.write_table(rows, row_group_size=_ROW_GROUP_ROWS)
        footer = writer.writer.metadata
        size = stream.tell()
    statistics = data_file_statistics_from_parquet_metadata(
        footer,
        compute_statistics_plan(loaded.schema(), loaded.properties),
        parquet_path_to_id_mapping(loaded.schema()),
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


def _partition_key(loaded: IcebergTable, day: Day) -> PartitionKey:
    spec = loaded.spec()
    return PartitionKey([PartitionFieldValue(spec.fields[0], day)], spec, loaded.schema())


def _new_path(loaded: IcebergTable, day: Day) -> str:
    return loaded.location_provider().new_data_location(
        f"{uuid.uuid4()}.parquet", _partition_key(loaded, day)
    )
