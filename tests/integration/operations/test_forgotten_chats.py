"""What a stack knows again of chats that its state has forgotten, and which documents are gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chatlake.capture.schedule import CaptureSchedule
from chatlake.operations.forgotten_chats import readmit
from chatlake.operations.verify_deployed import DeployedVerification
from chatlake.progress import NoProgress
from chatlake.tables import schema
from chatlake.timestamps import now_ms
from tests.aws import Aws
from tests.functions import Load
from tests.lake_folder import message, page
from tests.small_stack import SmallStack, small_stack

CHATS = (page("c1", message("m1")), page("c2", message("m1"), message("m2")))


@pytest.fixture
def stack(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStack]:
    with small_stack(aws, load, monkeypatch) as made:
        yield made


def forget(aws: Aws, stack: SmallStack) -> None:
    """Restore the state of chats as it was before any of them."""
    dynamodb, table = aws.client("dynamodb"), stack.settings.chats_table
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"key": item["key"]})


def readmitted(stack: SmallStack, *chats: str) -> set[str]:
    archive = stack.archive
    return set(readmit(chats, store=archive.store, chats=archive.chats, schedule=archive.schedule))


def rows(stack: SmallStack) -> dict[str, list[Any]]:
    """All rows, without when they were published."""
    found = {}
    for table in schema.TABLES:
        of_table = stack.archive.lake.load(table).scan().to_arrow().to_pylist()
        kept = [{name: row[name] for name in row if name != "published_at"} for row in of_table]
        found[table.name] = sorted(map(repr, kept))
    return found


def differences(stack: SmallStack) -> list[str]:
    archive = stack.archive
    verification = DeployedVerification(store=archive.store, chats=archive.chats, lake=archive.lake)
    found = [str(one) for one in verification.run(NoProgress(), None)]
    return [*found, *verification.changes_of_others()]


def test_a_forgotten_chat_gets_its_rows_in_the_place_of_older_ones(
    aws: Aws, stack: SmallStack
) -> None:
    stack.take(*CHATS)
    before = rows(stack)
    forget(aws, stack)
    assert readmitted(stack, "c1", "c2") == {"c1", "c2"}
    stack.archive.publish(["c1", "c2"])
    assert rows(stack) == before
    assert differences(stack) == []


def test_its_legs_are_known_again(aws: Aws, stack: SmallStack) -> None:
    stack.take(page("c1", message("m1", ContactId="leg"), message("m2", ContactId="c1")))
    forget(aws, stack)
    readmitted(stack, "c1")
    assert stack.archive.chats.legs.initial_contacts(["leg", "c1"]) == {"leg": "c1", "c1": "c1"}


def test_chats_that_capture_has_still_to_look_at_are_left_to_it(
    aws: Aws, stack: SmallStack
) -> None:
    stack.take(*CHATS)
    forget(aws, stack)
    schedule: CaptureSchedule = stack.archive.schedule
    schedule.add_export("c1", "c1", "a/ChatTranscripts/key", due_at=now_ms())
    assert readmitted(stack, "c1", "c2") == {"c2"}


def test_neither_erased_chats_nor_unreadable_ones_come_back(aws: Aws, stack: SmallStack) -> None:
    stack.take(*CHATS)
    forget(aws, stack)
    stack.archive.chats.tombstones.add(["c1"])
    bucket = stack.settings.document_bucket
    [key] = [
        found["Key"]
        for found in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
        if "c2" in found["Key"]
    ]
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"damaged")
    assert readmitted(stack, "c1", "c2") == set()


def test_a_document_that_is_gone_is_named_while_its_rows_are_there(stack: SmallStack) -> None:
    stack.take(*CHATS)
    stack.archive.store.delete("c2")
    [found] = differences(stack)
    assert found.startswith("chat c2: its document is gone, and its rows are there")


def test_nothing_is_said_of_documents_that_expire(stack: SmallStack) -> None:
    stack.take(*CHATS)
    stack.archive.store.delete("c2")
    stack.archive.store.retention_days = 30
    assert differences(stack) == []


def test_nothing_is_said_of_a_chat_that_became_part_of_another(stack: SmallStack) -> None:
    stack.take(*CHATS)
    stack.archive.store.delete("c2")
    stack.archive.chats.legs.add({"c2": "b1"}, provisional=False)
    assert differences(stack) == []


def test_nothing_is_said_of_a_chat_that_is_being_erased(stack: SmallStack) -> None:
    stack.take(*CHATS)
    stack.archive.chats.tombstones.add(["c2"])
    stack.archive.store.delete("c2")
    assert differences(stack) == []
