"""What a chat costs at DynamoDB and S3, from its first event to its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from local.chats import Chat, scripts
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture import archive as archives
from tests.integration.capture.archive import Archive, archive, object_created
from tests.metered import Bill, MeteredDynamoDB, MeteredS3
from tools.prices import price

pytestmark = pytest.mark.world

CHATS = list(scripts(seed=5, count=8, start=datetime(2026, 9, 1, tzinfo=UTC), days=1))
MINUTE = 60_000

# As this very test counted it on version 0.2, which read a live chat every 120 s.
BEFORE = Bill(write_units=69.12, read_units=37.38, requests=57.75)
PUTS_BEFORE, S3_BEFORE = 7.12, 18.00


@pytest.fixture
def bill(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Bill:
    bill = Bill()
    clients = {"dynamodb": MeteredDynamoDB, "s3": MeteredS3}
    for name, metered in clients.items():
        monkeypatch.setitem(aws._clients, name, metered(aws.client(name), bill))
    return bill


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    rule_time(clock, monkeypatch)
    return clock


def live_through(opened: Archive, chat: Chat) -> None:
    """All events and exports in their time, and looks until nothing is left to do."""
    name = chat.initial_contact_id
    opened.clock.set(chat.started_ms)
    opened.add_token(name)
    happenings = [(at, event) for at, event in chat.timed_contact_events()]
    for leg in chat.legs:
        key = f"connect/ChatTranscripts/2026/09/01/{leg.contact_id}_20260901T00:00_UTC.json"
        opened.exports[key] = json.dumps(chat.export(leg)).encode()
        happenings.append((leg.disconnected_ms + 45_000, object_created(key)))
    for at_ms, event in sorted(happenings, key=lambda happening: happening[0]):
        opened.attempt_until(at_ms, name)
        opened.deliver(event)
    opened.attempt_until(chat.ended_ms + 60 * MINUTE, name)


def publish(opened: Archive, chats: Mapping[str, object]) -> None:
    """What publishing writes of its attempts."""
    attempts = opened.services.chats.publish_attempts
    counts = attempts.record({chat: [20_000] for chat in chats})
    attempts.mark_published(dict.fromkeys(chats, "revision"), counts)


def test_a_chat_costs_half_of_what_it_did(
    aws: Aws, bill: Bill, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is read between costs neither DynamoDB nor S3 anything.
    monkeypatch.setattr(archives, "INTERVAL_MS", 60_000)
    clock.set(min(chat.started_ms for chat in CHATS))
    with archive(aws, clock, CHATS) as opened:
        for chat in sorted(CHATS, key=lambda chat: chat.started_ms):
            live_through(opened, chat)
            publish(opened, {chat.initial_contact_id: None})
    # Exports are read by a function of the test, which no client counts.
    gets = bill.s3["get_object"] + sum(len(chat.legs) for chat in CHATS)
    of = len(CHATS)
    a_chat = Bill(bill.write_units / of, bill.read_units / of, bill.requests / of)
    puts = bill.s3["put_object"] / of
    of_s3 = (bill.s3.total() - bill.s3["get_object"] + gets) / of
    print(f"\na chat: {a_chat}, {puts:.2f} PUT of {of_s3:.2f} requests of S3")
    assert a_chat.write_units <= BEFORE.write_units / 2
    assert dollars(a_chat) <= dollars(BEFORE) / 2
    assert a_chat.requests <= BEFORE.requests
    assert puts <= PUTS_BEFORE
    assert of_s3 <= S3_BEFORE


def dollars(bill: Bill) -> float:
    return bill.write_units * price("write") + bill.read_units * price("read")
