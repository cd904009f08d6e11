"""Publishers of other versions at the same tables, during an update or after going back."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table.snapshots import Operation
from pyiceberg.typedef import Record

from chatlake.documents.revision import ROW_FORMAT
from chatlake.tables import schema
from chatlake.tables.flatten import flatten
from chatlake.timestamps import now
from tests.others.commits import commit
from tests.others.files import read
from tests.others.protocol import CHAT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyiceberg.table import Table

    from chatlake.documents.document import Document

NEW_COLUMNS = {"messages": "processing_status", "read_latency": "recipients", "contacts": "subtype"}
"""By table, the column that an earlier version does not know."""


@contextmanager
def one_column_fewer() -> Iterator[None]:
    """Let all that runs meanwhile be of an earlier version, which knows one column fewer."""
    earlier = {
        table.name: replace(
            table,
            columns=tuple(c for c in table.columns if c.name != NEW_COLUMNS.get(table.name)),
        )
        for table in schema.TABLES
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "TABLES", tuple(earlier.values()))
        for name, table in earlier.items():
            patch.setattr(schema, name.upper(), table)
        for module in ("documents.revision", "tables.flatten.contacts", "tables.lake.others"):
            patch.setattr(f"chatlake.{module}.ROW_FORMAT", ROW_FORMAT - 1)
        yield


def publish_as_released(table: Table, document: Document) -> set[str]:
    """Publish a chat as version 0.1 does, which takes itself for the only one that writes.

    It rewrites files raw, in the columns that it knows, and notes nothing of it in the table.

    Returns
    -------
    set of str
        The chats whose rows it wrote.
    """
    name = table.name()[-1]
    unknown = {NEW_COLUMNS.get(name), "row_format"}
    known = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in schema_to_pyarrow(table.schema())
        if field.name not in unknown
        and any(field.name == column.name for column in _named(name).columns)
    ]
    of_chat = flatten([document], published_at=now())[name]
    removed: list[DataFile] = []
    rows = [of_chat.select([field.name for field in known]).cast(pa.schema(known))]
    for task in table.scan().plan_files():
        raw = read(table, task.file)
        is_of_chat = pc.equal(raw.column(CHAT), document.initial_contact_id)
        if pc.any(is_of_chat).as_py():
            removed.append(task.file)
            kept = raw.filter(pc.invert(is_of_chat)).select([field.name for field in known])
            rows.append(kept.cast(pa.schema(known)))
    added = [
        file
        for day, part in _by_day(name, pa.concat_tables(rows)).items()
        for file in [_written(table, part, day)]
    ]
    if added or removed:
        commit(table, Operation.OVERWRITE, removed=removed, added=added)
    return {chat for part in rows for chat in part.column(CHAT).to_pylist()} | {
        document.initial_contact_id
    }


def _named(name: str) -> schema.Table:
    return next(table for table in schema.TABLES if table.name == name)


def _by_day(name: str, rows: pa.Table) -> dict[int | None, pa.Table]:
    days = pc.cast(pc.cast(rows.column(_named(name).partition_by), pa.date32()), pa.int32())
    return {
        day: rows.filter(pc.is_null(days) if day is None else pc.equal(days, day))
        for day in pc.unique(days).to_pylist()
    }


def _written(table: Table, rows: pa.Table, day: int | None) -> DataFile:
    output = table.io.new_output(f"{table.location()}/data/{id(rows)}-{now().timestamp()}.parquet")
    with output.create() as stream, pq.ParquetWriter(stream, rows.schema) as writer:
        writer.write_table(rows)
    footer = writer.writer.metadata
    statistics = data_file_statistics_from_parquet_metadata(
        footer,
        compute_statistics_plan(table.schema(), table.properties),
        parquet_path_to_id_mapping(table.schema()),
    )
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=output.location,
        file_format=FileFormat.PARQUET,
        partition=Record(day),
        file_size_in_bytes=len(output),
        sort_order_id=None,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )
    file.spec_id = 0
    return file
