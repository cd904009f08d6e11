"""How our rows lie in a table whose partitioning, order and properties others may have changed.

What others set holds for what they write. Our data files keep to our own partition spec and sort
order, which Iceberg lets stand beside newer ones, and say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER_ID
from pyiceberg.table.update import AddPartitionSpecUpdate, AssertLastAssignedPartitionId
from pyiceberg.transforms import DayTransform

from chatlake.tables.lake.definition import enforced_properties, sort_order

if TYPE_CHECKING:
    from chatlake.tables import schema


def own_spec_id(table: schema.Table, loaded: IcebergTable) -> int | None:
    """Return the id of the table's partition spec by the day of our time; None if it has none."""
    source_id = loaded.schema().find_field(table.partition_by).field_id
    ours = [
        spec_id
        for spec_id, spec in loaded.specs().items()
        if [(field.source_id, field.transform) for field in spec.fields]
        == [(source_id, DayTransform())]
    ]
    return min(ours, default=None)


def add_own_spec(table: schema.Table, loaded: IcebergTable) -> None:
    """Add our partition spec again to a table that has lost it; the default stays as it is.

    Raises
    ------
    CommitFailedException
        The table has changed since it was loaded.
    """
    metadata = loaded.metadata
    last_field_id = metadata.last_partition_id or PARTITION_FIELD_ID_START - 1
    spec = PartitionSpec(
        PartitionField(
            source_id=loaded.schema().find_field(table.partition_by).field_id,
            field_id=last_field_id + 1,
            transform=DayTransform(),
            name=f"{table.partition_by}_day",
        ),
        spec_id=max(loaded.specs()) + 1,
    )
    with loaded.transaction() as transaction:
        transaction._apply(
            (AddPartitionSpecUpdate(spec=spec),),
            (
                AssertLastAssignedPartitionId.model_validate(
                    {"last-assigned-partition-id": last_field_id}
                ),
            ),
        )


def as_written(table: schema.Table, loaded: IcebergTable) -> IcebergTable:
    """Return the table as if our spec, sort order and properties were its current ones.

    Only what is read of it changes: a commit on it says what it adds, and sets no default.
    """
    metadata = loaded.metadata.model_copy(
        update={
            "default_spec_id": own_spec_id(table, loaded),
            "default_sort_order_id": _own_sort_order_id(table, loaded),
            "properties": loaded.properties | enforced_properties(table),
        }
    )
    return IcebergTable(
        loaded.name(), metadata, loaded.metadata_location, loaded.io, loaded.catalog, loaded.config
    )


def _own_sort_order_id(table: schema.Table, loaded: IcebergTable) -> int:
    ours = sort_order(table, loaded.schema())
    with_same_fields = (
        order_id for order_id, order in loaded.sort_orders().items() if order.fields == ours.fields
    )
    return next(with_same_fields, UNSORTED_SORT_ORDER_ID)
