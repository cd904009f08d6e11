"""The agenda on DynamoDB: what is due and when, whatever comes between two looks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.capture.capture_state import CaptureState, Checkpoint, Phase, Token
from chatlake.capture.noted import Noted
from chatlake.capture.schedule import PHASES, CaptureSchedule
from chatlake.documents.document import Document
from chatlake.sources.contact_event import from_event
from tests.aws import Aws

CHAT = "c1"
FAR = 10**15


def event(kind: str = "INITIATED", contact: str = CHAT, **members: Any) -> Document:
    detail = {"eventType": kind, "contactId": contact, "channel": "CHAT", **members}
    return from_event({"detail-type": "Amazon Connect Contact Event", "detail": detail})


def add_event(
    schedule: CaptureSchedule,
    chat: str,
    told: Document,
    *,
    ends: str | None = None,
    unless_ended: bool = False,
    **noted: Any,
) -> bool:
    ended = frozenset({ends} if ends else ())
    return schedule.add_event(chat, told, Noted(ended=ended, **noted), unless_ended=unless_ended)


def details(state: CaptureState) -> list[dict[str, Any]]:
    return [
        told["detail"]
        for event in state.events.values()
        for by_kind in event.events.values()
        for told in by_kind.values()
    ]


def read(schedule: CaptureSchedule, chat: str = CHAT) -> CaptureState:
    state = schedule.read(chat)
    assert state is not None
    return state


def finish_attempt(
    schedule: CaptureSchedule, state: CaptureState, due: tuple[Phase, int] | None, **options: Any
) -> bool:
    return schedule.finish_attempt(
        state, checkpoint=Checkpoint(first_seen_at=7), done=state.events, due=due, **options
    )


def phases_of(schedule: CaptureSchedule, chat: str = CHAT, at: int = FAR) -> set[Phase]:
    return {phase for phase in PHASES if chat in schedule.due(phase, at, most=100)}


class Between:
    """A client of DynamoDB that lets something happen right after its first update fails."""

    def __init__(self, client: Any, happens: Callable[[], object]) -> None:
        self._client = client
        self._happens: Callable[[], object] | None = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **request: Any) -> Any:
        try:
            return self._client.update_item(**request)
        except ClientError:
            if self._happens is not None:
                happens, self._happens = self._happens, None
                happens()
            raise


def test_the_longest_due_comes_first_and_nothing_before_its_time(schedule: CaptureSchedule) -> None:
    for chat, due_at in (("late", 300), ("early", 100), ("between", 200), ("later", 301)):
        schedule.make_due(chat, phase="live", due_at=due_at)

    assert schedule.due("live", 300, most=10) == ["early", "between", "late"]
    assert schedule.due("live", 300, most=2) == ["early", "between"]
    assert schedule.due("ended", FAR, most=10) == []
    assert schedule.count("live") == 4
    assert schedule.count("live", due_by=200) == 2
    assert schedule.any("ended", "live")
    assert not schedule.any("ended", "waiting")


def test_an_event_is_kept_as_it_came(schedule: CaptureSchedule) -> None:
    came = event(note="😀 é\x00", number=12345678901234567890, list=[1, 2.5, None])
    add_event(schedule, CHAT, came, phase="live", due_at=100)

    state = read(schedule)
    assert list(state.events.values()) == [came]
    assert state.due_at == 100


def test_an_event_that_comes_twice_is_kept_once(schedule: CaptureSchedule) -> None:
    add_event(schedule, CHAT, event(), phase="live", due_at=100)
    add_event(schedule, CHAT, event(), phase="live", due_at=100)
    assert len(read(schedule).events) == 1


def test_an_event_never_makes_a_chat_due_later(schedule: CaptureSchedule) -> None:
    add_event(schedule, CHAT, event(), phase="live", due_at=100)
    add_event(schedule, CHAT, event("CONNECTED_TO_AGENT"), phase="live", due_at=200)
    assert read(schedule).due_at == 100
    add_event(schedule, CHAT, event("DISCONNECTED"), phase="ended", due_at=50)
    assert read(schedule).due_at == 50
    assert phases_of(schedule) == {"ended"}


def test_a_chat_that_ends_while_it_is_overdue_is_served_with_the_ended(
    schedule: CaptureSchedule,
) -> None:
    schedule.make_due(CHAT, phase="live", due_at=100)
    add_event(schedule, CHAT, event("DISCONNECTED"), phase="ended", due_at=200, ends=CHAT)
    assert phases_of(schedule) == {"ended"}
    assert read(schedule).due_at == 200


def test_what_a_live_chat_tells_besides_is_kept_without_looking_at_it(
    aws: Aws, table: str, schedule: CaptureSchedule
) -> None:
    schedule.make_due(CHAT, phase="live", due_at=100)
    before = read(schedule)
    add_event(schedule, CHAT, event("QUEUED"), phase="waiting", due_at=900, goes_on_at=50)
    after = read(schedule)
    assert (after.version, after.phase, after.due_at) == (before.version, "live", 100)
    assert len(after.events) == 1
    assert schedule.live() == {CHAT: 100}


def test_an_export_of_a_leg_does_not_end_a_live_chat(schedule: CaptureSchedule) -> None:
    """A transferred chat goes on being read while the first leg's export comes."""
    schedule.make_due(CHAT, phase="live", due_at=100)
    schedule.add_export(CHAT, "leg", "key.json", due_at=400_000)
    state = read(schedule)
    assert (state.phase, state.due_at, state.exported) == ("live", 100, frozenset({"leg"}))
    assert schedule.live() == {CHAT: 100}
    assert list(state.exports.values()) == ["key.json"]


