"""The agenda on DynamoDB: what is due and when, whatever comes between two looks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.capture.capture_state import Memory, Token, Watch
from chatlake.capture.schedule import PHASES, Agenda, Phase
from tests.aws import Aws

CHAT = "c1"
FAR = 10**15


def event(kind: str = "INITIATED", contact: str = CHAT, **members: Any) -> dict[str, Any]:
    detail = {"eventType": kind, "contactId": contact, "channel": "CHAT", **members}
    return {"detail-type": "Amazon Connect Contact Event", "detail": detail}


def read(agenda: Agenda, chat: str = CHAT) -> Watch:
    watch = agenda.read(chat)
    assert watch is not None
    return watch


def settle(agenda: Agenda, watch: Watch, due: tuple[Phase, int] | None, **options: Any) -> bool:
    return agenda.settle(
        watch, memory=Memory(first_seen_at=7), done=watch.events, due=due, **options
    )


def phases_of(agenda: Agenda, chat: str = CHAT, at: int = FAR) -> set[Phase]:
    return {phase for phase in PHASES if chat in agenda.due(phase, at, most=100)}


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


def test_the_longest_due_comes_first_and_nothing_before_its_time(agenda: Agenda) -> None:
    for chat, due_at in (("late", 300), ("early", 100), ("between", 200), ("later", 301)):
        agenda.make_due(chat, phase="live", due_at=due_at)

    assert agenda.due("live", 300, most=10) == ["early", "between", "late"]
    assert agenda.due("live", 300, most=2) == ["early", "between"]
    assert agenda.due("ended", FAR, most=10) == []
    assert agenda.count("live") == 4
    assert agenda.count("live", due_by=200) == 2
    assert agenda.any("ended", "live")
    assert not agenda.any("ended", "waiting")


def test_an_event_is_kept_as_it_came(agenda: Agenda) -> None:
    came = event(note="😀 é\x00", number=12345678901234567890, list=[1, 2.5, None])
    agenda.add_event(CHAT, came, phase="live", due_at=100)

    watch = read(agenda)
    assert list(watch.events.values()) == [came]
    assert watch.due_at == 100


def test_an_event_that_comes_twice_is_kept_once(agenda: Agenda) -> None:
    agenda.add_event(CHAT, event(), phase="live", due_at=100)
    agenda.add_event(CHAT, event(), phase="live", due_at=100)
    assert len(read(agenda).events) == 1


def test_an_event_never_makes_a_chat_due_later(agenda: Agenda) -> None:
    agenda.add_event(CHAT, event(), phase="live", due_at=100)
    agenda.add_event(CHAT, event("CONNECTED_TO_AGENT"), phase="live", due_at=200)
    assert read(agenda).due_at == 100
    agenda.add_event(CHAT, event("DISCONNECTED"), phase="ended", due_at=50)
    assert read(agenda).due_at == 50
    assert phases_of(agenda) == {"ended"}


def test_a_chat_that_ends_while_it_is_overdue_is_served_with_the_ended(agenda: Agenda) -> None:
    agenda.make_due(CHAT, phase="live", due_at=100)
    agenda.add_event(CHAT, event("DISCONNECTED"), phase="ended", due_at=200, ends=CHAT)
    assert phases_of(agenda) == {"ended"}
    assert read(agenda).due_at == 100


def test_an_event_that_comes_during_a_look_is_neither_lost_nor_delayed(agenda: Agenda) -> None:
    agenda.add_event(CHAT, event(), phase="live", due_at=100)
    before = read(agenda)
    agenda.add_event(CHAT, event("DISCONNECTED"), phase="ended", due_at=150)

    assert not settle(agenda, before, ("live", 10_000))
    watch = read(agenda)
    assert [e["detail"]["eventType"] for e in watch.events.values()] == ["DISCONNECTED"]
    assert watch.due_at == 100
    assert watch.memory.first_seen_at == 7


@pytest.mark.parametrize("due", [None, ("live", 10_000)])
def test_a_look_that_ends_while_an_event_is_written_down_does_not_hide_it(
    aws: Aws, table: str, agenda: Agenda, due: tuple[Phase, int] | None
) -> None:
    agenda.make_due(CHAT, phase="live", due_at=100)
    watch = read(agenda)
    between = Between(aws.client("dynamodb"), lambda: settle(agenda, watch, due))
    Agenda(between, table).add_event(  # type: ignore[arg-type]
        CHAT, event("DISCONNECTED"), phase="ended", due_at=150, ends=CHAT, unless_ended=True
    )

    assert read(agenda).due_at == 150
    assert phases_of(agenda) == {"ended"}
    assert len(read(agenda).events) == 1


def test_many_events_at_once_and_looks_between_them_lose_nothing(agenda: Agenda) -> None:
    seen: set[str] = set()

    def look() -> None:
        watch = agenda.read(CHAT)
        if watch is not None and watch.due_at is not None:
            seen.update(e["detail"]["number"] for e in watch.events.values())
            settle(agenda, watch, None)

    numbers = {str(number) for number in range(40)}
    with ThreadPoolExecutor(6) as pool:
        added = [
            pool.submit(agenda.add_event, CHAT, event(number=number), phase="live", due_at=100)
            for number in numbers
        ]
        looked: list[Future[None]] = [pool.submit(look) for _ in range(25)]
    assert all(future.result() for future in added)
    for future in looked:
        future.result()
    while agenda.any("live"):
        look()
    assert seen == numbers
    assert not read(agenda).events


def test_completed_tells_nothing_new_after_disconnected(agenda: Agenda) -> None:
    def end(kind: str, contact: str) -> bool:
        return agenda.add_event(
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
    watch = read(agenda)
    assert watch.ended == {"c1", "c2"}
    kinds = sorted(e["detail"]["eventType"] for e in watch.events.values())
    assert kinds == ["COMPLETED", "DISCONNECTED", "DISCONNECTED"]


def test_an_event_too_large_is_refused_whole(agenda: Agenda) -> None:
    agenda.add_event(CHAT, event(), phase="live", due_at=100)
    with pytest.raises(ClientError):
        agenda.add_event(CHAT, event(big="x" * 450_000), phase="ended", due_at=1, ends=CHAT)
    watch = read(agenda)
    assert len(watch.events) == 1
    assert watch.ended == frozenset()
    assert watch.due_at == 100


def test_what_is_done_is_taken_off_and_tokens_stay(agenda: Agenda) -> None:
    token = Token("participant", b"sealed")
    fresh = Token("connection", b"fresh", 5_000)
    agenda.add_event(CHAT, event(), phase="live", due_at=100)
    agenda.add_export(CHAT, "leg", "key.json", due_at=100)
    agenda.add_token(CHAT, token, due_at=100)
    watch = read(agenda)

    assert agenda.settle(
        watch,
        memory=Memory(retries=3, announced="r"),
        done=[*watch.events, *watch.exports],
        tokens=[fresh],
        due=("live", 500),
        failure="why",
    )
    after = read(agenda)
    assert (after.events, after.exports) == ({}, {})
    assert after.exported == {"leg"}
    assert after.tokens == {token.name: token, fresh.name: fresh}
    assert (after.memory, after.failure) == (Memory(retries=3, announced="r"), "why")
    assert after.due_at == 500

    assert agenda.settle(after, memory=Memory(), done=[token.name], due=None, expires_at=9_999)
    last = read(agenda)
    assert last.tokens == {fresh.name: fresh}
    assert (last.failure, last.due_at) == (None, None)
    assert phases_of(agenda) == set()


def test_a_finished_chat_expires_unless_something_comes(
    aws: Aws, table: str, agenda: Agenda
) -> None:
    def expiry() -> Any:
        item = aws.client("dynamodb").get_item(TableName=table, Key={"key": {"S": "watch#c1"}})
        return item["Item"].get("expires_at")

    agenda.make_due(CHAT, phase="ended", due_at=100)
    settle(agenda, read(agenda), None, expires_at=1_700_000_000_999)
    assert expiry() == {"N": "1700000000"}
    agenda.add_export(CHAT, CHAT, "key.json", due_at=200)
    assert expiry() is None
    assert read(agenda).due_at == 200


def test_a_removed_chat_does_not_come_back_by_a_look_that_was_under_way(agenda: Agenda) -> None:
    agenda.add_event(CHAT, event(), phase="live", due_at=100)
    watch = read(agenda)
    agenda.remove(CHAT)
    assert not settle(agenda, watch, ("live", 500))
    assert agenda.read(CHAT) is None
    agenda.put_off(CHAT, due_at=500)
    assert agenda.read(CHAT) is None


def test_a_chat_can_be_put_off_but_not_one_that_has_nothing_left(agenda: Agenda) -> None:
    agenda.make_due(CHAT, phase="ended", due_at=100)
    agenda.put_off(CHAT, due_at=500)
    assert agenda.due("ended", 499, most=1) == []
    assert agenda.due("ended", 500, most=1) == [CHAT]
    settle(agenda, read(agenda), None)
    agenda.put_off(CHAT, due_at=500)
    assert read(agenda).due_at is None


def test_a_leg_hands_over_all_that_it_knows(agenda: Agenda) -> None:
    ended = event("DISCONNECTED", "leg")
    agenda.add_event("leg", ended, phase="ended", due_at=100, ends="leg")
    agenda.add_export("leg", "leg", "key.json", due_at=100)
    agenda.move(read(agenda, "leg"), CHAT, due_at=300)

    assert agenda.read("leg") is None
    home = read(agenda)
    assert list(home.events.values()) == [ended]
    assert list(home.exports.values()) == ["key.json"]
    assert home.ended == home.exported == {"leg"}
    assert home.due_at == 300


def test_what_came_during_a_handing_over_is_handed_over_next(agenda: Agenda) -> None:
    agenda.add_event("leg", event(), phase="live", due_at=100)
    watch = read(agenda, "leg")
    agenda.add_event("leg", event("DISCONNECTED"), phase="ended", due_at=100)
    agenda.move(watch, CHAT, due_at=300)
    assert agenda.due("ended", 100, most=10) == ["leg"]
    agenda.move(read(agenda, "leg"), CHAT, due_at=300)
    assert len(read(agenda).events) == 2
    assert agenda.read("leg") is None


def test_more_than_a_hundred_chats_with_odd_names_are_read_at_once(agenda: Agenda) -> None:
    names = [f"ü#{number} 'x\"/:%" for number in range(130)]
    for name in names:
        agenda.make_due(name, phase="waiting", due_at=100)
    found = agenda.read_many([*names, "unknown"])
    assert found.keys() == set(names)
    assert {watch.initial_contact_id for watch in found.values()} == set(names)
    assert agenda.read_many([]) == {}


def test_a_token_shows_nothing_of_itself() -> None:
    assert "canary" not in repr(Token("participant", b"canary"))
    watch = Watch("c", 1, tokens={"t": Token("participant", b"canary")})
    assert "canary" not in repr(watch)
