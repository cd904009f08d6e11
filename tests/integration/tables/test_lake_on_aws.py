"""Table files on S3 and tables in Glue's catalog, as pyiceberg uses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.types import StringType

from chatlake.exceptions import SnapshotConflict, TableDiffers
from chatlake.tables import schema
from chatlake.tables.flatten import arrow_schema
from chatlake.tables.lake import s3_io
from chatlake.tables.lake.glue import glue_lake
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.lake.pruning import Sought
from chatlake.tables.lake.s3_io import S3FileIO, S3Object
from chatlake.tables.schema import ATTACHMENTS
from tests.aws import Aws, in_environment

ODD = ("a b.parquet", "ü😀.parquet", "100%25.parquet", "a=1/b#c?d.parquet", "a/../b.parquet")


@dataclass(frozen=True)
class Files:
    """The files of one bucket."""

    io: S3FileIO
    bucket: str

    def at(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def write(self, key: str, body: bytes, *, overwrite: bool = False) -> None:
        with self.io.new_output(self.at(key)).create(overwrite=overwrite) as stream:
            stream.write(body)

    def read(self, key: str) -> bytes:
        with self.io.new_input(self.at(key)).open() as stream:
            return stream.read()


@pytest.fixture
def files(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    with in_environment(aws, monkeypatch):
        yield Files(S3FileIO(), aws.bucket())


@pytest.mark.parametrize("key", ODD)
def test_a_file_is_read_as_it_was_written_whatever_its_name(
    files: Files, aws: Aws, key: str
) -> None:
    body = bytes(range(256)) * 1000
    files.write(key, body)
    assert files.read(key) == body
    assert len(files.io.new_input(files.at(key))) == len(body)
    assert files.io.new_input(files.at(key)).exists()
    found = aws.client("s3").list_objects_v2(Bucket=files.bucket)["Contents"]
    assert [entry["Key"] for entry in found] == [key]


def test_a_file_can_be_read_from_any_place(files: Files) -> None:
    files.write("file", b"0123456789")
    with files.io.new_input(files.at("file")).open() as stream:
        assert stream.seek(-3, 2) == 7
        assert stream.read() == b"789"
        stream.seek(2)
        assert stream.read(2) == b"23"


def test_a_file_that_is_there_already_is_kept(files: Files) -> None:
    files.write("file", b"first")
    stream = files.io.new_output(files.at("file")).create()
    stream.write(b"second")
    with pytest.raises(FileExistsError):
        stream.close()
    assert files.read("file") == b"first"


def sends_twice(client: Any, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first answer of an operation get lost, so that the client sends it once more."""
    send = getattr(client, operation)

    def twice(**request: Any) -> Any:
        send(**request)
        return send(**request)

    monkeypatch.setattr(client, operation, twice)


