"""What others change of a table besides its rows: columns, partitions, order, snapshots."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyiceberg.table.snapshots import ancestors_of
from pyiceberg.transforms import parse_transform
from pyiceberg.types import (
    BooleanType,
    DateType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
)

from tests.others.rows import compact

if TYPE_CHECKING:
    from pyiceberg.table import Table

_TYPES: dict[str, IcebergType] = {
    "string": StringType(),
    "bigint": LongType(),
    "int": IntegerType(),
    "boolean": BooleanType(),
    "date": DateType(),
    "timestamp": TimestampType(),
    "array(varchar)": ListType(1, StringType(), False),
    "row(a varchar, b bigint)": StructType(
        NestedField(1, "a", StringType(), False), NestedField(2, "b", LongType(), False)
    ),
}
_TRANSFORM = re.compile(r"(?P<name>\w+)\((?P<column>\w+)(?:, *(?P<width>\d+))?\)")


def add_column(table: Table, name: str, of_type: str) -> None:
    """ADD COLUMN."""
    with table.update_schema() as update:
        update.add_column(name, _TYPES[of_type])


def rename_column(table: Table, name: str, to: str) -> None:
    """RENAME COLUMN."""
    with table.update_schema() as update:
        update.rename_column(name, to)


def drop_column(table: Table, name: str) -> None:
    """DROP COLUMN."""
    with table.update_schema() as update:
        update.delete_column(name)


def run(table: Table, statement: str) -> None:
    """Run a statement of Athena's that mends a table.

    Raises
    ------
    ValueError
        It is none that Athena knows.
    """
    if found := re.fullmatch(r"ALTER TABLE \w+ CHANGE COLUMN (\w+) (\w+) \w+", statement):
        rename_column(table, found[1], found[2])
    elif found := re.fullmatch(r"ALTER TABLE \w+ DROP COLUMN (\w+)", statement):
        drop_column(table, found[1])
    elif found := re.fullmatch(r"ALTER TABLE \w+ ADD COLUMNS \((\w+) (\w+)\)", statement):
        add_column(table, found[1], found[2])
    elif re.fullmatch(r"OPTIMIZE \w+ REWRITE DATA USING BIN_PACK", statement):
        compact(table)
    else:
        raise ValueError(statement)


def partition_by(table: Table, *fields: str) -> None:
    """Change the partitioning for what is written from now on."""
    wanted = {field: _parsed(field) for field in fields}
    with table.update_spec() as update:
        there = set()
        for field in table.spec().fields:
            column = table.schema().find_column_name(field.source_id)
            known = (str(column), str(field.transform))
            if known in wanted.values():
                there.add(known)
            else:
                update.remove_field(field.name)
        for column, transform in wanted.values():
            if (column, transform) not in there:
                update.add_field(column, parse_transform(transform))


def _parsed(field: str) -> tuple[str, str]:
    found = _TRANSFORM.fullmatch(field)
    if found is None:
        return field, "identity"
    width = found["width"]
    return found["column"], f"{found['name']}[{width}]" if width else found["name"]


def sort_by(table: Table, *columns: str) -> None:
    """Change the sort order."""
    with table.update_sort_order() as update:
        for column in columns:
            update.desc(column, parse_transform("identity"))


def tag(table: Table, name: str) -> None:
    """Tag the current snapshot, if there is one."""
    if (snapshot := table.current_snapshot()) is not None:
        table.manage_snapshots().create_tag(snapshot.snapshot_id, name).commit()


def branch(table: Table, name: str) -> None:
    """Make a branch of the current snapshot, if there is one."""
    if (snapshot := table.current_snapshot()) is not None:
        table.manage_snapshots().create_branch(snapshot.snapshot_id, name).commit()


def expire_snapshots(table: Table) -> None:
    """Expire the snapshots that neither a branch nor a tag names, with files of theirs alone."""
    kept = {ref.snapshot_id for ref in table.metadata.refs.values()}
    expired = [one.snapshot_id for one in table.snapshots() if one.snapshot_id not in kept]
    if expired:
        table.maintenance.expire_snapshots().by_ids(expired).commit()
    remove_orphans(table.refresh())


def remove_orphans(table: Table) -> None:
    """Remove the files below a table in a folder that no snapshot needs."""
    needed = {table.metadata_location, *(e.metadata_file for e in table.metadata.metadata_log)}
    for snapshot in table.snapshots():
        needed.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            needed.add(manifest.manifest_path)
            entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
            needed.update(entry.data_file.file_path for entry in entries)
    names = {name.removeprefix("file://") for name in needed}
    for path in Path(table.location().removeprefix("file://")).rglob("*"):
        if path.is_file() and str(path) not in names:
            path.unlink()


def remove_properties(table: Table) -> None:
    """Remove all properties of a table."""
    with table.transaction() as transaction:
        transaction.remove_properties(*table.properties)


def commits_of(table: Table, ref: str) -> list[int]:
    """Return the snapshots of a branch or tag that are still there, newest first."""
    snapshot = table.snapshot_by_name(ref)
    return [one.snapshot_id for one in ancestors_of(snapshot, table.metadata)]