def test_an_export_of_a_chat_that_waits_ends_it(schedule: CaptureSchedule) -> None:
    schedule.make_due(CHAT, phase="waiting", due_at=900_000)
    schedule.add_export(CHAT, CHAT, "key.json", due_at=400_000)
    assert (read(schedule).phase, read(schedule).due_at) == ("ended", 400_000)


def test_a_token_of_a_live_chat_is_a_reason_to_look(schedule: CaptureSchedule) -> None:
    schedule.make_due(CHAT, phase="live", due_at=100)
    schedule.add_token(CHAT, Token("participant", b"sealed"), due_at=300)
    assert schedule.live() == {CHAT: 300}


def test_a_leg_that_begins_when_all_have_ended_is_a_reason_to_look(
    schedule: CaptureSchedule,
) -> None:
    schedule.make_due(CHAT, phase="ended", due_at=300_000)
    add_event(schedule, CHAT, event("QUEUED"), phase="waiting", due_at=900_000)
    assert (read(schedule).phase, read(schedule).due_at) == ("ended", 300_000)
    add_event(schedule, CHAT, event("INITIATED"), phase="waiting", due_at=900_000, goes_on_at=200)
    assert (read(schedule).phase, read(schedule).due_at) == ("ended", 200)


def test_an_event_that_comes_during_a_look_is_neither_lost_nor_delayed(
    schedule: CaptureSchedule,
) -> None:
    add_event(schedule, CHAT, event(), phase="live", due_at=100)
    before = read(schedule)
    add_event(schedule, CHAT, event("DISCONNECTED"), phase="ended", due_at=150)

    assert not finish_attempt(schedule, before, ("live", 10_000))
    state = read(schedule)
    assert [detail["eventType"] for detail in details(state)] == ["DISCONNECTED"]
    assert state.due_at == 150
    assert state.checkpoint.first_seen_at == 7


