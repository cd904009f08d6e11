"""When which live chat is read."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlake.capture.rotation import Rotation, Seen

SHORTEST_MS = 5_000
QUIET, ACTIVE = Seen(waiting=0, changed=False), Seen(waiting=2, changed=True)

seens = st.builds(Seen, waiting=st.integers(0, 5), changed=st.booleans())
chats = st.sampled_from("abcdefgh")


def test_a_chat_is_out_until_its_read_is_done() -> None:
    rotation = Rotation(SHORTEST_MS)
    rotation.add("a", 0)
    assert rotation.take(0) == "a"
    assert rotation.take(60_000) is None
    assert rotation.wake_at() is None
    rotation.done("a", 60_000, ACTIVE)
    assert rotation.take(60_000 + SHORTEST_MS - 1) is None
    assert rotation.wake_at() == 60_000 + SHORTEST_MS
    assert rotation.take(60_000 + SHORTEST_MS) == "a"


def test_a_chat_may_be_read_from_the_time_on_that_it_is_given_with() -> None:
    rotation = Rotation(SHORTEST_MS)
    rotation.add("a", 7_000)
    rotation.add("a", 0)
    assert rotation.wake_at() == 7_000
    assert rotation.take(6_999) is None
    assert rotation.take(7_000) == "a"


def test_what_waits_for_a_receipt_comes_before_what_is_quiet() -> None:
    rotation = Rotation(SHORTEST_MS)
    for chat, seen in (("quiet", QUIET), ("waits", Seen(waiting=1, changed=False))):
        rotation.add(chat, 0)
        rotation.take(0)
        rotation.done(chat, 0, seen)
    assert [rotation.take(6_000), rotation.take(6_000)] == ["waits", "quiet"]


def test_a_read_that_failed_leaves_the_weight_as_it_was() -> None:
    rotation = Rotation(SHORTEST_MS)
    for chat, seen in (("quiet", QUIET), ("waits", ACTIVE)):
        rotation.add(chat, 0)
        rotation.take(0)
        rotation.done(chat, 0, seen)
    assert {rotation.take(90_000), rotation.take(90_000)} == {"quiet", "waits"}
    rotation.done("quiet", 90_000, None)
    rotation.done("waits", 90_000, None)
    assert rotation.take(100_000) == "waits"


def test_a_chat_that_is_over_or_removed_while_it_is_out_never_comes_back() -> None:
    rotation = Rotation(SHORTEST_MS)
    for chat in "ab":
        rotation.add(chat, 0)
    first, second = rotation.take(0), rotation.take(0)
    assert first is not None
    assert second is not None
    rotation.done(first, 1, Seen(waiting=3, changed=True, over=True))
    rotation.remove(second)
    rotation.done(second, 1, ACTIVE)
    assert rotation.take(90_000) is None
    assert (len(rotation), first in rotation, second in rotation) == (0, False, False)


def test_a_chat_that_comes_again_after_its_removal_is_read_once_at_a_time() -> None:
    rotation = Rotation(SHORTEST_MS)
    rotation.add("a", 0)
    rotation.remove("a")
    rotation.add("a", 0)
    assert rotation.take(0) == "a"
    assert rotation.take(0) is None


@given(st.lists(st.tuples(st.integers(0, 4_000), seens | st.none()), min_size=1, max_size=80))
def test_no_chat_is_read_more_often_than_the_shortest_interval(
    steps: list[tuple[int, Seen | None]],
) -> None:
    rotation = Rotation(SHORTEST_MS)
    for chat in "abc":
        rotation.add(chat, 0)
    read: dict[str, int] = {}
    at = 0
    for wait_ms, seen in steps:
        at += wait_ms
        wake_at = rotation.wake_at()
        taken = rotation.take(at)
        assert (taken is not None) == (wake_at is not None and wake_at <= at)
        if taken is not None:
            assert at - read.get(taken, -SHORTEST_MS) >= SHORTEST_MS
            read[taken] = at
            rotation.done(taken, at, seen)


@given(st.dictionaries(st.integers(0, 19), seens, min_size=20, max_size=20))
def test_no_chat_starves(found: dict[int, Seen]) -> None:
    """A call a second and twenty chats: each is read at least every thirteen rounds."""
    rotation = Rotation(SHORTEST_MS)
    for number in found:
        rotation.add(str(number), 0)
    read = dict.fromkeys(map(str, found), 0)
    for at in range(0, 1_000_000, 1_000):
        chat = rotation.take(at)
        if chat is None:
            continue
        read[chat] = at
        rotation.done(chat, at, found[int(chat)])
        assert min(read.values()) >= at - 13.2 * 20_000


class _Model:
    """The rotation beside what is known of its chats."""

    def __init__(self) -> None:
        self.rotation = Rotation(SHORTEST_MS)
        self.known: set[str] = set()
        self.out: set[str] = set()
        self.at = 0

    def take(self) -> None:
        self.at += SHORTEST_MS
        chat = self.rotation.take(self.at)
        assert (chat is None) == (self.known == self.out)
        if chat is not None:
            assert chat in self.known - self.out
            self.out.add(chat)

    def step(self, action: str, chat: str, seen: Seen) -> None:
        match action:
            case "add":
                self.rotation.add(chat, self.at)
                self.known.add(chat)
            case "remove":
                self.rotation.remove(chat)
                self.known.discard(chat)
                self.out.discard(chat)
            case "done" if chat in self.out:
                self.rotation.done(chat, self.at, seen)
                self.out.discard(chat)
            case _:
                self.take()
        assert len(self.rotation) == len(self.known)
        assert (chat in self.rotation) == (chat in self.known)


actions = st.tuples(st.sampled_from(["add", "remove", "take", "done"]), chats, seens)


@given(st.lists(actions, max_size=100))
def test_whatever_comes_and_goes_a_chat_is_taken_once_until_it_is_done(
    steps: list[tuple[str, str, Seen]],
) -> None:
    model = _Model()
    for step in steps:
        model.step(*step)


@pytest.mark.parametrize("seen", [QUIET, ACTIVE])
def test_chats_of_one_kind_take_turns(seen: Seen) -> None:
    rotation = Rotation(SHORTEST_MS)
    for number in range(50):
        rotation.add(str(number), 0)
    read = Counter[str]()
    for at in range(0, 500_000, 100):
        chat = rotation.take(at)
        if chat is not None:
            read[chat] += 1
            rotation.done(chat, at, seen)
    assert max(read.values()) - min(read.values()) <= 1
