"""A creation that fails leaves nothing; whatever was in use stays, whoever asks to delete it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.aws import custom_resource, unused_lake
from chatlake.documents.upsert import upsert
from chatlake.embedded.import_files import to_document
from chatlake.tables import schema
from tests.aws import Aws
from tests.functions import Load, call
from tests.lake_folder import dumped

BASE = {
    "ResponseURL": "https://answers.example",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Tables",
}
MADE = {"Adopted": "no"}
DENIED: Any = {"Error": {"Code": "AccessDeniedException", "Message": "not yet"}}


@pytest.fixture
def tables(load: Load, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function MakeTables, whose answers go nowhere."""
    monkeypatch.setattr(custom_resource, "_put", lambda *_: None)
    name = os.environ["LAKE_BUCKET"]
    aws.client("athena").create_work_group(Name=name, Configuration={})
    return load("tables", WORKGROUP=name)


def ask(tables: Any, kind: str, properties: dict[str, str] = MADE) -> str:
    event = {**BASE, "RequestType": kind, "ResourceProperties": properties}
    status: str = call(tables, event)["Status"]
    return status


def keys(aws: Aws, tables: Any) -> list[str]:
    found = aws.client("s3").list_objects_v2(Bucket=tables.settings.lake_bucket)
    return [one["Key"] for one in found.get("Contents", [])]


def in_catalog(aws: Aws, tables: Any) -> set[str]:
    found = aws.client("glue").get_tables(DatabaseName=tables.settings.database)["TableList"]
    return {table["Name"] for table in found} & {table.name for table in schema.TABLES}


def deny(tables: Any, denials: int) -> list[str]:
    """Let Glue deny its first calls; return the operations that it has denied."""
    denied: list[str] = []

    def refuse(model: Any, **_: Any) -> None:
        if len(denied) < denials:
            denied.append(model.name)
            raise ClientError(DENIED, model.name)

    catalog = vars(tables.archive.lake)["_catalog"]
    catalog.glue.meta.events.register("before-call.glue", refuse)
    return denied


def test_a_role_that_is_seconds_old_makes_the_tables_in_the_end(
    tables: Any, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    patiently = partial(tables.patiently, sleep=waited.append)
    monkeypatch.setattr(tables, "patiently", patiently)
    denied = deny(tables, 4)
    assert ask(tables, "Create") == "SUCCESS"
    assert len(denied) == 4
    assert len(waited) == 4
    assert in_catalog(aws, tables) == {table.name for table in schema.TABLES}


def test_a_creation_that_fails_halfway_leaves_an_empty_bucket(
    tables: Any, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(tables, "make_views", fail)
    assert ask(tables, "Create") == "FAILED"
    assert keys(aws, tables)
    result = "query-results/0.txt"
    aws.client("s3").put_object(Bucket=tables.settings.lake_bucket, Key=result, Body=b"")
    assert ask(tables, "Delete") == "SUCCESS"
    assert keys(aws, tables) == []
    assert in_catalog(aws, tables) == set()


def test_what_fails_after_the_tables_were_made_leaves_an_empty_bucket(
    tables: Any, aws: Aws
) -> None:
    assert ask(tables, "Create") == "SUCCESS"
    assert ask(tables, "Delete") == "SUCCESS"
    assert keys(aws, tables) == []


def kept(tables: Any, aws: Aws, properties: dict[str, str] = MADE) -> None:
    """Nothing goes."""
    before = keys(aws, tables), in_catalog(aws, tables)
    assert all(before)
    assert ask(tables, "Delete", properties) == "SUCCESS"
    assert (keys(aws, tables), in_catalog(aws, tables)) == before


def test_a_lake_with_rows_stays(tables: Any, aws: Aws) -> None:
    assert ask(tables, "Create") == "SUCCESS"
    value = {
        "InitialContactId": "c1",
        "Transcript": [{"Id": "m1", "Type": "MESSAGE", "Content": "hi", "ContactId": "c1"}],
    }
    document = to_document(json.loads(dumped(value)))
    archive = tables.archive
    result = upsert([document], store=archive.store, chats=archive.chats)
    archive.publish(result.to_publish)
    kept(tables, aws)


def test_a_lake_that_had_rows_stays_though_its_files_are_gone(tables: Any, aws: Aws) -> None:
    test_a_lake_with_rows_stays(tables, aws)
    bucket = tables.settings.lake_bucket
    for key in keys(aws, tables):
        if not key.endswith(".metadata.json"):
            aws.client("s3").delete_object(Bucket=bucket, Key=key)
    kept(tables, aws)


@pytest.mark.parametrize("properties", [{}, {"Adopted": "yes"}])
def test_a_lake_that_was_adopted_stays(tables: Any, aws: Aws, properties: dict[str, str]) -> None:
    """And that of a stack before this version, whose request does not say."""
    assert ask(tables, "Create") == "SUCCESS"
    kept(tables, aws, properties)


def test_a_lake_that_is_older_than_a_creation_stays(
    tables: Any, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz or UTC) + timedelta(minutes=61)

    assert ask(tables, "Create") == "SUCCESS"
    monkeypatch.setattr(unused_lake, "datetime", Later)
    kept(tables, aws)


def test_the_lake_of_a_stack_that_stood_stays_though_it_is_empty(tables: Any, aws: Aws) -> None:
    """What is protected last of all tells that the creation has not failed."""
    assert ask(tables, "Create") == "SUCCESS"
    tables.protect_tables()
    kept(tables, aws)


@pytest.mark.parametrize(
    "key", ["others/table.csv", "tables/messages/data/0.parquet", "readme.txt"]
)
def test_a_bucket_with_anything_else_in_it_stays(tables: Any, aws: Aws, key: str) -> None:
    assert ask(tables, "Create") == "SUCCESS"
    aws.client("s3").put_object(Bucket=tables.settings.lake_bucket, Key=key, Body=b"")
    kept(tables, aws)


def test_what_cannot_be_removed_keeps_nothing_else_from_being_deleted(
    tables: Any, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(tables, "Create") == "SUCCESS"

    def refused(*_: Any) -> Any:
        raise ClientError(DENIED, "ListObjectsV2")

    monkeypatch.setattr(unused_lake.NewLake, "remove_unused", refused)
    kept(tables, aws)