@pytest.mark.parametrize("due", [None, ("live", 10_000)])
def test_a_look_that_ends_while_an_event_is_written_down_does_not_hide_it(
    aws: Aws, table: str, schedule: CaptureSchedule, due: tuple[Phase, int] | None
) -> None:
    schedule.make_due(CHAT, phase="live", due_at=100)
    state = read(schedule)
    between = Between(aws.client("dynamodb"), lambda: finish_attempt(schedule, state, due))
    add_event(
        CaptureSchedule(between, table),  # type: ignore[arg-type]
        CHAT,
        event("DISCONNECTED"),
        phase="ended",
        due_at=150,
        ends=CHAT,
        unless_ended=True,
    )

    assert read(schedule).due_at == 150
    assert phases_of(schedule) == {"ended"}
    assert len(read(schedule).events) == 1


def test_many_events_at_once_and_looks_between_them_lose_nothing(schedule: CaptureSchedule) -> None:
    """Of chats that end: one that lives is looked at once more, minutes later, before it leaves."""
    seen: set[str] = set()

    def attempt() -> None:
        state = schedule.read(CHAT)
        if state is not None and state.due_at is not None:
            seen.update(detail["number"] for detail in details(state))
            finish_attempt(schedule, state, None)

    numbers = {str(number) for number in range(40)}
    with ThreadPoolExecutor(6) as pool:
        added = [
            pool.submit(add_event, schedule, CHAT, event(number=number), phase="ended", due_at=100)
            for number in numbers
        ]
        looked: list[Future[None]] = [pool.submit(attempt) for _ in range(25)]
    assert all(future.result() for future in added)
    for future in looked:
        future.result()
    while schedule.any("ended"):
        attempt()
    assert seen == numbers
    assert not read(schedule).events


def test_completed_tells_nothing_new_after_disconnected(schedule: CaptureSchedule) -> None:
    def end(kind: str, contact: str) -> bool:
        return add_event(
            schedule,
            CHAT,
            event(kind, contact),
            phase="ended",
            due_at=100,
            ends=contact,
            unless_ended=kind == "COMPLETED",
        )

    assert end("DISCONNECTED", "c1")
    assert not end("COMPLETED", "c1")
    assert end("COMPLETED", "c2")
    assert end("DISCONNECTED", "c2")
    state = read(schedule)
    assert state.ended == {"c1", "c2"}
    kinds = sorted(detail["eventType"] for detail in details(state))
    assert kinds == ["COMPLETED", "DISCONNECTED", "DISCONNECTED"]


def test_an_event_too_large_is_refused_whole(schedule: CaptureSchedule) -> None:
    add_event(schedule, CHAT, event(), phase="live", due_at=100)
    with pytest.raises(ClientError):
        add_event(
            schedule,
            CHAT,
            event(big=Random(1).randbytes(450_000).hex()),
            phase="ended",
            due_at=1,
            ends=CHAT,
        )
    state = read(schedule)
    assert len(state.events) == 1
    assert state.ended == frozenset()
    assert state.due_at == 100


def test_what_is_done_is_taken_off_and_tokens_stay(schedule: CaptureSchedule) -> None:
    token = Token("participant", b"sealed")
    fresh = Token("connection", b"fresh", 5_000)
    add_event(schedule, CHAT, event(), phase="live", due_at=100)
    schedule.add_export(CHAT, "leg", "key.json", due_at=100)
    schedule.add_token(CHAT, token, due_at=100)
    state = read(schedule)

    assert schedule.finish_attempt(
        state,
        checkpoint=Checkpoint(retries=3, announced="r"),
        done=[*state.events, *state.exports],
        tokens=[fresh],
        due=("live", 500),
        failure="why",
    )
    after = read(schedule)
    assert (after.events, after.exports) == ({}, {})
    assert after.exported == {"leg"}
    assert after.tokens == {token.name: token, fresh.name: fresh}
    assert (after.checkpoint, after.failure) == (Checkpoint(retries=3, announced="r"), "why")
    assert after.due_at == 500

    assert schedule.finish_attempt(
        after, checkpoint=Checkpoint(), done=[token.name], due=None, expires_at=9_999
    )
    last = read(schedule)
    assert last.tokens == {fresh.name: fresh}
    assert (last.failure, last.due_at) == (None, None)
    assert phases_of(schedule) == set()


