"""The live chats that a process has in memory, without a worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chatlake.aws_clients.counters import Counters
from chatlake.capture.agenda import Alone
from chatlake.capture.capture_state import CaptureState, Token
from chatlake.capture.live_chat import LiveChat
from chatlake.capture.live_chats import LiveChats
from chatlake.capture.shard_table import Coverage, Waiting
from chatlake.capture.sockets import SocketEvent
from chatlake.documents.content_policy import ContentPolicy
from chatlake.documents.document import Document
from chatlake.sources.get_transcript import from_response
from tests.clock import HandClock
from tests.sockets import Pool, joined, message, receipt

READ_AT_MS = 1_788_220_800_000


@pytest.fixture
def live() -> LiveChats:
    services = SimpleNamespace(
        counters=Counters(),
        on_read=lambda *_: None,
        on_gone=lambda *_: None,
        store=SimpleNamespace(policy=ContentPolicy.FULL),
    )
    clock = HandClock()
    clock.set(READ_AT_MS)
    return LiveChats(
        cast("Any", services),
        Alone(Coverage()),
        Pool(clock),
        lambda _: None,
        shortest_ms=5_000,
        ends_at=None,
    )


def response(name: str, *items: dict[str, Any]) -> Document:
    """What a read just now brings."""
    value = {"InitialContactId": name, "Transcript": list(items)}
    return from_response(value, read_at=READ_AT_MS, whole=True)


def chat(name: str) -> LiveChat:
    """A chat that was read just now."""
    known = response(name, joined(name))
    tokens = {"token#1": Token("participant", b"sealed")}
    return LiveChat(CaptureState(name, 1, tokens=tokens), known, at=READ_AT_MS)


def drained(live: LiveChats) -> list[str]:
    """Take all short gaps, in their order."""
    return [live.short_gaps.popleft() for _ in range(len(live.short_gaps))]


def test_a_chat_that_is_to_be_opened_waits_for_a_call(live: LiveChats) -> None:
    assert live.waiting() == Waiting()
    live.to_open.extend(["a", "b"])
    assert live.waiting() == Waiting(connections=2)


def test_a_moment_between_a_read_and_the_socket_is_read_after_all_else(live: LiveChats) -> None:
    live.chats = {"soon": chat("soon"), "late": chat("late")}
    live.react(SocketEvent("soon", "opened", READ_AT_MS + 400))
    live.react(SocketEvent("late", "opened", READ_AT_MS + 30_000))
    assert drained(live) == ["soon"]
    assert list(live.gaps) == ["late"]
    assert live.waiting() == Waiting(transcripts=1, short_gaps=1)


@pytest.mark.parametrize("kind", ["rejected", "lost"])
def test_what_was_missed_since_is_read_at_once(live: LiveChats, kind: str) -> None:
    live.chats = {"soon": chat("soon")}
    live.react(SocketEvent("soon", "opened", READ_AT_MS + 400))
    if kind == "lost":
        live.react(SocketEvent("soon", "lost", READ_AT_MS + 900, reason="closed"))
        assert live.listening.short_gap_ms("soon") is None
        live.react(SocketEvent("soon", "opened", READ_AT_MS + 9_000))
    else:
        live.react(SocketEvent("soon", "items", READ_AT_MS + 900, reason="rejected"))
    assert "soon" in live.gaps
    assert live.waiting() == Waiting(transcripts=1)


def test_what_was_missed_is_not_known_by_a_read_that_was_before(live: LiveChats) -> None:
    one = chat("one")
    live.chats = {"one": one}
    live.react(SocketEvent("one", "opened", READ_AT_MS + 400))
    one.reached_at = READ_AT_MS + 500
    live.put_back(one, was_read=True)
    assert live.listening.covers("one")
    live.react(SocketEvent("one", "items", READ_AT_MS + 900, reason="rejected"))
    live.put_back(one, was_read=False)
    assert not live.listening.covers("one")
    one.reached_at = READ_AT_MS + 1_000
    # Whatever it was read for.
    live.put_back(one, was_read=False)
    assert live.listening.covers("one")


def test_a_receipt_of_a_message_that_is_not_known_tells_of_a_gap(live: LiveChats) -> None:
    clock = HandClock()
    live.chats = {"soon": chat("soon"), "known": chat("known")}
    live.chats["known"].hear(response("known", message("known", "m1", clock)))
    for name in live.chats:
        live.react(SocketEvent(name, "opened", READ_AT_MS + 400))
        told = SocketEvent(name, "items", READ_AT_MS + 900, (receipt("m1", clock),))
        live.react(told)
    assert list(live.gaps) == ["soon"]
    assert live.waiting() == Waiting(transcripts=1, short_gaps=1)


def test_once_all_is_known_such_a_receipt_tells_nothing(live: LiveChats) -> None:
    live.chats = {"one": chat("one")}
    live.react(SocketEvent("one", "opened", READ_AT_MS + 400))
    live.listening.cover("one")
    told = SocketEvent("one", "items", READ_AT_MS + 900, (receipt("m1", HandClock()),))
    live.react(told)
    assert list(live.gaps) == []
    assert live.listening.covers("one")


def test_of_short_gaps_those_are_read_first_in_which_a_receipt_may_have_come(
    live: LiveChats,
) -> None:
    clock = HandClock()
    clock.set(READ_AT_MS - 5_000)
    live.chats = {name: chat(name) for name in ("quiet", "waits", "silent")}
    live.chats["waits"].learn([response("waits", message("waits", "m1", clock))])
    for name in live.chats:
        live.react(SocketEvent(name, "opened", READ_AT_MS + 400))
    # Of equals the one that began last: it may end soonest.
    assert drained(live) == ["waits", "silent", "quiet"]


def test_of_short_gaps_the_longest_is_read_first(live: LiveChats) -> None:
    lengths = {"25 ms": 25, "900 ms": 900, "waits 300 ms": 300, "400 ms": 400}
    live.chats = {name: chat(name) for name in lengths}
    said = message("waits 300 ms", "m1", HandClock())
    live.chats["waits 300 ms"].learn([response("waits 300 ms", said)])
    for name, gap_ms in lengths.items():
        live.react(SocketEvent(name, "opened", READ_AT_MS + gap_ms))
    assert drained(live) == ["900 ms", "waits 300 ms", "400 ms", "25 ms"]


def test_a_chat_that_is_put_back_is_worth_what_it_was(live: LiveChats) -> None:
    live.chats = {"long": chat("long"), "short": chat("short")}
    live.react(SocketEvent("long", "opened", READ_AT_MS + 900))
    live.react(SocketEvent("short", "opened", READ_AT_MS + 25))
    live.short_gaps.extend([live.short_gaps.popleft()])
    assert drained(live) == ["long", "short"]
