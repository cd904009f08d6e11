"""The tables of `schema` in Iceberg's terms."""

from __future__ import annotations

import json
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
    from collections.abc import Mapping

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

FORMAT_VERSION = 2
TARGET_FILE_BYTES = 64 * 2**20

FIELD_IDS = "chatlake.field-ids"
"""Property: a JSON object, from the names of our columns to the field ids that they were given."""

SEEN_SEQUENCE_NUMBER = "chatlake.seen-sequence-number"
"""Properties: by row format, the sequence number up to which it is known what others wrote."""


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


def sort_order(table: schema.Table, fields: Schema) -> SortOrder:
    """Say how rows are sorted within a file, for other writers such as the catalog's compaction."""
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
    fields = {field.name: field.field_id for field in iceberg_schema(table).fields}
    return {
        "comment": table.doc,
        "format-version": str(FORMAT_VERSION),
        "write.parquet.compression-codec": "zstd",
        "write.target-file-size-bytes": str(TARGET_FILE_BYTES),
        "write.metadata.delete-after-commit.enabled": "true",
        "write.metadata.previous-versions-max": "100",
        "commit.manifest-merge.enabled": "true",
        **private_properties(table),
        **field_ids_property(table, fields),
    }


def enforced_properties(table: schema.Table) -> dict[str, str]:
    """Return the properties that our commits go by, whatever the table says."""
    # A retry would add rows again that the first attempt had looked up and not found. Commits of
    # others may be repeated: what they add does not depend on what was there.
    return {"commit.retry.num-retries": "0", **private_properties(table)}


def private_properties(table: schema.Table) -> dict[str, str]:
    """Return the properties by which nobody writes bounds of private columns.

    They would carry content into manifests, where nobody erases it.
    """
    return {f"write.metadata.metrics.column.{name}": "counts" for name in table.private}


def field_ids_property(table: schema.Table, field_ids: Mapping[str, int]) -> dict[str, str]:
    """Return the property that tells our columns, given the field ids of all columns by name."""
    ours = {column.name: field_ids[column.name] for column in table.columns}
    return {FIELD_IDS: json.dumps(ours, separators=(",", ":"))}
