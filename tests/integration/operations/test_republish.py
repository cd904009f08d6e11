"""Every chat can be made due to be published again, embedded or deployed."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from chatlake.capture.publish_notifier import PublishNotifier
from chatlake.chat_state import REWRITE
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.documents import revision as revisions
from chatlake.documents.document import Document
from chatlake.documents.store.s3 import S3Store
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.operations.publish_waiting import publish_waiting
from chatlake.operations.republish import Requeued, republish
from chatlake.progress import NoProgress
from chatlake.tables import schema
from chatlake.tables.publish import PublishOutcome
from tests.aws import Aws
from tests.lake_folder import LakeFolder, message, page

# Its id is no file name and too long for a key: only its document tells it.
LONG = "Ü/" * 200
CHATS = ("c1", "c2", LONG)


def filled(lake: LakeFolder) -> LakeFolder:
    lake.take(*(page(chat, message(f"m-{chat}")) for chat in CHATS))
    return lake


def published_again(archive: EmbeddedArchive) -> PublishOutcome:
    outcome = PublishOutcome()
    publish_waiting(archive, NoProgress(), outcome)
    return outcome


def test_every_chat_of_a_lake_is_written_again_though_none_has_changed(lake: LakeFolder) -> None:
    rows = filled(lake).rows()
    with EmbeddedArchive(lake.path) as archive:
        assert republish(archive, NoProgress()).chats == len(CHATS)
        assert archive.publish_queue.waiting() == set(CHATS)
        sizes = [path.stat().st_size for path in lake.documents()]
        assert archive.publish_queue.total_size() == sum(sizes)
        assert published_again(archive).published == set(CHATS)
    assert lake.rows() == rows
    assert lake.differences() == []


def test_some_chats_can_be_named(lake: LakeFolder) -> None:
    filled(lake)
    with EmbeddedArchive(lake.path) as archive:
        assert republish(archive, NoProgress(), ["c2", "nobody"]) == Requeued(1, {"nobody"})
        outcome = published_again(archive)
    assert (outcome.published, outcome.unchanged) == ({"c2"}, set())


def test_rows_that_others_removed_are_written_again(lake: LakeFolder) -> None:
    rows = filled(lake).rows()
    with EmbeddedArchive(lake.path) as archive:
        archive.lake.load(schema.MESSAGES).delete("initial_contact_id = 'c1'")
    assert lake.rows() != rows
    with EmbeddedArchive(lake.path) as archive:
        republish(archive, NoProgress())
        published_again(archive)
    assert lake.rows() == rows


def test_chats_of_an_older_row_format_get_new_rows_when_they_are_imported_again(
    lake: LakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [page(chat, message(f"m-{chat}")) for chat in CHATS]
    lake.take(*values)
    assert lake.take(*values).outcome.published == set()
    monkeypatch.setattr(revisions, "ROW_FORMAT", revisions.ROW_FORMAT + 1)
    again = lake.take(*values)
    assert again.upserted.unchanged == set(CHATS)
    assert again.outcome.published == set(CHATS)
    assert lake.differences() == []


def test_every_chat_of_a_stack_is_sent_to_the_queue_and_counts_as_unpublished(aws: Aws) -> None:
    sqs, url = aws.client("sqs"), aws.queue()
    stack: Any = SimpleNamespace(
        store=S3Store(aws.client("s3"), aws.bucket()),
        chats=DynamoDBChatState(aws.client("dynamodb"), aws.table()),
        publish_queue=PublishNotifier(sqs, url),
    )
    for chat in CHATS:
        stack.store.update(chat, lambda _, chat=chat: Document(chat))
    attempts = stack.chats.publish_attempts
    attempts.mark_published(dict.fromkeys(CHATS, "r"), attempts.record({c: [1] for c in CHATS}))
    assert republish(stack, NoProgress()).chats == len(CHATS)
    sent = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert {json.loads(m["Body"])["initial_contact_id"] for m in sent} == set(CHATS)
    records = attempts.read(CHATS)
    assert {record.published_revision for record in records.values()} == {REWRITE}
    assert {record.days for record in records.values()} == {frozenset({1})}


def test_a_chat_without_any_attempt_gets_no_state_by_it(aws: Aws) -> None:
    chats = DynamoDBChatState(aws.client("dynamodb"), aws.table())
    chats.publish_attempts.forget_published(["never there"])
    assert chats.publish_attempts.read(["never there"]) == {}
