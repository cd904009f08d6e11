"""Rows of days that are over leave the tables as whole files, and nothing brings them back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chatlake.documents.upsert import upsert
from chatlake.embedded.import_files import to_document
from chatlake.operations.republish import republish
from chatlake.operations.verify_deployed import DeployedVerification
from chatlake.progress import NoProgress
from chatlake.tables import schema
from chatlake.tables.lake.retention import first_day_kept, remove_expired_rows
from chatlake.timestamps import now_ms
from tests.aws import Aws
from tests.functions import Load, call
from tests.lake_folder import dumped, export, message, page
from tests.small_stack import SmallStack, small_stack

if TYPE_CHECKING:
    from tests.oracle import Object

DAYS = 30
MESSAGES, CONTACTS = (
    next(table for table in schema.TABLES if table.name == name)
    for name in ("messages", "contacts")
)


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def said(item_id: str, days: float, **members: Any) -> Object:
    receipts = {"Receipts": [{"RecipientParticipantId": "agent", "ReadTimestamp": days_ago(days)}]}
    told = {"AbsoluteTime": days_ago(days), "MessageMetadata": receipts, **members}
    return message(item_id, **told)


OLD = page("old", said("m1", 50), said("m2", 49))
BETWEEN = page("between", said("m1", 32), said("m2", 28))
NEW = page("new", said("m1", 1))


@pytest.fixture
def stack(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStack]:
    monkeypatch.setenv("ROW_RETENTION_DAYS", str(DAYS))
    with small_stack(aws, load, monkeypatch) as made:
        yield made


def keep_all(stack: SmallStack) -> None:
    stack.archive.lake.row_retention_days = 0


def keep_some(stack: SmallStack) -> int:
    stack.archive.lake.row_retention_days = DAYS
    first_day = first_day_kept(DAYS)
    assert first_day is not None
    return first_day


def rows(stack: SmallStack, table: schema.Table = MESSAGES) -> list[tuple[str, Any]]:
    found = stack.archive.lake.load(table).scan().to_arrow().to_pylist()
    key = table.key[0]
    return sorted((row["initial_contact_id"], row[key]) for row in found)


def files(aws: Aws, stack: SmallStack) -> set[str]:
    pages = (
        aws.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=stack.settings.lake_bucket)
    )
    keys = {found["Key"] for page in pages for found in page.get("Contents", [])}
    return {key for key in keys if key.endswith(".parquet")}


def differences(stack: SmallStack) -> list[str]:
    archive = stack.archive
    verification = DeployedVerification(store=archive.store, chats=archive.chats, lake=archive.lake)
    found = [str(one) for one in verification.run(NoProgress(), None)]
    return [*found, *verification.changes_of_others()]


def test_nothing_is_removed_if_rows_are_kept_for_good() -> None:
    assert first_day_kept(0) is None
    first_day = first_day_kept(DAYS)
    assert first_day == now_ms() // 86_400_000 - DAYS


def test_days_that_are_over_leave_as_whole_files(aws: Aws, stack: SmallStack) -> None:
    keep_all(stack)
    stack.take(OLD, BETWEEN, NEW)
    assert len(rows(stack)) == 5
    before = files(aws, stack)
    first_day = keep_some(stack)
    assert remove_expired_rows(stack.archive.lake, first_day) > 0
    assert rows(stack) == [("between", "m2"), ("new", "m1")]
    # No file was written: what contacts have no time, and so no day, is told below.
    assert {key for key in files(aws, stack) - before if "contacts" not in key} == set()
    operations = [
        snapshot.summary.additional_properties
        for snapshot in stack.archive.lake.load(MESSAGES).snapshots()
        if snapshot.summary
    ]
    assert "added-data-files" not in operations[-1]
    assert remove_expired_rows(stack.archive.lake, first_day) == 0
    assert differences(stack) == []


def test_rows_without_a_time_go_by_the_day_of_their_chat(stack: SmallStack) -> None:
    """Contacts of which no event told have none."""
    keep_all(stack)
    stack.take(OLD, BETWEEN, NEW)
    assert [chat for chat, _ in rows(stack, CONTACTS)] == ["between", "new", "old"]
    remove_expired_rows(stack.archive.lake, keep_some(stack))
    assert [chat for chat, _ in rows(stack, CONTACTS)] == ["new"]


def test_neither_a_republication_nor_a_late_read_brings_them_back(stack: SmallStack) -> None:
    keep_all(stack)
    stack.take(OLD, BETWEEN, NEW)
    remove_expired_rows(stack.archive.lake, keep_some(stack))
    left = rows(stack)
    republish(stack.archive, NoProgress())
    assert stack.archive.publish(["old", "between", "new"]).failed == {}
    assert rows(stack) == left
    stack.take(export("old", said("m3", 48)), export("between", said("m4", 27), said("m5", 31)))
    assert rows(stack) == [("between", "m2"), ("between", "m4"), ("new", "m1")]
    assert differences(stack) == []


def test_verify_finds_what_else_is_missing(stack: SmallStack) -> None:
    stack.take(BETWEEN, NEW)
    assert differences(stack) == []
    stack.archive.lake.load(MESSAGES).delete("item_id = 'm2'")
    assert differences(stack) != []


def test_rows_that_are_over_since_midnight_are_no_difference(stack: SmallStack) -> None:
    keep_all(stack)
    stack.take(OLD, BETWEEN, NEW)
    keep_some(stack)
    assert differences(stack) == []


def test_the_function_removes_them_every_day(stack: SmallStack, load: Load) -> None:
    keep_all(stack)
    stack.take(OLD, NEW)
    keep_some(stack)
    erase: Any = load("erase")
    erase.failed_optimizers = lambda *_, **__: []
    assert call(erase, {"upkeep": True}) == {}
    assert rows(stack) == [("new", "m1")]


def test_an_erased_chat_is_gone_whatever_was_removed_before(stack: SmallStack, load: Load) -> None:
    keep_all(stack)
    stack.take(OLD, BETWEEN)
    remove_expired_rows(stack.archive.lake, keep_some(stack))
    call(load("erase"), {"contact_ids": ["between", "old"]})
    assert rows(stack) == []
    assert stack.archive.store.read("old") is None


# --- documents


def documents(*values: Object) -> list[Any]:
    return [to_document(json.loads(dumped(value))) for value in values]


def test_a_late_part_of_a_chat_whose_document_is_gone_makes_no_new_one(stack: SmallStack) -> None:
    stack.take(BETWEEN)
    store = stack.archive.store
    store.retention_days = 20
    # As S3 does it.
    store.delete("between")
    result = upsert(
        documents(export("between", said("m1", 32)), NEW), store=store, chats=stack.archive.chats
    )
    assert result.expired == {"between"}
    assert (result.new, set(result.to_publish)) == ({"new"}, {"new"})
    assert store.read("between") is None


def test_a_late_part_of_a_chat_that_has_its_document_is_merged(stack: SmallStack) -> None:
    stack.take(BETWEEN)
    store = stack.archive.store
    store.retention_days = 20
    result = upsert(
        documents(export("between", said("m3", 32))), store=store, chats=stack.archive.chats
    )
    assert (result.expired, result.changed) == (set(), {"between"})


def test_a_chat_that_goes_on_is_not_over_however_old_it_is(stack: SmallStack) -> None:
    store = stack.archive.store
    store.retention_days = 20
    lasting = page("lasting", said("m1", 30), said("m2", 19))
    without_time = page("timeless", message("m1", AbsoluteTime=None))
    result = upsert(documents(lasting, without_time), store=store, chats=stack.archive.chats)
    assert result.expired == set()
