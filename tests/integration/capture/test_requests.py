"""What a chat costs at DynamoDB and S3, from its first event to its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.chats import Chat, scripts
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture import archive as archives
from tests.integration.capture.archive import Archive, archive, object_created
from tests.metered import Bill, MeteredDynamoDB, MeteredS3

CHATS = list(scripts(seed=5, count=20, start=datetime(2026, 9, 1, tzinfo=UTC), days=1))
MINUTE = 60_000

# As this very test counted it on version 0.2, which read a live chat every 120 s.
BEFORE = Bill(write_units=66.25, read_units=71.4)
BEFORE_PUTS, BEFORE_REQUESTS = 7.15, 17.95


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
    state = opened.schedule.read(name)
    assert state is not None
    assert state.due_at is None


def publish(opened: Archive, chats: Mapping[str, object]) -> None:
    """What publishing writes of its attempts."""
    attempts = opened.services.chats.publish_attempts
    counts = attempts.record({chat: [20_000] for chat in chats})
    attempts.mark_published(dict.fromkeys(chats, "revision"), counts)


def measured(aws: Aws, clock: HandClock) -> Bill:
    bill = Bill()
    metered = Aws(aws.endpoint_url)
    table, bucket, key = aws.table(), aws.bucket(), aws.key()
    del table, bucket, key
    aws._clients["dynamodb"] = MeteredDynamoDB(aws.client("dynamodb"), bill)
    aws._clients["s3"] = MeteredS3(aws.client("s3"), bill)
    metered.close()
    clock.set(min(chat.started_ms for chat in CHATS))
    with archive(aws, clock, CHATS) as opened:
        for chat in sorted(CHATS, key=lambda chat: chat.started_ms):
            live_through(opened, chat)
            publish(opened, {chat.initial_contact_id: None})
        # Exports are read by a function of the test, which no client counts.
        bill.s3["get_object"] += sum(len(chat.legs) for chat in CHATS)
    for name in ("write_units", "read_units"):
        setattr(bill, name, getattr(bill, name) / len(CHATS))
    for name in bill.s3:
        bill.s3[name] /= len(CHATS)  # type: ignore[assignment]
    return bill


def test_a_chat_costs_half_of_what_it_did(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = HandClock()
    rule_time(clock, monkeypatch)
    monkeypatch.setattr(archives, "INTERVAL_MS", 5_000, raising=False)
    monkeypatch.setattr(archives, "_MOST_LOOKS", 100_000)
    bill = measured(aws, clock)
    print(bill)
    assert bill.write_units <= BEFORE.write_units / 2
