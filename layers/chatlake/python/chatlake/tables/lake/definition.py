"""The tables of `schema` in Iceberg's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import NullOrder, SortField, SortOrder
from pyiceberg.transforms import DayTransform, IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
)

if TYPE_CHECKING:
    from chatlake.tables import schema

_TYPES = {
    "string": StringType(),
    "timestamp": TimestampType(),
    "date": DateType(),
    "int": IntegerType(),
    "long": LongType(),
    "boolean": BooleanType(),
}
_FIRST_PARTITION_FIELD_ID = 1000

TARGET_FILE_BYTES = 64 * 2**20


def iceberg_schema(table: schema.Table) -> Schema:
    """Return a table's Iceberg schema; field ids count from 1 in the order of columns."""
    return Schema(
        *(
            NestedField(
                field_id=position,
                name=column.name,
                field_type=_TYPES[column.type],
                required=column.required,
                doc=column.doc,
            )
            for position, column in enumerate(table.columns, start=1)
        )
    )


def partition_spec(table: schema.Table) -> PartitionSpec:
    """Partition by day, hidden: queries filter on the time itself."""
    source = iceberg_schema(table).find_field(table.partition_by)
    return PartitionSpec(
        PartitionField(
            source_id=source.field_id,
            field_id=_FIRST_PARTITION_FIELD_ID,
            transform=DayTransform(),
            name=f"{table.partition_by}_day",
        )
    )


def sort_order(table: schema.Table) -> SortOrder:
    """Say how rows are sorted within a file, for other writers such as the catalog's compaction."""
    fields = iceberg_schema(table)
    return SortOrder(
        *(
            SortField(
                source_id=fields.find_field(name).field_id,
                transform=IdentityTransform(),
                null_order=NullOrder.NULLS_LAST,
            )
            for name in table.sort_by
        )
    )


def properties(table: schema.Table) -> dict[str, str]:
    """Return the properties that a table is created with."""
    # Bounds of private columns would carry content into manifests, where nobody erases it.
    unmeasured = {f"write.metadata.metrics.column.{name}": "counts" for name in table.private}
    return {
        "comment": table.doc,
        "format-version": "2",
        "write.parquet.compression-codec": "zstd",
        "write.target-file-size-bytes": str(TARGET_FILE_BYTES),
        "write.metadata.delete-after-commit.enabled": "true",
        "write.metadata.previous-versions-max": "100",
        "commit.manifest-merge.enabled": "true",
        # A retry would add rows again that the first attempt had looked up and not found.
        "commit.retry.num-retries": "0",
        **unmeasured,
    }
