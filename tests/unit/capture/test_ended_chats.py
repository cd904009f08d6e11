"""Chats that ended are counted once each, by what was read of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import pytest

from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import Checkpoint, checkpoint_text, parse_checkpoint
from chatlake.capture.ended_chats import counted_once
from chatlake.documents.document import Document, merge
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from tests.clock import HandClock, rule_time

ENDED_AT = datetime(2026, 9, 1, 10, tzinfo=UTC)
ENDED = Checkpoint(ended=True)
RECEIPT = {"RecipientParticipantId": "a", "DeliveredTimestamp": "2026-09-01T09:59:00Z"}
MESSAGE: dict[str, Any] = {
    "Id": "m1",
    "Type": "MESSAGE",
    "ParticipantId": "c",
    "AbsoluteTime": "2026-09-01T09:58:00Z",
}
WITH_RECEIPT = {**MESSAGE, "MessageMetadata": {"MessageId": "m1", "Receipts": [RECEIPT]}}
READ_EVENT = {
    **MESSAGE,
    "Id": "e1",
    "Type": "MESSAGE_READ",
    "MessageMetadata": {"MessageId": "m1"},
}
EVENT = from_event(
    {
        "time": "2026-09-01T10:00:01Z",
        "detail": {
            "eventType": "DISCONNECTED",
            "contactId": "c1",
            "initialContactId": "c1",
            "disconnectTimestamp": "2026-09-01T10:00:00Z",
        },
    }
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(ENDED_AT.timestamp() * 1000 + 300_000)
    rule_time(clock, monkeypatch)
    return clock


def read(*items: dict[str, Any]) -> Document:
    return from_response({"InitialContactId": "c1", "Transcript": list(items)}, read_at=1)


def exported(*items: dict[str, Any]) -> Document:
    return from_export({"ContactId": "c1", "InitialContactId": "c1", "Transcript": list(items)})


def counts(*documents: Document, before: Checkpoint = ENDED) -> tuple[int, int, int] | None:
    """Ended, read and with receipts; None if nothing is counted, no zero either."""
    counters = Counters()
    counted_once(before, reduce(merge, documents, Document("c1")), counters)
    found = counters.take()
    names = (Metric.CHATS_ENDED, Metric.CHATS_ENDED_READ, Metric.CHATS_ENDED_WITH_RECEIPTS)
    assert found.keys() in (set(names), set())
    return (found[names[0]], found[names[1]], found[names[2]]) if found else None


@pytest.mark.parametrize(
    ("documents", "counted"),
    [
        pytest.param([EVENT], (1, 0, 0), id="events alone"),
        pytest.param([EVENT, exported(MESSAGE)], (1, 0, 0), id="an export"),
        pytest.param([EVENT, read()], (1, 1, 0), id="a read of nothing"),
        pytest.param([EVENT, read(MESSAGE)], (1, 1, 0), id="a read without receipts"),
        pytest.param([EVENT, read(WITH_RECEIPT), exported(MESSAGE)], (1, 1, 1), id="receipts"),
        pytest.param([EVENT, read(MESSAGE, READ_EVENT)], (1, 1, 1), id="a receipt event"),
        pytest.param(
            [EVENT, read({**WITH_RECEIPT, "RelatedContactId": "c0"})],
            (1, 1, 0),
            id="receipts of an earlier chat",
        ),
        pytest.param([read({**WITH_RECEIPT, "AbsoluteTime": None})], (1, 1, 1), id="an old time"),
    ],
)
def test_an_ended_chat_is_counted_by_what_was_read_of_it(
    documents: list[Document], counted: tuple[int, int, int]
) -> None:
    assert counts(*documents) == counted


def test_a_chat_is_counted_once() -> None:
    counters = Counters()
    checkpoint = counted_once(ENDED, EVENT, counters)
    assert checkpoint == replace(ENDED, end_counted=True)
    # As it is after any time in the schedule.
    kept = parse_checkpoint(checkpoint_text(checkpoint))
    assert counted_once(kept, merge(EVENT, read(WITH_RECEIPT)), counters) == kept
    assert counters.take()[Metric.CHATS_ENDED] == 1


def test_a_chat_that_lives_on_is_counted_when_it_ends() -> None:
    assert counts(EVENT, before=Checkpoint()) is None
    assert counted_once(Checkpoint(), EVENT, Counters()) == Checkpoint()
    assert counts(EVENT, before=Checkpoint(ended=True, announced="idle for a day")) == (1, 0, 0)


@pytest.mark.parametrize("document", [EVENT, exported(MESSAGE)], ids=["event", "export"])
def test_what_is_archived_of_the_past_says_nothing_of_today(
    document: Document, clock: HandClock
) -> None:
    clock.advance(23 * 3600)
    assert counts(document) is not None
    clock.advance(3600)
    assert counts(document) is None
