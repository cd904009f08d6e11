"""What the functions write as metrics: all values, and no id, name or content among them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from chatlake.documents.document import Document, merge
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.timestamps import now
from tests.functions import ROOT, STACK, Load, call
from tests.metric_blobs import assert_they_hold_numbers_only, blobs, values

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")

CHAT = "c1"
CANARY = "canary-7f3a"


def read_messages(chat: str, latencies_s: list[int], role: object = "AGENT") -> Document:
    """A chat that ended a minute ago, each message of it read after so long."""
    began = now() - timedelta(hours=1)
    items = [
        {
            "Id": f"{CANARY}-{number}",
            "Type": "MESSAGE",
            "ContentType": "text/plain",
            "Content": f"{CANARY} says",
            "DisplayName": f"{CANARY} Jane",
            "ParticipantId": f"{CANARY}-agent",
            "ParticipantRole": role,
            "AbsoluteTime": began.isoformat(),
            "MessageMetadata": {
                "MessageId": f"{CANARY}-{number}",
                "Receipts": [
                    {
                        "RecipientParticipantId": f"{CANARY}-customer",
                        "ReadTimestamp": (began + timedelta(seconds=latency_s)).isoformat(),
                    }
                ],
            },
        }
        for number, latency_s in enumerate(latencies_s)
    ]
    ended = now() - timedelta(minutes=1)
    detail = {
        "eventType": "DISCONNECTED",
        "contactId": chat,
        "initialContactId": chat,
        "disconnectTimestamp": ended.isoformat(),
    }
    return merge(
        from_response({"InitialContactId": chat, "Transcript": items}, read_at=0),
        from_event({"time": ended.isoformat(), "detail": detail}),
    )


@pytest.fixture
def publish(load: Load) -> ModuleType:
    load("tables").archive.lake.create_tables()
    return load("publish")


def announce(publish: ModuleType, *documents: Document) -> dict[str, Any]:
    """Store documents as they are now, and have them published."""
    records = []
    for number, document in enumerate(documents):
        chat = document.initial_contact_id
        publish.archive.store.update(
            chat, lambda known, new=document: merge(known, new) if known else new
        )
        publish.archive.chats.legs.add({chat: chat}, provisional=False)
        # With what the version before sends: its messages may be on their way in an update.
        body = json.dumps({"initial_contact_id": chat, "revision": ""})
        records.append({"messageId": str(number), "body": body})
    answer: dict[str, Any] = call(publish, {"Records": records})
    return answer


def test_a_chat_is_measured_when_it_is_published_for_the_first_time(
    publish: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(publish, read_messages(CHAT, [2, 30, -4]))
    written = blobs(capsys.readouterr().out)
    assert_they_hold_numbers_only(written, STACK)
    assert values(written, "MessagesPublished") == [3]
    assert values(written, "ReceiptsPublished") == [3]
    assert values(written, "NegativeLatencies") == [1]
    assert sorted(values(written, "ReadLatency", "AGENT")) == [2000, 30_000]
    [fresh] = values(written, "EndToRows")
    assert 60 <= fresh < 120


def test_a_late_receipt_does_not_count_its_chat_twice(
    publish: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(publish, read_messages(CHAT, [2]))
    capsys.readouterr()
    announce(publish, read_messages(CHAT, [2, 3]), read_messages("c2", [7]))
    written = blobs(capsys.readouterr().out)
    assert values(written, "ChatsPublished") == [2]
    assert values(written, "MessagesPublished") == [1]
    assert values(written, "ReadLatency", "AGENT") == [7000]
    assert len(values(written, "EndToRows")) == 1


def test_chats_that_are_published_again_on_purpose_do_not_count_twice(
    publish: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(publish, read_messages(CHAT, [2]))
    capsys.readouterr()
    publish.archive.chats.publish_attempts.forget_published([CHAT])
    announce(publish, read_messages(CHAT, [2]))
    written = blobs(capsys.readouterr().out)
    assert values(written, "ChatsPublished") == [1]
    assert values(written, "MessagesPublished") == [0]
    assert values(written, "ReadLatency", "AGENT") == []
    assert values(written, "EndToRows") == []


def test_of_thousands_of_values_none_is_lost(
    publish: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    latencies_s = list(range(2345))
    announce(publish, read_messages(CHAT, latencies_s))
    written = blobs(capsys.readouterr().out)
    assert_they_hold_numbers_only(written, STACK)
    sent = values(written, "ReadLatency", "AGENT")
    assert Counter(sent) == Counter(1000.0 * latency_s for latency_s in latencies_s)
    assert sum("ReadLatency" in blob for blob in written) == 24


@pytest.mark.parametrize("role", [f"{CANARY} is my name", CANARY, "", "agent", None, ["AGENT"]])
def test_what_a_role_may_not_be_never_becomes_a_dimension(
    publish: ModuleType, capsys: pytest.CaptureFixture[str], role: object
) -> None:
    announce(publish, read_messages(f"{CANARY}-chat", [5], role))
    said = capsys.readouterr().out
    written = blobs(said)
    assert_they_hold_numbers_only(written, STACK)
    assert values(written, "ReadLatency", "OTHER") == [5000]
    assert CANARY not in json.dumps(written)


def test_calls_are_set_against_the_rate(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    capture = load("capture")
    capture.services.counters.add("GetTranscriptCalls", 45)
    capture.leases.append(SimpleNamespace(share=lambda _: 1.0, is_newest=True, shard=0))
    capture.report(60.0)
    written = blobs(capsys.readouterr().out)
    assert_they_hold_numbers_only(written, STACK)
    # At 4 a second, of which one is kept for last reads, there might have been 180.
    assert values(written, "CallsOfRate") == [25]
    assert values(written, "GetTranscriptCalls") == [45]
    capture.report(0.0)
    assert values(blobs(capsys.readouterr().out), "CallsOfRate") == [0]


def test_capture_says_how_many_chats_live_when_none_does_any_more(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = load("capture")
    call(capture, {})
    written = blobs(capsys.readouterr().out)
    assert_they_hold_numbers_only(written, STACK)
    assert values(written, "ChatsLive") == [0]
    assert values(written, "EventsTracked") == [0]


def test_events_and_tokens_are_counted_and_not_told_of(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    track, take_token = load("track"), load("take_token")
    for path in sorted((ROOT / "events").glob("track.*.json")):
        call(track, json.loads(path.read_text()))
    event = json.loads((ROOT / "events/take_token.participant_token.json").read_text())
    event["body"] = json.dumps({"ContactId": CANARY, "ParticipantToken": CANARY})
    call(take_token, event)
    written = blobs(capsys.readouterr().out)
    assert_they_hold_numbers_only(written, STACK)
    assert values(written, "EventsTracked")
    assert values(written, "TokensRegistered") == [1]
