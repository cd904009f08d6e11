"""Tables of version 0.1, whose times have a zone, are told from all others and removed whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import IcebergType, LongType, StringType, TimestamptzType

from chatlake.exceptions import OlderTables, TableDiffers
from chatlake.tables import schema
from chatlake.tables.flatten import arrow_schema
from chatlake.tables.lake import definition, iceberg, s3_io
from chatlake.tables.lake.glue import glue_lake
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.lake.older_tables import delete_files
from chatlake.tables.lake.pruning import Sought
from tests.aws import Aws, in_environment

TABLES_OF_0_1 = (schema.MESSAGES, schema.RECEIPTS, schema.ATTACHMENTS, schema.CONTACTS)


class Stack:
    """A bucket and a database of Glue, and what is in them."""

    def __init__(self, aws: Aws) -> None:
        self.glue, self.s3 = aws.client("glue"), aws.client("s3")
        self.bucket = aws.bucket()
        self.database = self.bucket
        self.glue.create_database(DatabaseInput={"Name": self.database})
        self.lake: Lake = glue_lake(self.glue, bucket=self.bucket, database=self.database)

    def make_older(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *tables: schema.Table,
        **types: IcebergType,
    ) -> None:
        """Make tables as version 0.1 did, with a row in each, and its view."""
        of_0_1 = {**definition._TYPES, "timestamp": TimestamptzType(), **types}
        with monkeypatch.context() as older:
            older.setattr(definition, "_TYPES", of_0_1)
            older.setattr("chatlake.tables.lake.iceberg.check_kind", lambda *_: None)
            for table in tables:
                self.lake._create(table)
                for number in range(2):
                    self.lake.replace(table, self.lake.load(table), row(table, number), Sought())
        view: dict[str, Any] = {"Name": "read_latency", "TableType": "VIRTUAL_VIEW"}
        view["Parameters"] = {"presto_view": "true"}
        self.glue.create_table(DatabaseName=self.database, TableInput=view)

    def files(self, table: schema.Table) -> set[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"tables/{table.name}/")
        return {entry["Key"] for entry in found.get("Contents", [])}

    def kinds(self) -> dict[str, str | None]:
        tables = self.glue.get_tables(DatabaseName=self.database)["TableList"]
        return {table["Name"]: table.get("TableType") for table in tables}


def row(table: schema.Table, number: int) -> pa.Table:
    values: dict[str, Any] = {
        column.name: f"{column.name}-{number}" for column in table.columns if column.required
    }
    values[table.partition_by] = datetime(2026, 9, 1 + number, tzinfo=UTC)
    return pa.Table.from_pylist([values], arrow_schema(table))


@pytest.fixture
def stack(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    with in_environment(aws, monkeypatch):
        yield Stack(aws)


def test_older_tables_and_the_view_give_way_to_new_ones(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.make_older(monkeypatch, *TABLES_OF_0_1)
    older = {table: stack.files(table) for table in TABLES_OF_0_1}
    assert all(any(name.endswith(".parquet") for name in files) for files in older.values())
    assert stack.lake.has_older_tables()
    with pytest.raises(OlderTables, match="messages is of an older kind"):
        stack.lake.create_tables()

    stack.lake.drop_older_tables()
    assert not any(stack.files(table) for table in TABLES_OF_0_1)
    assert not stack.lake.has_older_tables()
    stack.lake.create_tables()
    assert stack.kinds() == {table.name: "EXTERNAL_TABLE" for table in schema.TABLES}
    for table in schema.TABLES:
        assert stack.lake.load(table).current_snapshot() is None


def test_a_removal_that_was_cut_off_can_be_repeated(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.make_older(monkeypatch, *TABLES_OF_0_1)
    s3 = s3_io.shared_client()
    delete = s3.delete_object
    deleted = 0

    def cut_off(**request: Any) -> Any:
        nonlocal deleted
        if deleted >= allowed:
            raise KeyboardInterrupt
        deleted += 1
        return delete(**request)

    # Each time a few deletions more, until one run comes to the end.
    allowed, runs = 0, 0
    monkeypatch.setattr(s3, "delete_object", cut_off)
    while stack.lake.has_older_tables():
        runs, allowed, deleted = runs + 1, allowed + 3, 0
        try:
            stack.lake.drop_older_tables()
        except KeyboardInterrupt:
            continue
    assert runs > len(TABLES_OF_0_1)
    left = {name for table in TABLES_OF_0_1 for name in stack.files(table)}
    assert not {name for name in left if not name.endswith(".metadata.json")}
    stack.lake.create_tables()


def test_tables_of_today_are_left_as_they_are(stack: Stack) -> None:
    stack.lake.create_tables()
    table = schema.MESSAGES
    stack.lake.replace(table, stack.lake.load(table), row(table, 0), Sought())
    before = stack.files(table)
    assert not stack.lake.has_older_tables()
    stack.lake.drop_older_tables()
    assert stack.files(table) == before


def test_some_tables_may_be_new_already(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal ended between two tables."""
    stack.make_older(monkeypatch, schema.RECEIPTS)
    stack.lake._create(schema.MESSAGES)
    assert stack.lake.has_older_tables()
    stack.lake.drop_older_tables()
    stack.lake.create_tables()
    assert not stack.lake.has_older_tables()


