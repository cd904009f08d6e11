"""Chats in which nothing happens any more though their tokens live on: published, and let go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.participant_client import Connection, Page
from chatlake.documents.lifecycle import IDLE_MS
from chatlake.participant_exceptions import ParticipantDenied
from local.chats import Chat, scripts
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture import archive as archives
from tests.integration.capture.archive import Archive, archive, object_created

CHATS = list(scripts(seed=7, count=60, start=datetime(2026, 9, 1, tzinfo=UTC), days=2))
CHAT = next(chat for chat in CHATS if len(chat.legs) == 1 and not chat.past_chats)
TRANSFERRED = next(chat for chat in CHATS if len(chat.legs) == 2 and not chat.past_chats)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


@dataclass
class Silent:
    """A service whose tokens live on, and whose transcript never says that the chat has ended."""

    chat: Chat
    calls: list[object] = field(default_factory=list)

    def connect(self, _: str, **__: object) -> Connection:
        return Connection("c", None)

    def get_transcript(self, *_: object, **__: object) -> Page:
        self.calls.append(None)
        items = [item for item in self.chat.transcript() if "ended" not in str(item["ContentType"])]
        chat = self.chat.initial_contact_id
        return Page({"InitialContactId": chat, "Transcript": items[:20]}, None)


@pytest.fixture
def opened(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Archive, Silent]]:
    clock = HandClock()
    rule_time(clock, monkeypatch)
    monkeypatch.setattr(archives, "INTERVAL_MS", 20 * MINUTE, raising=False)
    clock.set(CHAT.started_ms)
    with archive(aws, clock, [CHAT, TRANSFERRED]) as opened:
        silent = Silent(CHAT)
        opened.services = replace(opened.services, service=silent)  # type: ignore[arg-type]
        yield opened, silent


def event_of(chat: Chat, kind: str, leg: int = 0) -> dict[str, Any]:
    contact = chat.legs[leg].contact_id
    return next(
        event
        for event in chat.contact_events()
        if event["detail"]["eventType"] == kind and event["detail"]["contactId"] == contact
    )


def test_a_silent_chat_is_published_after_a_day_and_goes_on_being_read(
    opened: tuple[Archive, Silent],
) -> None:
    archive, silent = opened
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.deliver(event_of(CHAT, "INITIATED"))
    began = archive.clock.now_ms()
    archive.attempt_until(began + IDLE_MS - 2 * 60 * MINUTE, chat)
    assert archive.announced == []
    archive.attempt_until(began + IDLE_MS + 2 * 60 * MINUTE, chat)
    assert [announced for announced, _ in archive.announced] == [chat]
    calls = len(silent.calls)
    archive.attempt_until(began + IDLE_MS + 5 * 60 * MINUTE, chat)
    assert len(archive.announced) == 1
    assert len(silent.calls) > calls


def test_how_long_a_chat_is_silent_is_known_to_the_next_process(
    opened: tuple[Archive, Silent],
) -> None:
    archive, _ = opened
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    began = archive.clock.now_ms()
    for hours in range(1, 27):
        archive.attempt_until(began + hours * 60 * MINUTE, chat)
        archive.hand_over()
    assert [announced for announced, _ in archive.announced] == [chat]


def test_a_chat_that_never_says_that_it_ended_is_published_and_let_go(
    opened: tuple[Archive, Silent],
) -> None:
    archive, silent = opened
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.deliver(event_of(CHAT, "INITIATED"))
    archive.attempt_until(archive.clock.now_ms() + 40 * MINUTE, chat)
    calls = len(silent.calls)
    archive.deliver(event_of(CHAT, "DISCONNECTED"))
    archive.attempt_until(archive.clock.now_ms() + 7 * DAY, chat)
    assert [announced for announced, _ in archive.announced] == [chat]
    assert 1 <= len(silent.calls) - calls <= 8
    state = archive.schedule.read(chat)
    assert state is not None
    assert (state.due_at, state.tokens) == (None, {})


def test_an_export_that_is_refused_does_not_space_the_reads_of_a_live_chat(
    opened: tuple[Archive, Silent], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, silent = opened
    monkeypatch.setattr(archives, "INTERVAL_MS", 2 * MINUTE, raising=False)
    silent.chat = TRANSFERRED
    chat, leg = TRANSFERRED.initial_contact_id, TRANSFERRED.legs[0].contact_id
    archive.clock.set(TRANSFERRED.started_ms)
    archive.add_token(chat)
    key = f"connect/ChatTranscripts/2026/09/01/{leg}_20260901T00:00_UTC.json"
    archive.exports[key] = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
    archive.deliver(event_of(TRANSFERRED, "DISCONNECTED"))
    archive.deliver(event_of(TRANSFERRED, "INITIATED", 1))
    archive.deliver(object_created(key))
    archive.attempt_until(archive.clock.now_ms() + 60 * MINUTE, chat)
    began, calls = archive.clock.now_ms(), len(silent.calls)
    archive.attempt_until(began + 2 * 60 * MINUTE, chat)
    assert "ExportsUnavailable" in archive.problems()
    # Every two minutes, as if nothing were refused.
    assert len(silent.calls) - calls >= 55


def test_a_token_that_was_denied_is_not_tried_once_more(opened: tuple[Archive, Silent]) -> None:
    archive, _ = opened
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.attempt_until(archive.clock.now_ms() + 60 * MINUTE, chat)
    calls: list[str] = []

    class Ended(Silent):
        def connect(self, _: str, **__: object) -> Connection:
            calls.append("connect")
            raise ParticipantDenied("CreateParticipantConnection", "AccessDeniedException")

        def get_transcript(self, *_: object, **__: object) -> Page:
            calls.append("read")
            raise ParticipantDenied("GetTranscript", "AccessDeniedException")

    archive.services = replace(archive.services, service=Ended(CHAT))  # type: ignore[arg-type]
    archive.attempt_until(archive.clock.now_ms() + 60 * MINUTE, chat)
    archive.deliver(event_of(CHAT, "DISCONNECTED"))
    archive.attempt_until(archive.clock.now_ms() + 60 * MINUTE, chat)
    assert sorted(calls) == ["connect", "read"]
    assert archive.services.counters.take()[Metric.PARTICIPANT_SOURCES_CLOSED] == 1
