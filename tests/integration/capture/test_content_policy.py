"""What is captured under each policy of content: nothing that it forbids is stored, ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.aws_clients.metric_names import Metric
from chatlake.documents.content_policy import ContentPolicy
from chatlake.documents.document import Document
from chatlake.documents.items import resolve
from chatlake.documents.revision import content_revision
from chatlake.documents.store.s3 import S3Store
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.e2e.pipeline.canaries import leaks
from tests.integration.capture.archive import Archive, archive, object_created
from tests.integration.capture.test_capture_chat import CHAT, MINUTE, export, live_through

FULL, REDACTED, NONE = ContentPolicy
CONTACT = CHAT.initial_contact_id

type Open = Callable[[ContentPolicy], Archive]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(CHAT.started_ms + 1000)
    rule_time(clock, monkeypatch)
    return clock


@pytest.fixture
def opened(aws: Aws, clock: HandClock) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_archive(policy: ContentPolicy) -> Archive:
            clock.set(CHAT.started_ms + 1000)
            opened = stack.enter_context(archive(aws, clock, [CHAT]))
            store = S3Store(aws.client("s3"), opened.bucket, policy)
            opened.services = replace(opened.services, store=store)
            return opened

        yield open_archive


def record(key: str, **members: str) -> list[dict[str, str]]:
    """What DescribeContact lists of a transcript that was redacted."""
    copy = key.replace("ChatTranscripts", "Unprocessed")
    return [
        {"MediaStreamType": "CHAT", "Location": f"exports/{key}"}
        | {"UnprocessedTranscriptLocation": f"exports/{copy}"}
        | members
    ]


def live_with_export(archive: Archive) -> str:
    """Let the chat be read as it lives, and its export come."""
    archive.add_token(CONTACT)
    key = export(archive, CHAT)
    live_through(archive, CHAT)
    archive.deliver(object_created(key))
    archive.attempt_until(archive.clock.now_ms() + 24 * 60 * MINUTE, CONTACT)
    return key


def contents(document: Document) -> list[object]:
    items = map(resolve, document.items.values())
    return sorted(item["Content"] for item in items if item.get("Content") is not None)


def all_contents() -> list[object]:
    return sorted(item["Content"] for item in CHAT.transcript() if item.get("Content") is not None)


def receipts(document: Document) -> dict[str, Any]:
    return {one: stored.get("receipts") for one, stored in document.items.items()}


def everything(archive: Archive) -> dict[str, str]:
    """All that is stored of all chats: documents with their versions, state, schedule."""
    s3, dynamodb = archive.aws.client("s3"), archive.aws.client("dynamodb")
    objects = s3.list_objects_v2(Bucket=archive.bucket).get("Contents", [])
    bodies = (s3.get_object(Bucket=archive.bucket, Key=one["Key"])["Body"] for one in objects)
    found = {"documents": "".join(body.read().decode() for body in bodies)}
    for table in (archive.table, archive.schedule_table):
        found[table] = str(dynamodb.scan(TableName=table)["Items"])
    return found


def test_all_content_is_stored_unless_a_policy_says_otherwise(opened: Open) -> None:
    archive = opened(FULL)
    live_with_export(archive)
    assert contents(archive.stored(CONTACT)) == all_contents()
    assert leaks(everything(archive), [CHAT]) == ["documents: display name", "documents: content"]
    assert Metric.CONTENT_LEFT_OUT not in archive.services.counters.take()


@pytest.mark.parametrize("policy", [REDACTED, NONE])
def test_nothing_of_what_was_said_is_stored_while_a_chat_lives_or_after(
    opened: Open, policy: ContentPolicy
) -> None:
    archive = opened(policy)
    live_with_export(archive)
    assert leaks(everything(archive), [CHAT]) == []
    document = archive.stored(CONTACT)
    assert contents(document) == []
    # Each once, though it was read many times, and from two sources.
    assert archive.services.counters.take()[Metric.CONTENT_LEFT_OUT] == len(all_contents())
    full = opened(FULL)
    live_with_export(full)
    assert receipts(document) == receipts(full.stored(CONTACT))
    assert any(receipts(document).values())


@pytest.mark.parametrize("policy", [REDACTED, NONE])
def test_no_digest_of_content_is_in_the_schedule(opened: Open, policy: ContentPolicy) -> None:
    """It would tell whether somebody has said just this."""
    archive = opened(FULL)
    archive.add_token(CONTACT)
    live_through(archive, CHAT)
    s3 = S3Store(archive.aws.client("s3"), archive.bucket, policy)
    archive.services = replace(archive.services, store=s3)
    archive.deliver(object_created(export(archive, CHAT)))
    archive.attempt_until(archive.clock.now_ms() + 24 * 60 * MINUTE, CONTACT)
    state = archive.peek(CONTACT)
    assert state is not None
    assert state.checkpoint.content == content_revision(archive.stored(CONTACT))
    assert leaks(everything(archive), [CHAT]) == []


def test_contents_come_from_an_export_that_was_redacted(opened: Open) -> None:
    archive = opened(REDACTED)
    key = f"connect/ChatTranscripts/2026/09/01/{CONTACT}_20260901T00:00_UTC.json"
    asked: list[str] = []

    def recordings_of(contact: str) -> object:
        asked.append(contact)
        return record(key)

    archive.services = replace(archive.services, recordings_of=recordings_of)
    assert live_with_export(archive) == key
    exported = CHAT.export(CHAT.legs[0])["Transcript"]
    told = sorted(item["Content"] for item in exported if item.get("Content") is not None)
    assert contents(archive.stored(CONTACT)) == told
    assert asked == [CONTACT]


@pytest.mark.parametrize(
    "members",
    [
        {"UnprocessedTranscriptLocation": ""},
        {"Location": "exports/another.json"},
        {"UnprocessedTranscriptLocation": "exports/{key}"},
    ],
)
def test_a_record_that_names_no_copy_of_it_brings_no_contents(
    opened: Open, members: dict[str, str]
) -> None:
    archive = opened(REDACTED)
    key = export(archive, CHAT)
    told = record(key, **{name: text.format(key=key) for name, text in members.items()})
    archive.services = replace(archive.services, recordings_of=lambda _: told)
    live_with_export(archive)
    assert archive.stored(CONTACT).exports
    assert leaks(everything(archive), [CHAT]) == []


def test_an_event_that_names_the_copy_is_enough(opened: Open) -> None:
    archive = opened(REDACTED)
    key = export(archive, CHAT)
    names = {
        "Location": "location",
        "UnprocessedTranscriptLocation": "unprocessedTranscriptLocation",
    }
    told = [{names.get(name, name): text for name, text in record(key)[0].items()}]
    ended = next(e for e in CHAT.contact_events() if e["detail"]["eventType"] == "DISCONNECTED")
    archive.deliver({**ended, "detail": ended["detail"] | {"recordings": told}})
    archive.deliver(object_created(key))
    archive.clock.set(CHAT.ended_ms + 10 * MINUTE)
    archive.attempt(CONTACT)
    assert contents(archive.stored(CONTACT))


def test_an_export_waits_for_a_record_that_is_not_there_yet(opened: Open) -> None:
    archive = opened(REDACTED)
    key = export(archive, CHAT)
    known: list[dict[str, str]] = []
    archive.services = replace(archive.services, recordings_of=lambda _: known)
    archive.add_token(CONTACT)
    live_through(archive, CHAT)
    archive.deliver(object_created(key))
    archive.attempt_until(archive.clock.now_ms() + 20 * MINUTE, CONTACT)
    assert not archive.stored(CONTACT).exports
    known.extend(record(key))
    archive.attempt_until(archive.clock.now_ms() + 30 * MINUTE, CONTACT)
    assert contents(archive.stored(CONTACT))


def test_an_export_waits_for_connect_to_answer(opened: Open) -> None:
    archive = opened(REDACTED)
    key = export(archive, CHAT)
    answers: list[object] = [
        ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "canary"}}, "x")
    ] * 12

    def recordings_of(_: str) -> object:
        if not answers:
            return record(key)
        answer = answers.pop()
        assert isinstance(answer, ClientError)
        raise answer

    archive.services = replace(archive.services, recordings_of=recordings_of)
    live_with_export(archive)
    assert contents(archive.stored(CONTACT))
    assert "RecordsUnavailable" in archive.problems()
    assert "canary" not in str(archive.notes)