def test_a_finished_chat_expires_unless_something_comes(
    aws: Aws, table: str, schedule: CaptureSchedule
) -> None:
    def expiry() -> Any:
        key = {"chat": {"S": "c1"}, "item": {"S": "due"}}
        item = aws.client("dynamodb").get_item(TableName=table, Key=key)
        return item["Item"].get("expires_at")

    schedule.make_due(CHAT, phase="ended", due_at=100)
    finish_attempt(schedule, read(schedule), None, expires_at=1_700_000_000_999)
    assert expiry() == {"N": "1700000000"}
    schedule.add_export(CHAT, CHAT, "key.json", due_at=200)
    assert expiry() is None
    assert read(schedule).due_at == 200


def test_a_removed_chat_does_not_come_back_by_a_look_that_was_under_way(
    schedule: CaptureSchedule,
) -> None:
    add_event(schedule, CHAT, event(), phase="live", due_at=100)
    state = read(schedule)
    schedule.remove(CHAT)
    assert not finish_attempt(schedule, state, ("live", 500))
    assert schedule.read(CHAT) is None
    schedule.postpone(CHAT, due_at=500)
    assert schedule.read(CHAT) is None


def test_a_chat_can_be_put_off_but_not_one_that_has_nothing_left(schedule: CaptureSchedule) -> None:
    schedule.make_due(CHAT, phase="ended", due_at=100)
    schedule.postpone(CHAT, due_at=500)
    assert schedule.due("ended", 499, most=1) == []
    assert schedule.due("ended", 500, most=1) == [CHAT]
    finish_attempt(schedule, read(schedule), None)
    schedule.postpone(CHAT, due_at=500)
    assert read(schedule).due_at is None


def test_a_leg_hands_over_all_that_it_knows(schedule: CaptureSchedule) -> None:
    ended = event("DISCONNECTED", "leg")
    add_event(schedule, "leg", ended, phase="ended", due_at=100, ends="leg")
    schedule.add_export("leg", "leg", "key.json", due_at=100)
    schedule.move(read(schedule, "leg"), CHAT, due_at=300)

    assert schedule.read("leg") is None
    archive = read(schedule)
    assert list(archive.events.values()) == [ended]
    assert list(archive.exports.values()) == ["key.json"]
    assert archive.ended == archive.exported == {"leg"}
    assert archive.due_at == 300


def test_what_came_during_a_handing_over_is_handed_over_next(schedule: CaptureSchedule) -> None:
    add_event(schedule, "leg", event(), phase="live", due_at=100)
    state = read(schedule, "leg")
    add_event(schedule, "leg", event("DISCONNECTED"), phase="ended", due_at=100)
    schedule.move(state, CHAT, due_at=300)
    assert schedule.due("ended", 100, most=10) == ["leg"]
    schedule.move(read(schedule, "leg"), CHAT, due_at=300)
    assert len(read(schedule).events) == 2
    assert schedule.read("leg") is None


def test_more_than_a_hundred_chats_with_odd_names_are_read_at_once(
    schedule: CaptureSchedule,
) -> None:
    names = [f"ü#{number} 'x\"/:%" for number in range(130)]
    for name in names:
        schedule.make_due(name, phase="waiting", due_at=100)
    found = schedule.read_many([*names, "unknown"])
    assert found.keys() == set(names)
    assert {state.initial_contact_id for state in found.values()} == set(names)
    assert schedule.read_many([]) == {}


def test_a_token_shows_nothing_of_itself() -> None:
    assert "canary" not in repr(Token("participant", b"canary"))
    state = CaptureState("c", 1, tokens={"t": Token("participant", b"canary")})
    assert "canary" not in repr(state)
