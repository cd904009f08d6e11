"""Which columns of a table are ours, told by field id: others may have renamed, dropped or added.

A table property says which field id each of our columns was given, because a name alone does not
tell a column that was renamed from one that was never there.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pyiceberg.types import TimestamptzType

from chatlake.exceptions import OlderTables, TableDiffers
from chatlake.tables.lake.definition import (
    FIELD_IDS,
    FORMAT_VERSION,
    field_ids_property,
    iceberg_schema,
)
from chatlake.tables.lake.stored_formats import check_formats

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.types import NestedField

    from chatlake.tables import schema

_ATHENA_TYPES = {"long": "bigint"}
# Those that Athena calls as Iceberg does, and so can rename.
_PLAIN_TYPES = r"boolean|int|bigint|float|double|string|date|timestamp|binary|decimal\(\d+, ?\d+\)"


def check_table(table: schema.Table, loaded: IcebergTable) -> None:
    """Make sure that a table has our columns, under their names and with their types.

    Columns of others may be beside them.

    Raises
    ------
    OlderTables
        All its times have a zone, as version 0.1 made them, and nothing else differs.
    TableDiffers
        Somebody has renamed, dropped or retyped one of our columns, or has changed the table to a
        format that cannot be written; or a newer version has written what this one does not know.
    """
    check_kind(table, loaded)
    names = set(loaded.schema().column_names)
    for column in table.columns:
        if column.name not in names:
            raise _gone(table, column.name)


def check_kind(table: schema.Table, loaded: IcebergTable) -> None:
    """Make sure of the same as `check_table`, but that columns of ours may be missing."""
    # Whatever else differs, the newer version knows why.
    check_formats(table, loaded)
    found = {field.name: field for field in loaded.schema().fields}
    differing = [
        (field, found[field.name])
        for field in iceberg_schema(table).fields
        if field.name in found and found[field.name].field_type != field.field_type
    ]
    # In a table of version 0.1 all times have a zone, and one that has is nobody's doing.
    times = {column.name for column in table.columns if column.type == "timestamp"}
    zoned = {ours.name for ours, its in differing if its.field_type == TimestamptzType()}
    by_0_1 = zoned if zoned == times & found.keys() else set[str]()
    _check_renamed(table, loaded)
    for ours, its in differing:
        if ours.name not in by_0_1:
            raise _retyped(table, ours, its)
    if by_0_1:
        raise OlderTables(table.name)
    if loaded.metadata.format_version > FORMAT_VERSION:
        raise TableDiffers(
            table.name,
            f"it is of Iceberg's format version {loaded.metadata.format_version}, and chatlake "
            f"writes version {FORMAT_VERSION}",
            f"DROP TABLE {table.name}, then invoke MakeTables, which makes it from the documents",
        )


def missing_columns(table: schema.Table, loaded: IcebergTable) -> list[str]:
    """Return which of our columns a table does not have, under any name.

    Raises
    ------
    TableDiffers
        One of them was renamed.
    """
    _check_renamed(table, loaded)
    names = set(loaded.schema().column_names)
    return [column.name for column in table.columns if column.name not in names]


def readded_columns(table: schema.Table, loaded: IcebergTable) -> list[str]:
    """Return which of our columns were dropped and added again: older rows have no values there."""
    given = _given_ids(loaded)
    return [
        field.name
        for field in loaded.schema().fields
        if given.get(field.name, field.field_id) != field.field_id
        and any(field.name == column.name for column in table.columns)
    ]


def lacks_own_columns(table: schema.Table, loaded: IcebergTable, written: set[int]) -> bool:
    """Return whether a file was written without some of our columns: by an earlier version.

    Parameters
    ----------
    written
        The field ids of the file's columns; none if it tells them by name.
    """
    fields = loaded.schema()
    ours = {fields.find_field(column.name).field_id for column in table.columns}
    return bool(written) and not ours <= written


def note_of_field_ids(table: schema.Table, loaded: IcebergTable) -> dict[str, str]:
    """Return the property that says which field ids our columns have by now."""
    return field_ids_property(
        table, {field.name: field.field_id for field in loaded.schema().fields}
    )


def _given_ids(loaded: IcebergTable) -> dict[str, int]:
    """Return the field ids that our columns were given; where the property lacks one, the first.

    Nobody takes a schema out of a table's metadata but an expiry that is told to.
    """
    given: dict[str, int] = {}
    for earlier in sorted(loaded.metadata.schemas, key=lambda schema: schema.schema_id):
        for field in earlier.fields:
            given.setdefault(field.name, field.field_id)
    try:
        said = json.loads(loaded.properties[FIELD_IDS])
        return given | {str(name): int(field_id) for name, field_id in said.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return given


def _check_renamed(table: schema.Table, loaded: IcebergTable) -> None:
    given = _given_ids(loaded)
    by_id = {field.field_id: field for field in loaded.schema().fields}
    for column in table.columns:
        its = by_id.get(given.get(column.name, -1))
        if its is not None and its.name != column.name:
            of_type = _athena_type(column.type)
            remedy = f"ALTER TABLE {table.name} CHANGE COLUMN {its.name} {column.name} {of_type}"
            if column.name in {field.name for field in by_id.values()}:
                remedy = f"{_out_of_the_way(table, loaded, column.name)}; {remedy}"
            raise TableDiffers(
                table.name, f"its column {column.name} was renamed to {its.name}", remedy
            )


def _out_of_the_way(table: schema.Table, loaded: IcebergTable, name: str) -> str:
    """Say what makes a name free: whatever column has it keeps its values, if it can."""
    given = _given_ids(loaded)
    field_id = loaded.schema().find_field(name).field_id
    for column in table.columns:
        if given.get(column.name) == field_id:
            its = f"{column.name}_of_chatlake {_athena_type(column.type)}"
            return f"ALTER TABLE {table.name} CHANGE COLUMN {name} {its}"
    of_others = str(loaded.schema().find_field(field_id).field_type)
    of_others = _ATHENA_TYPES.get(of_others, of_others)
    if not re.fullmatch(_PLAIN_TYPES, of_others):
        return f"ALTER TABLE {table.name} DROP COLUMN {name}"
    return f"ALTER TABLE {table.name} CHANGE COLUMN {name} {name}_of_others {of_others}"


def _gone(table: schema.Table, name: str) -> TableDiffers:
    return TableDiffers(
        table.name,
        f"its column {name} is gone",
        f"ALTER TABLE {table.name} ADD COLUMNS ({name} {_athena_type(table.column(name).type)}), "
        "then publish all chats again, because their rows have no value in it",
    )


def _retyped(table: schema.Table, ours: NestedField, its: NestedField) -> TableDiffers:
    of_type = _athena_type(table.column(ours.name).type)
    return TableDiffers(
        table.name,
        f"its column {ours.name} is of type {its.field_type}, and chatlake writes "
        f"{ours.field_type}",
        f"ALTER TABLE {table.name} DROP COLUMN {ours.name}; ALTER TABLE {table.name} ADD COLUMNS "
        f"({ours.name} {of_type}), then publish all chats again, because their rows have no value "
        "in it",
    )


def _athena_type(name: str) -> str:
    return _ATHENA_TYPES.get(name, name)
