"""What an older process keeps, and how it lets go of it before it must end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from chatlake.capture.handover import FROM_MS, STEP_MS, UNTIL_MS, Handover
from chatlake.capture.live_chat import LiveChat
from chatlake.capture.shard_table import Coverage, Kept, Waiting
from tests.clock import HandClock, rule_time


@dataclass
class Shard:
    is_newest: bool = False
    has_newer: bool = True
    is_noticed: bool = False
    is_lost: bool = False
    kept: Kept = field(default_factory=Kept)
    coverage: Coverage = field(default_factory=Coverage)
    waiting: Waiting = field(default_factory=Waiting)
    order: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    def serves(self, chat: str) -> bool:
        return chat in self.kept.chats

    def keep(self, kept: Kept) -> None:
        self.kept = kept
        self.is_noticed = True
        self.order.append(("keep", kept.chats))

    def tick(self) -> None:
        pass

    def is_heard_elsewhere(self, chat: str, since: int) -> bool | None:
        return False

    def take_orphans(self) -> set[str]:
        return set()

    def write(self, chats: Iterable[LiveChat]) -> None:
        self.order.append(("write", frozenset(live.chat for live in chats)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(1_788_220_800_000)
    rule_time(clock, monkeypatch)
    return clock


def live(*chats: str) -> dict[str, Any]:
    """Live chats, of which each began after those before it."""
    return {chat: SimpleNamespace(chat=chat, due_at=at) for at, chat in enumerate(chats)}


def test_the_newest_keeps_all(clock: HandClock) -> None:
    shard = Shard(is_newest=True)
    handover = Handover(shard, clock.now_ms() + 1, shard.write)
    assert handover.step(live("a"), {"a"}, {"a"}) == set()
    assert shard.order == []


def test_what_is_not_listened_to_is_written_and_then_the_newest_ones(clock: HandClock) -> None:
    shard = Shard()
    handover = Handover(shard, clock.now_ms() + 600_000, shard.write)
    assert handover.step(live("a", "b", "c"), {"a", "not-ours"}, set()) == {"b", "c"}
    assert shard.order == [("write", frozenset("bc")), ("keep", frozenset("a"))]


def test_one_generation_later_it_keeps_what_it_kept(clock: HandClock) -> None:
    shard = Shard(kept=Kept(frozenset("ab")))
    handover = Handover(shard, clock.now_ms() + 600_000, shard.write)
    # One of them has ended meanwhile, and another was let go.
    handover.passed.add("c")
    assert handover.step(live("a", "c"), {"a", "c"}, {"a", "c"}) == set()
    assert shard.kept == Kept(frozenset("a"), frozenset("c"))


def test_what_is_left_goes_in_small_parts_and_is_heard_on(clock: HandClock) -> None:
    chats = [f"chat-{number:02}" for number in range(30)]
    shard = Shard(is_noticed=True, kept=Kept(frozenset(chats)))
    ends_at = clock.now_ms() + 600_000
    handover = Handover(shard, ends_at, shard.write)
    sizes: list[int] = []
    while clock.now_ms() < ends_at - 60_000:
        assert handover.step(live(*chats), chats, chats) == set()
        if not sizes or sizes[-1] != len(shard.kept.chats):
            sizes.append(len(shard.kept.chats))
            if len(sizes) == 2:
                assert ends_at - clock.now_ms() <= FROM_MS
            if sizes[-1] == 0:
                assert ends_at - clock.now_ms() >= UNTIL_MS - STEP_MS
        clock.advance(1)
    # Equal parts, as many as there are steps.
    steps = (FROM_MS - UNTIL_MS) // STEP_MS
    assert abs(len(sizes) - 1 - steps) <= 2
    assert all(before - after <= -(-30 // steps) for before, after in pairwise(sizes))
    assert handover.passed == shard.kept.passed == set(chats)
    # Each part is written before it is let go.
    assert [what for what, _ in shard.order] == ["write", "keep"] * (len(sizes) - 1)


def test_nothing_is_let_go_where_nobody_takes_it(clock: HandClock) -> None:
    shard = Shard(is_noticed=True, has_newer=False, kept=Kept(frozenset("ab")))
    handover = Handover(shard, clock.now_ms() + UNTIL_MS, shard.write)
    handover.step(live("a", "b"), {"a", "b"}, {"a", "b"})
    assert shard.kept.chats == {"a", "b"}


def test_what_is_not_heard_any_more_is_not_said_to_be(clock: HandClock) -> None:
    shard = Shard(is_noticed=True, kept=Kept(frozenset("ab")))
    handover = Handover(shard, clock.now_ms() + UNTIL_MS, shard.write)
    # Of one of them the socket is being opened again.
    handover.step(live("a", "b"), {"a", "b"}, {"a"})
    assert shard.kept == Kept(frozenset(), frozenset("a"))
    handover.lost("a")
    assert shard.kept == Kept()
    assert handover.passed == {"b"}


def test_the_oldest_chats_go_first(clock: HandClock) -> None:
    chats = [f"chat-{number:02}" for number in range(30)]
    shard = Shard(is_noticed=True, kept=Kept(frozenset(chats)))
    handover = Handover(shard, clock.now_ms() + FROM_MS, shard.write)
    handover.step(live(*reversed(chats)), chats, chats)
    assert min(shard.kept.passed) > max(shard.kept.chats)