def test_a_file_that_is_sent_twice_is_no_error(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends_twice(s3_io.shared_client(), "put_object", monkeypatch)
    files.write("file", b"body")
    assert files.read("file") == b"body"


def test_a_file_is_overwritten_where_that_is_wanted(files: Files) -> None:
    files.write("file", b"first")
    files.write("file", b"second", overwrite=True)
    assert files.read("file") == b"second"


def test_a_file_that_could_not_be_written_to_its_end_is_not_there(files: Files) -> None:
    def fail() -> None:
        with files.io.new_output(files.at("file")).create() as stream:
            stream.write(b"half")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert not files.io.new_input(files.at("file")).exists()


def test_a_file_is_written_once_however_often_it_is_closed(files: Files, aws: Aws) -> None:
    stream = files.io.new_output(files.at("file")).create()
    stream.write(b"body")
    stream.close()
    stream.close()
    found = aws.client("s3").list_object_versions(Bucket=files.bucket)["Versions"]
    assert len(found) == 1


def test_a_file_that_is_not_there_cannot_be_opened(files: Files) -> None:
    missing = files.io.new_input(files.at("missing"))
    assert not missing.exists()
    with pytest.raises(FileNotFoundError, match="missing"):
        missing.open()


class Refusing:
    """A client of S3 that may not do anything."""

    def __getattr__(self, operation: str) -> Any:
        def refuse(**_: Any) -> Any:
            error: Any = {
                "Error": {"Code": "AccessDenied", "Message": "no"},
                "ResponseMetadata": {"HTTPStatusCode": 403},
            }
            raise ClientError(error, operation)

        return refuse


def test_a_refusal_is_not_taken_for_a_file_that_is_not_there_or_is_there_already() -> None:
    refused = S3Object(Refusing(), "s3://bucket/key")  # type: ignore[arg-type]
    for ask in (refused.exists, refused.open, refused.create().close, refused.__len__):
        with pytest.raises(ClientError, match="AccessDenied"):
            ask()


def test_a_file_is_deleted_and_one_that_is_not_there_is_no_error(files: Files) -> None:
    files.write("one", b"1")
    files.write("two", b"2")
    files.io.delete(files.at("one"))
    files.io.delete(files.io.new_input(files.at("two")))
    files.io.delete(files.at("one"))
    assert not files.io.new_input(files.at("one")).exists()
    assert not files.io.new_input(files.at("two")).exists()


@pytest.fixture
def lake(files: Files, aws: Aws) -> Lake:
    database = files.bucket.replace("-", "_")
    aws.client("glue").create_database(DatabaseInput={"Name": database})
    return glue_lake(aws.client("glue"), bucket=files.bucket, database=database)


def rows_of(item_id: str) -> pa.Table:
    row = {
        "initial_contact_id": "chat",
        "contact_id": "chat",
        "item_id": item_id,
        "sent_at": datetime(2026, 11, 2, tzinfo=UTC),
    }
    return pa.Table.from_pylist([row], arrow_schema(ATTACHMENTS))


def test_a_commit_that_is_sent_twice_is_made_once(
    lake: Lake, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.create_tables()
    lake.replace(ATTACHMENTS, lake.load(ATTACHMENTS), rows_of("one"), Sought())
    with monkeypatch.context() as patched:
        sends_twice(aws.client("glue"), "update_table", patched)
        assert lake.replace(ATTACHMENTS, lake.load(ATTACHMENTS), rows_of("two"), Sought())
    lake.replace(ATTACHMENTS, lake.load(ATTACHMENTS), rows_of("three"), Sought())
    found = lake.load(ATTACHMENTS).scan().to_arrow()["item_id"].to_pylist()
    assert sorted(found) == ["one", "three", "two"]


def test_a_commit_on_a_table_that_has_moved_on_is_refused(lake: Lake) -> None:
    lake.create_tables()
    loaded = lake.load(ATTACHMENTS)
    lake.replace(ATTACHMENTS, lake.load(ATTACHMENTS), rows_of("one"), Sought())
    with pytest.raises(SnapshotConflict):
        lake.replace(ATTACHMENTS, loaded, rows_of("two"), Sought())
    found = lake.load(ATTACHMENTS).scan().to_arrow()["item_id"].to_pylist()
    assert found == ["one"]


def test_tables_are_made_once_below_their_prefix(lake: Lake) -> None:
    with pytest.raises(TableDiffers, match="messages: it is not there"):
        lake.load(schema.TABLES[0])
    lake.create_tables()
    made = {table.name: lake.load(table) for table in schema.TABLES}
    lake.create_tables()
    for table in schema.TABLES:
        loaded = lake.load(table)
        assert loaded.location().endswith(f"/tables/{table.name}")
        assert isinstance(loaded.io, S3FileIO)
        assert loaded.metadata == made[table.name].metadata


def test_a_column_that_is_missing_is_added_and_others_stay(lake: Lake) -> None:
    lake.create_tables()
    table = schema.TABLES[0]
    with lake.load(table).update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("extra")
        update.add_column("of_another_version", StringType())
    lake.create_tables()
    names = set(lake.load(table).schema().column_names)
    assert names == {column.name for column in table.columns} | {"of_another_version"}
