"""Looks at chats: what is read, what is kept, when to come again, and that nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_chat import capture_chat
from chatlake.capture.participant_client import Connection, Page
from chatlake.capture.schedule import TOKEN_MAY_COME_MS
from chatlake.chat_state import add_tombstones
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.documents.document import Document
from chatlake.documents.lifecycle import IDLE_MS, SETTLE_MS
from chatlake.documents.revision import content_revision, is_complete, revision
from chatlake.operations.erase import erase
from local.chats import Chat, scripts
from local.participant_service import Fault
from local.scripted.marathon import marathon
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture.archive import UNLIMITED, Archive, archive, object_created

CHATS = list(scripts(seed=7, count=120, start=datetime(2026, 9, 1, tzinfo=UTC), days=2))
CHAT = next(
    chat
    for chat in CHATS
    if len(chat.legs) == 1 and not chat.past_chats and chat.ended_ms - chat.started_ms > 8 * 60_000
)
TRANSFERRED = max((c for c in CHATS if not c.past_chats), key=lambda chat: len(chat.legs))
MINUTE = 60_000
DAY = 24 * 60 * MINUTE

type Open = Callable[..., Archive]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(CHAT.started_ms)
    rule_time(clock, monkeypatch)
    return clock


@pytest.fixture
def opened(aws: Aws, clock: HandClock) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_archive(*chats: Chat, **behaviour: Any) -> Archive:
            clock.set(min(chat.started_ms for chat in chats) + 1000)
            how = replace(UNLIMITED, **behaviour)
            return stack.enter_context(archive(aws, clock, chats, how))

        yield open_archive


def event_of(chat: Chat, kind: str, leg: int = 0) -> dict[str, Any]:
    contact = chat.legs[leg].contact_id
    return next(
        event
        for event in chat.contact_events()
        if event["detail"]["eventType"] == kind and event["detail"]["contactId"] == contact
    )


def told_by_its_contact_alone(event: dict[str, Any]) -> dict[str, Any]:
    unknown = {"initialContactId", "previousContactId"}
    detail = {name: value for name, value in event["detail"].items() if name not in unknown}
    return {**event, "detail": detail}


def deliver_all(archive: Archive, chat: Chat, until_ms: float) -> None:
    for at_ms, event in chat.timed_contact_events():
        if at_ms <= until_ms:
            archive.attempt_until(at_ms, chat.initial_contact_id)
            archive.deliver(event)


def live_through(archive: Archive, chat: Chat) -> None:
    """Deliver all events in their time, and look at the chat until nothing is left to do."""
    deliver_all(archive, chat, float("inf"))
    archive.attempt_until(chat.ended_ms + 60 * MINUTE, chat.initial_contact_id)


def item_ids(chat: Chat) -> set[str]:
    return {item["Id"] for item in chat.transcript()}


def export(archive: Archive, chat: Chat, leg: int = 0) -> str:
    key = f"connect/ChatTranscripts/2026/09/01/{chat.legs[leg].contact_id}_20260901T00:00_UTC.json"
    archive.exports[key] = json.dumps(chat.export(chat.legs[leg])).encode()
    return key


@pytest.mark.parametrize("outlive", [True, False])
def test_a_chat_is_archived_whether_its_tokens_die_or_live_on(opened: Open, outlive: bool) -> None:
    archive = opened(CHAT, tokens_outlive_chat=outlive)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    live_through(archive, CHAT)
    archive.exports[export(archive, CHAT)] = json.dumps(CHAT.export(CHAT.legs[0])).encode()
    archive.deliver(object_created(next(iter(archive.exports))))
    archive.attempt_until(CHAT.ended_ms + 200 * MINUTE, chat)

    document = archive.document(chat)
    exported = {item["Id"] for item in CHAT.export(CHAT.legs[0])["Transcript"]}
    assert document.items.keys() >= exported
    assert document.participant is not None
    assert ((document.participant["whole_read_at"] or 0) >= CHAT.ended_ms) == outlive
    if outlive:
        assert document.items.keys() == item_ids(CHAT)
    assert archive.announced[-1] == (chat, revision(document))
    state = archive.schedule.read(chat)
    assert state is not None
    assert (state.due_at, state.tokens, state.events, state.exports) == (None, {}, {}, {})


def test_a_live_chat_is_read_every_interval(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.deliver(event_of(CHAT, "INITIATED"))
    began = archive.clock.now_ms()
    archive.attempt_until(min(began + 6 * MINUTE, CHAT.ended_ms - 1), chat)
    read_at = [c.at_ms for c in archive.simulator.calls if c.operation == "GetTranscript"]
    assert len(read_at) >= 2
    assert {later - earlier for earlier, later in pairwise(read_at)} == {120_000}
    # One token is enough for all of them.
    assert archive.calls()["CreateParticipantConnection"] == 1
    assert archive.announced == []


def test_reading_the_same_again_is_no_change_but_is_an_observation(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.deliver(event_of(CHAT, "INITIATED"))
    archive.attempt_until(archive.clock.now_ms() + 3 * MINUTE, chat)
    before, changed_at = archive.document(chat), archive.live[chat].changed_at
    # So soon that the service has nothing new.
    archive.clock.set(archive.clock.now_ms() + 1)
    archive.look(chat)
    after = archive.document(chat)
    assert content_revision(after) == content_revision(before)
    assert archive.live[chat].changed_at == changed_at
    assert not archive.live[chat].changed
    assert before.participant is not None
    assert after.participant is not None
    assert after.participant["observed_until"] == archive.clock.now_ms() * 1000
    assert after.participant["observed_until"] > (before.participant["observed_until"] or 0)


def test_a_read_that_is_cut_short_is_no_observation(opened: Open) -> None:
    long = marathon(1, 300, CHAT.started_ms, 600)
    archive = opened(long)
    chat = long.initial_contact_id
    archive.add_token(chat)
    archive.clock.set(long.ended_ms - 1)
    live = capture_chat(chat, replace(archive.services, may_go_on=lambda: False))
    assert live is not None
    document = live.known
    assert 0 < len(document.items) < len(long.transcript())
    assert document.participant is not None
    assert document.participant["observed_until"] is None


def test_a_chat_is_announced_when_nothing_happened_for_five_minutes(opened: Open) -> None:
    archive = opened(CHAT, tokens_outlive_chat=True)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    deliver_all(archive, CHAT, CHAT.ended_ms + MINUTE)
    archive.attempt(chat)
    ended = archive.schedule.read(chat)
    assert ended is not None
    archive.attempt_until(ended.checkpoint.settled_since + SETTLE_MS - 1, chat)
    assert archive.announced == []
    archive.attempt_until(ended.checkpoint.settled_since + SETTLE_MS, chat)
    assert archive.announced == [(chat, revision(archive.document(chat)))]


def test_a_denied_connection_is_renewed_and_a_denied_participant_closed(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.attempt(chat)
    first = archive.schedule.read(chat)
    assert first is not None
    assert {token.kind for token in first.tokens.values()} == {"participant", "connection"}

    archive.simulator.fail_next("GetTranscript", Fault(status=403))
    archive.attempt_until(archive.clock.now_ms() + 2 * MINUTE, chat)
    second = archive.schedule.read(chat)
    assert second is not None
    assert {token.kind for token in second.tokens.values()} == {"participant", "connection"}
    assert second.tokens.keys() != first.tokens.keys()
    assert archive.calls()["CreateParticipantConnection"] == 2
    assert archive.notes == []

    archive.clock.set(CHAT.ended_ms + 1)
    archive.attempt(chat)
    closed = archive.schedule.read(chat)
    assert closed is not None
    assert closed.tokens == {}
    assert archive.services.counters.take()[Metric.PARTICIPANT_SOURCES_CLOSED] == 1
    assert archive.document(chat).items


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault(status=429), "ReadsThrottled"),
        (Fault(status=500), "ReadsFailed"),
        (Fault(cut=True), "ReadsFailed"),
    ],
)
@pytest.mark.parametrize("operation", ["GetTranscript", "CreateParticipantConnection"])
def test_a_service_that_fails_is_asked_again_soon(
    opened: Open, operation: str, fault: Fault, problem: str
) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.clock.set(CHAT.ended_ms - 60_000)
    archive.simulator.fail_next(operation, fault, times=2)
    began = archive.clock.now_ms()
    archive.attempt(chat)
    assert archive.problems() == {problem}
    assert archive.live[chat].failures == 1
    archive.attempt_until(began + 20_000, chat)
    assert archive.document(chat).items
    assert archive.live[chat].failures == 0
    settled = archive.schedule.read(chat)
    assert settled is not None
    assert settled.failure is None


def test_a_rejected_read_marks_the_chat_and_counts(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat, "connection", "not a token")
    archive.add_token(chat)
    archive.simulator.fail_next("GetTranscript", Fault(status=400), times=2)
    archive.attempt(chat)
    state = archive.schedule.read(chat)
    assert state is not None
    assert state.failure == "GetTranscript: ValidationException"
    assert archive.services.counters.take()[Metric.READS_REJECTED] == 2
    assert state.tokens == {}


def test_a_read_of_a_live_chat_that_is_rejected_marks_the_chat(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.attempt(chat)
    archive.simulator.fail_next("GetTranscript", Fault(status=400), times=2)
    archive.attempt_until(archive.clock.now_ms() + 3 * MINUTE, chat)
    state = archive.schedule.read(chat)
    assert state is not None
    assert (state.failure, state.tokens) == ("GetTranscript: ValidationException", {})
    assert archive.services.counters.take()[Metric.READS_REJECTED] == 2


def test_a_token_that_cannot_be_opened_holds_up_nothing_else(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.deliver(event_of(CHAT, "INITIATED"))
    other = archive.services.token_cipher.seal("secret-token", "another chat")
    from chatlake.capture.capture_state import Token

    archive.schedule.add_token(chat, Token("connection", other), due_at=archive.clock.now_ms())
    archive.add_token(chat)
    archive.clock.set(CHAT.ended_ms - 1)
    archive.attempt(chat)
    document = archive.document(chat)
    assert document.events
    assert document.items
    assert archive.problems() == {"ReadsFailed"}
    assert "secret-token" not in str(archive.notes)


def test_an_empty_transcript_is_no_success_when_there_are_items(opened: Open) -> None:
    archive = opened(CHAT, tokens_outlive_chat=True)
    chat = CHAT.initial_contact_id
    archive.deliver(object_created(export(archive, CHAT)))
    archive.add_token(chat)

    class Empty:
        def connect(self, _: str, **__: object) -> Connection:
            return Connection("c", None)

        def get_transcript(self, *_: object, **__: object) -> Page:
            return Page({"InitialContactId": chat, "Transcript": []}, None)

    archive.clock.set(CHAT.ended_ms + 1)
    services, archive.services = archive.services, replace(archive.services, service=Empty())  # type: ignore[arg-type]
    archive.attempt(chat)
    assert archive.problems() == {"EmptyTranscripts"}
    assert archive.document(chat).participant is None
    archive.services = services
    archive.attempt_until(archive.clock.now_ms() + 6 * MINUTE, chat)
    assert archive.document(chat).items.keys() == item_ids(CHAT)


def test_an_empty_transcript_of_an_ended_chat_does_not_make_it_whole(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)

    class Empty:
        def connect(self, _: str, **__: object) -> Connection:
            return Connection("c", None)

        def get_transcript(self, *_: object, **__: object) -> Page:
            return Page({"InitialContactId": chat, "Transcript": []}, None)

    archive.services = replace(archive.services, service=Empty())  # type: ignore[arg-type]
    archive.clock.set(CHAT.ended_ms)
    for _, event in CHAT.timed_contact_events():
        archive.deliver(event)
    archive.attempt_until(CHAT.ended_ms + 60 * MINUTE, chat)
    assert not is_complete(archive.document(chat), chat)
    assert {"EmptyTranscripts", "ChatsWithoutSource"} <= archive.problems()


def test_a_rejected_export_is_named_and_the_rest_goes_in(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    key = export(archive, CHAT)
    for data in (b"{", b"[]", b'{"Transcript": 1}', b"\xff\xfe"):
        archive.exports[key] = data
        archive.deliver(event_of(CHAT, "DISCONNECTED"))
        archive.deliver(object_created(key))
        archive.attempt(chat)
        state = archive.schedule.read(chat)
        assert state is not None
        assert (state.failure, state.exports) == ("rejected export", {})
        assert archive.document(chat).events
    assert [problem for problem, _, _ in archive.notes] == ["RejectedExports"] * 4


def test_an_export_with_a_byte_order_mark_is_read(opened: Open) -> None:
    archive = opened(CHAT)
    key = export(archive, CHAT)
    archive.exports[key] = b"\xef\xbb\xbf" + archive.exports[key]
    archive.deliver(object_created(key))
    archive.clock.advance(5 * 60)
    archive.attempt(CHAT.initial_contact_id)
    assert archive.document(CHAT.initial_contact_id).exports
    assert archive.notes == []


def test_an_export_that_is_gone_is_noted_once(opened: Open) -> None:
    archive = opened(CHAT)
    key = export(archive, CHAT)
    archive.deliver(object_created(key))
    archive.exports.clear()
    archive.attempt_until(archive.clock.now_ms() + 20 * MINUTE, CHAT.initial_contact_id)
    assert [problem for problem, _, _ in archive.notes] == ["ExportsGone"]


def test_an_export_that_is_refused_is_asked_for_again(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    key = export(archive, CHAT)
    body, archive.exports[key] = (
        archive.exports[key],
        ClientError({"Error": {"Code": "SlowDown", "Message": "canary"}}, "GetObject"),
    )
    archive.deliver(object_created(key))
    archive.clock.advance(5 * 60)
    archive.attempt(chat)
    state = archive.schedule.read(chat)
    assert state is not None
    assert list(state.exports.values()) == [key]
    assert "canary" not in str(archive.notes)
    archive.exports[key] = body
    archive.attempt_until(archive.clock.now_ms() + MINUTE, chat)
    assert archive.document(chat).exports


def test_an_export_that_is_refused_for_days_is_read_once_it_may_be(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    key = export(archive, CHAT)
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")
    body, archive.exports[key] = archive.exports[key], denied
    deliver_all(archive, CHAT, float("inf"))
    archive.deliver(object_created(key))
    archive.attempt_until(CHAT.ended_ms + 5 * DAY, chat)
    refused = archive.schedule.read(chat)
    assert refused is not None
    assert refused.failure == "refused export"
    assert len(archive.notes) < 100
    archive.exports[key] = body
    archive.attempt_until(CHAT.ended_ms + 7 * DAY, chat)
    assert archive.document(chat).exports
    read = archive.schedule.read(chat)
    assert read is not None
    assert (read.due_at, read.failure) == (None, None)
    assert archive.announced[-1][0] == chat


def test_an_export_that_is_refused_for_good_is_given_up(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    key = export(archive, CHAT)
    archive.exports[key] = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
    deliver_all(archive, CHAT, float("inf"))
    archive.deliver(object_created(key))
    archive.attempt_until(CHAT.ended_ms + 40 * DAY, chat)
    state = archive.schedule.read(chat)
    assert state is not None
    assert (state.due_at, state.failure) == (None, "refused export")
    assert "ChatsWithoutSource" in archive.problems()


def test_an_export_long_after_the_end_is_announced_again(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    live_through(archive, CHAT)
    before = list(archive.announced)
    assert len(before) == 1
    archive.clock.advance(48 * 3600)
    archive.deliver(object_created(export(archive, CHAT)))
    archive.attempt_until(archive.clock.now_ms() + 10 * MINUTE, chat)
    assert archive.announced == [*before, (chat, revision(archive.document(chat)))]
    assert archive.announced[0] != archive.announced[1]


def test_a_chat_without_any_source_is_announced_and_counted(opened: Open) -> None:
    archive = opened(CHAT)
    live_through(archive, CHAT)
    assert [chat for chat, _ in archive.announced] == [CHAT.initial_contact_id]
    assert archive.problems() == {"ChatsWithoutSource"}
    document = archive.document(CHAT.initial_contact_id)
    assert (document.items, document.participant) == ({}, None)


def test_a_chat_whose_end_nobody_tells_of_is_announced_after_a_day(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.deliver(event_of(CHAT, "INITIATED"))
    began = archive.clock.now_ms()
    archive.attempt_until(began + IDLE_MS - MINUTE, chat)
    assert archive.announced == []
    archive.attempt_until(began + IDLE_MS + TOKEN_MAY_COME_MS, chat)
    assert archive.announced == [(chat, revision(archive.document(chat)))]
    state = archive.schedule.read(chat)
    assert state is not None
    assert state.due_at is not None
    archive.attempt_until(began + 9 * IDLE_MS, chat)
    last = archive.schedule.read(chat)
    assert last is not None
    assert last.due_at is None
    assert len(archive.announced) == 1


def test_a_token_that_opens_nothing_and_no_event_is_nothing_to_publish(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat, secret="of-another-instance")
    archive.attempt_until(archive.clock.now_ms() + 9 * IDLE_MS, chat)
    assert archive.announced == []
    assert archive.problems() == {"ChatsWithoutSource"}
    assert archive.services.store.read(chat) is None
    state = archive.schedule.read(chat)
    assert state is not None
    assert (state.due_at, state.tokens) == (None, {})


def test_connect_is_asked_once_which_chat_a_contact_is_of(opened: Open) -> None:
    archive = opened(TRANSFERRED)
    chat, leg = TRANSFERRED.initial_contact_id, TRANSFERRED.legs[1].contact_id
    archive.clock.set(TRANSFERRED.ended_ms + 1)
    for event in ("INITIATED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"):
        archive.deliver(told_by_its_contact_alone(event_of(TRANSFERRED, event, 1)))
    archive.deliver(object_created(export(archive, TRANSFERRED, 1)))
    assert archive.calls()["DescribeContact"] == 1
    assert archive.schedule.read(leg) is None
    state = archive.schedule.read(chat)
    assert state is not None
    assert len(state.exports) == 1


def test_a_token_may_come_after_the_events(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.deliver(event_of(CHAT, "INITIATED"))
    archive.attempt_until(archive.clock.now_ms() + MINUTE, chat)
    assert archive.schedule.any("waiting")
    archive.add_token(chat)
    archive.attempt(chat)
    assert archive.schedule.any("live")
    assert archive.document(chat).participant is not None


def test_all_legs_of_a_transferred_chat_are_one_document(opened: Open) -> None:
    assert len(TRANSFERRED.legs) > 1
    archive = opened(TRANSFERRED, tokens_outlive_chat=True)
    archive.add_token(TRANSFERRED.initial_contact_id)
    live_through(archive, TRANSFERRED)
    document = archive.document(TRANSFERRED.initial_contact_id)
    assert document.events.keys() == {leg.contact_id for leg in TRANSFERRED.legs}
    assert document.items.keys() == item_ids(TRANSFERRED)
    assert archive.announced[-1] == (TRANSFERRED.initial_contact_id, revision(document))


@pytest.mark.parametrize("late_ms", [None, 20 * MINUTE])
def test_a_leg_whose_events_are_lost_or_late_is_read_while_a_token_lives(
    opened: Open, late_ms: int | None
) -> None:
    archive = opened(TRANSFERRED, tokens_outlive_chat=True)
    chat = TRANSFERRED.initial_contact_id
    archive.add_token(chat)
    for at_ms, event in TRANSFERRED.timed_contact_events():
        own = event["detail"]["contactId"] == chat
        if own or late_ms is not None:
            told_ms = at_ms if own else at_ms + (late_ms or 0)
            archive.attempt_until(told_ms, chat)
            archive.deliver(event)
    archive.attempt_until(TRANSFERRED.ended_ms + 60 * MINUTE, chat)
    assert archive.document(chat).items.keys() == item_ids(TRANSFERRED)
    assert archive.document(chat).participant["saw_end"]  # type: ignore[index]
    state = archive.schedule.read(chat)
    assert state is None or (state.due_at, state.tokens) == (None, {})


def test_a_chat_whose_end_was_read_is_not_read_again(opened: Open) -> None:
    archive = opened(CHAT, tokens_outlive_chat=True)
    archive.add_token(CHAT.initial_contact_id)
    deliver_all(archive, CHAT, float("inf"))
    archive.attempt_until(CHAT.ended_ms + MINUTE, CHAT.initial_contact_id)
    before = archive.calls()["GetTranscript"]
    archive.attempt_until(CHAT.ended_ms + 60 * MINUTE, CHAT.initial_contact_id)
    assert archive.calls()["GetTranscript"] == before


@pytest.mark.parametrize("known_first", [True, False])
def test_a_leg_that_nobody_placed_comes_home_with_all_that_it_has(
    opened: Open, known_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened(TRANSFERRED, tokens_outlive_chat=True, describe_contact_burst=0)
    chat, leg = TRANSFERRED.initial_contact_id, TRANSFERRED.legs[1].contact_id
    monkeypatch.setattr(archive.track_services.chat_resolver, "describe", lambda _: None)
    archive.clock.set(TRANSFERRED.ended_ms + 1)
    if known_first:
        archive.deliver(event_of(TRANSFERRED, "INITIATED", 1))
    archive.deliver(told_by_its_contact_alone(event_of(TRANSFERRED, "DISCONNECTED", 1)))
    archive.deliver(told_by_its_contact_alone(event_of(TRANSFERRED, "COMPLETED", 1)))
    if not known_first:
        secret = archive.simulator.participant_token(chat)
        archive.add_token(leg, secret=secret)
        archive.attempt_until(archive.clock.now_ms(), leg, chat)
        archive.deliver(event_of(TRANSFERRED, "INITIATED", 1))
    archive.attempt_until(archive.clock.now_ms() + 60 * MINUTE, leg, chat)

    assert archive.services.store.read(leg) is None
    document = archive.document(chat)
    assert document.events[leg].keys() >= {"DISCONNECTED", "INITIATED"}
    if not known_first:
        assert archive.announced[-1] == (chat, revision(document))
        assert archive.schedule.read(leg) is None
        assert document.items.keys() == item_ids(TRANSFERRED)


def test_a_service_that_names_another_chat_is_not_asked_on_and_on(opened: Open) -> None:
    archive = opened(TRANSFERRED)
    chat, leg = TRANSFERRED.initial_contact_id, TRANSFERRED.legs[1].contact_id
    # So early that no item shows whose leg it is.
    archive.clock.set(TRANSFERRED.started_ms)
    archive.add_token(leg, secret=archive.simulator.participant_token(chat))
    archive.attempt_until(TRANSFERRED.ended_ms - 1, leg, chat)
    assert archive.calls()["GetTranscript"] <= 5
    assert archive.schedule.read(leg) is None
    owner = archive.schedule.read(chat)
    assert owner is not None
    assert {token.kind for token in owner.tokens.values()} == {"participant", "connection"}


def test_a_chat_that_is_erased_while_it_is_looked_at_stays_erased(opened: Open) -> None:
    archive = opened(CHAT, tokens_outlive_chat=True)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.deliver(event_of(CHAT, "INITIATED"))
    archive.attempt(chat)
    service = archive.services.service

    class Erasing:
        def get_transcript(self, *arguments: Any, **named: Any) -> Page:
            page = service.get_transcript(*arguments, **named)
            add_tombstones(archive.services.chats, chat)
            archive.schedule.remove(chat)
            archive.services.store.delete(chat)
            return page

    archive.clock.set(CHAT.ended_ms)
    services, archive.services = archive.services, replace(archive.services, service=Erasing())  # type: ignore[arg-type]
    archive.attempt(chat)
    archive.services = services
    assert archive.services.store.read(chat) is None
    assert archive.schedule.read(chat) is None
    assert archive.deliver(event_of(CHAT, "DISCONNECTED")) == "EventsOfErased"
    assert archive.deliver(object_created(export(archive, CHAT))) == "EventsOfErased"
    archive.schedule.make_due(chat, phase="ended", due_at=0)
    archive.attempt(chat)
    assert archive.schedule.read(chat) is None
    assert archive.announced == []


def test_a_chat_is_erased_once_a_leg_of_it_turns_out_to_have_been(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened(TRANSFERRED, tokens_outlive_chat=True)
    chat, leg = TRANSFERRED.initial_contact_id, TRANSFERRED.legs[1].contact_id
    monkeypatch.setattr(archive.track_services.chat_resolver, "describe", lambda _: None)
    archive.clock.set(TRANSFERRED.ended_ms + 1)
    archive.deliver(told_by_its_contact_alone(event_of(TRANSFERRED, "DISCONNECTED", 1)))
    archive.attempt(leg)
    add_tombstones(archive.services.chats, leg)
    archive.services.store.delete(leg)
    archive.schedule.remove(leg)
    archive.services.chats.forget(leg)
    # Rows of before the leg began.
    archive.services.chats.publish_attempts.record({chat: [1]})

    archive.add_token(chat)
    archive.attempt_until(archive.clock.now_ms() + 60 * MINUTE, chat)

    assert archive.services.store.read(chat) is None
    assert archive.schedule.read(chat) is None
    assert archive.announced == [(chat, "")]
    assert archive.deliver(event_of(TRANSFERRED, "DISCONNECTED", 0)) == "EventsOfErased"


def test_a_damaged_document_is_noted_and_mended_by_hand(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.deliver(event_of(CHAT, "INITIATED"))
    archive.attempt_until(archive.clock.now_ms() + TOKEN_MAY_COME_MS, chat)
    s3, bucket = archive.aws.client("s3"), archive.bucket
    [found] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    s3.put_object(Bucket=bucket, Key=found["Key"], Body=b"{")
    archive.deliver(event_of(CHAT, "DISCONNECTED"))
    archive.attempt(chat)
    state = archive.schedule.read(chat)
    assert state is not None
    assert state.failure == "damaged document"
    assert len(state.events) == 1
    s3.delete_object(Bucket=bucket, Key=found["Key"])
    archive.attempt_until(archive.clock.now_ms() + IDLE_MS, chat)
    mended = archive.schedule.read(chat)
    assert mended is not None
    assert (mended.failure, mended.events) == (None, {})
    assert "DISCONNECTED" in archive.document(chat).events[chat]


class Crash(Exception):
    pass


class Crashing:
    """Something whose every call counts as a step, and which crashes before one of them."""

    def __init__(self, thing: Any, steps: Iterator[int], crash_at: int | None) -> None:
        self._thing, self._steps, self._crash_at = thing, steps, crash_at

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)

        def step(*arguments: Any, **named: Any) -> Any:
            if next(self._steps) == self._crash_at:
                raise Crash(name)
            return found(*arguments, **named)

        if name in {"legs", "publish_attempts", "tombstones"}:
            return Crashing(found, self._steps, self._crash_at)
        return step if callable(found) else found

    def __call__(self, *arguments: Any) -> Any:
        if next(self._steps) == self._crash_at:
            raise Crash
        return self._thing(*arguments)


def crashing(archive: Archive, crash_at: int | None) -> tuple[Any, Iterator[int]]:
    steps = iter(range(10_000))
    names = ("schedule", "chats", "store", "service", "publish_queue", "read_export")
    services: Any = archive.services
    wrapped: Any = {n: Crashing(getattr(services, n), steps, crash_at) for n in names}
    return replace(archive.services, **wrapped), steps


@pytest.mark.world
def test_a_look_that_is_cut_off_anywhere_is_simply_repeated(opened: Open) -> None:
    def prepared(chat: Chat) -> Archive:
        archive = opened(chat, tokens_outlive_chat=True)
        archive.clock.set(chat.ended_ms + 1)
        for event in chat.contact_events():
            archive.deliver(event)
        archive.add_token(chat.initial_contact_id)
        archive.deliver(object_created(export(archive, chat)))
        return archive

    def attempts(archive: Archive, services: Any, chat: str) -> None:
        """A look that reads all, and five minutes later one that announces."""
        whole, archive.services = archive.services, services
        try:
            archive.attempt(chat)
            archive.clock.advance(5 * 60)
            archive.attempt(chat)
        finally:
            archive.services = whole

    chat = CHAT.initial_contact_id
    archive = prepared(CHAT)
    services, steps = crashing(archive, None)
    attempts(archive, services, chat)
    expected: Document = archive.document(chat)
    number = next(steps)
    assert archive.announced == [(chat, revision(expected))]
    assert number > 8

    for crash_at in range(number):
        archive = prepared(CHAT)
        services, _ = crashing(archive, crash_at)
        with pytest.raises(Crash):
            attempts(archive, services, chat)
        archive.attempt_until(archive.clock.now_ms() + 20 * MINUTE, chat)
        document = archive.document(chat)
        assert revision(document) == revision(expected)
        assert set(archive.announced) == {(chat, revision(expected))}
        state = archive.schedule.read(chat)
        assert state is not None
        assert (state.due_at, state.events, state.exports) == (None, {}, {})


def test_erasing_a_chat_on_the_agenda_leaves_nothing(opened: Open) -> None:
    archive = opened(CHAT)
    chat = CHAT.initial_contact_id
    archive.add_token(chat)
    archive.deliver(event_of(CHAT, "INITIATED"))
    archive.attempt(chat)

    class OneChatArchive:
        store = archive.services.store
        # Not as capture has it, which keeps what it was told of legs.
        chats = DynamoDBChatState(archive.aws.client("dynamodb"), archive.table)
        publish_queue = archive.services.publish_queue
        lake: Any = SimpleNamespace(refs_with_rows=lambda _: [], chats_of_legs=lambda _: set())

        def publish(self, initial_contact_ids: Any, *, erasing: bool = False) -> Any:
            assert erasing
            counts = self.chats.publish_attempts.record({one: [] for one in initial_contact_ids})
            self.chats.publish_attempts.mark_published(dict.fromkeys(counts, ""), counts)

    def discard(contact: str) -> None:
        archive.schedule.remove(contact)
        archive.services.store.delete(contact)

    # As the function does: what is live and not yet written is known to the schedule alone.
    OneChatArchive.chats.legs.add({chat: chat}, provisional=True)
    erasure = erase([chat, "unknown"], OneChatArchive(), discard=discard)
    assert (erasure.erased, erasure.unknown) == ({chat}, {"unknown"})
    for table in (archive.table, archive.schedule_table):
        left = archive.aws.client("dynamodb").scan(TableName=table)["Items"]
        assert chat not in str(left)
    assert erase([chat], OneChatArchive(), discard=discard).already_erased == {chat}