@pytest.mark.parametrize("asked", ["has_older_tables", "drop_older_tables", "create_tables"])
def test_a_column_of_any_other_type_is_named_and_nothing_is_dropped(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    stack.make_older(monkeypatch, *TABLES_OF_0_1, int=StringType())
    before = {table: stack.files(table) for table in TABLES_OF_0_1}
    said = "table messages: its column attachment_count is of type string, and chatlake writes int"
    with pytest.raises(TableDiffers, match=said):
        getattr(stack.lake, asked)()
    assert {table: stack.files(table) for table in TABLES_OF_0_1} == before


def test_one_time_with_a_zone_among_others_was_somebody_elses_doing(stack: Stack) -> None:
    table = schema.CONTACTS
    fields = [
        field.model_copy(update={"field_type": TimestamptzType()})
        if field.name == "disconnected_at"
        else field
        for field in definition.iceberg_schema(table).fields
    ]
    stack.lake._catalog.create_table(
        (stack.database, table.name),
        Schema(*fields),
        location=f"s3://{stack.bucket}/tables/contacts",
    )
    with pytest.raises(TableDiffers, match="table contacts: its column disconnected_at"):
        stack.lake.has_older_tables()


def test_columns_of_others_and_missing_ones_are_no_difference(stack: Stack) -> None:
    stack.lake._create(replace(schema.CONTACTS, columns=schema.CONTACTS.columns[:-3]))
    with stack.lake.load_as_it_is(schema.CONTACTS).update_schema() as update:
        update.add_column("of_others", TimestamptzType())
    stack.lake.create_tables()
    names = stack.lake.load(schema.CONTACTS).schema().column_names
    assert names[-4:] == ["of_others", *(c.name for c in schema.CONTACTS.columns[-3:])]


@pytest.mark.parametrize("name", ["theirs", "messages"])
def test_no_other_view_is_dropped(stack: Stack, name: str) -> None:
    view: dict[str, Any] = {"Name": name, "TableType": "VIRTUAL_VIEW", "Parameters": {}}
    stack.glue.create_table(DatabaseName=stack.database, TableInput=view)
    with suppress(NoSuchTableError):
        stack.lake.create_tables()
    assert stack.kinds()[name] == "VIRTUAL_VIEW"


def test_a_column_that_somebody_promoted_is_named_and_not_a_time(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.make_older(monkeypatch, schema.CONTACTS, int=LongType())
    said = "table contacts: its column message_count is of type long, and chatlake writes int"
    with pytest.raises(TableDiffers, match=said):
        stack.lake.has_older_tables()


def test_a_table_that_another_run_has_made_meanwhile_stays(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.make_older(monkeypatch, schema.MESSAGES)

    def first(loaded: IcebergTable) -> None:
        with monkeypatch.context() as other:
            other.setattr(iceberg, "delete_files", delete_files)
            other_run = glue_lake(stack.glue, bucket=stack.bucket, database=stack.database)
            other_run.drop_older_tables()
            other_run.create_tables()
            table = schema.MESSAGES
            other_run.replace(table, other_run.load(table), row(table, 0), Sought())
        delete_files(loaded)

    monkeypatch.setattr(iceberg, "delete_files", first)
    stack.lake.drop_older_tables()
    assert stack.lake.load(schema.MESSAGES).scan().to_arrow().num_rows == 1
