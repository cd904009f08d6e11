"""The state of chats: DynamoDB and SQLite keep one contract."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatlake.chat_state import NO_DOCUMENT, REWRITE, AttemptRecord, add_tombstones
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.chat_state.leg_cache import LegCache, with_leg_cache
from chatlake.chat_state.sqlite import SqliteChatState
from tests.aws import Aws

if TYPE_CHECKING:
    from chatlake.chat_state import ChatState

ODD = ("a b", "ü/ß", "x#y", "leg#c1", "'\"", "\\", "%25", "😀", "nul\x00nul", "A", "a")


@pytest.fixture(params=["dynamodb", "sqlite"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChatState]:
    if request.param == "sqlite":
        sqlite = SqliteChatState(tmp_path / "chats.db")
        yield sqlite
        sqlite.close()
    else:
        aws: Aws = request.getfixturevalue("aws")
        yield DynamoDBChatState(aws.client("dynamodb"), aws.table())


def test_a_leg_is_known_by_its_chat_and_the_chat_by_its_legs(state: ChatState) -> None:
    state.legs.add({"c1": "c1", "c2": "c1", "d1": "d1"}, provisional=False)
    assert state.legs.initial_contacts(["c2", "d1", "unknown"]) == {"c2": "c1", "d1": "d1"}
    assert state.legs.of_chat("c1") == {"c1", "c2"}
    assert state.legs.of_chat("unknown") == set()


def test_a_provisional_word_gives_way_to_any_other(state: ChatState) -> None:
    state.legs.add({"c2": "a"}, provisional=True)
    assert state.legs.initial_contacts(["c2"]) == {"c2": "a"}
    assert state.legs.initial_contacts(["c2"], confirmed=True) == {}
    state.legs.add({"c2": "z"}, provisional=False)
    state.legs.add({"c2": "a"}, provisional=True)
    assert state.legs.initial_contacts(["c2"], confirmed=True) == {"c2": "z"}
    assert state.legs.of_chat("z") == {"c2"}
    assert state.legs.of_chat("a") == set()


@pytest.mark.parametrize("provisional", [True, False])
@pytest.mark.parametrize("order", [("b", "a"), ("a", "b")])
def test_of_several_words_the_smallest_counts(
    state: ChatState, order: tuple[str, str], provisional: bool
) -> None:
    for chat in order:
        state.legs.add({"c2": chat}, provisional=provisional)
    assert state.legs.initial_contacts(["c2"]) == {"c2": "a"}
    assert state.legs.of_chat("a") == {"c2"}
    assert state.legs.of_chat("b") == set()


def test_more_than_a_hundred_are_asked_for_at_once(state: ChatState) -> None:
    legs = {f"leg-{number}": f"chat-{number % 7}" for number in range(260)}
    state.legs.add(legs, provisional=False)
    assert state.legs.initial_contacts(legs) == legs
    days = {f"chat-{number}": {number, None} for number in range(130)}
    assert state.publish_attempts.record(days) == dict.fromkeys(days, 1)
    found = state.publish_attempts.read([*days, "unknown"])
    assert {chat: attempts.days for chat, attempts in found.items()} == days


def test_names_of_any_kind_are_kept_apart(state: ChatState) -> None:
    legs = {name: f"{name}-chat" for name in ODD}
    state.legs.add(legs, provisional=False)
    assert state.legs.initial_contacts(ODD) == legs
    state.publish_attempts.record({name: [1] for name in ODD})
    assert state.publish_attempts.read(ODD).keys() == set(ODD)
    add_tombstones(state, "ü/ß")
    assert state.tombstones.erased(ODD) == {"ü/ß"}


def test_nothing_is_known_of_nothing(state: ChatState) -> None:
    assert state.legs.initial_contacts([]) == {}
    assert state.publish_attempts.read([]) == {}
    assert state.tombstones.erased([]) == set()
    assert state.publish_attempts.record({}) == {}
    state.legs.add({}, provisional=False)
    assert state.publish_attempts.mark_published({}, {}) == set()


def test_attempts_are_counted_and_their_days_added_up(state: ChatState) -> None:
    assert state.publish_attempts.record({"c1": [3, None]}) == {"c1": 1}
    assert state.publish_attempts.record({"c1": [-1, 3], "c2": []}) == {"c1": 2, "c2": 1}
    assert state.publish_attempts.read(["c1", "c2"]) == {
        "c1": AttemptRecord(2, frozenset({3, -1, None})),
        "c2": AttemptRecord(1),
    }


def test_only_the_last_attempt_may_say_what_was_published(state: ChatState) -> None:
    first = state.publish_attempts.record({"c1": [1]})
    assert state.publish_attempts.mark_published({"c1": "r1"}, first) == {"c1"}
    assert state.publish_attempts.read(["c1"])["c1"].published_revision == "r1"

    second = state.publish_attempts.record({"c1": [2]})
    assert state.publish_attempts.read(["c1"])["c1"].published_revision is None
    assert state.publish_attempts.mark_published({"c1": "r1"}, first) == set()
    assert state.publish_attempts.read(["c1"])["c1"].published_revision is None
    assert state.publish_attempts.mark_published({"c1": "r2"}, second) == {"c1"}
    assert state.publish_attempts.read(["c1"])["c1"].published_revision == "r2"


def test_a_chat_that_nobody_tried_to_publish_cannot_be_published(state: ChatState) -> None:
    assert state.publish_attempts.mark_published({"c1": "r1"}, {"c1": 0}) == set()
    assert state.publish_attempts.read(["c1"]).get("c1", AttemptRecord()).published_revision is None


def test_a_buried_chat_is_erased_with_its_legs_for_good(state: ChatState) -> None:
    state.legs.add({"c1": "c1", "c2": "c1"}, provisional=False)
    add_tombstones(state, "c1")
    add_tombstones(state, "c1")
    assert state.tombstones.erased(["c1", "c2", "c3"]) == {"c1", "c2"}
    assert state.forget("c1")
    assert state.tombstones.erased(["c1", "c2", "c3"]) == {"c1", "c2"}
    assert state.legs.initial_contacts(["c1", "c2"]) == {}
    assert state.legs.of_chat("c1") == set()


def test_a_chat_that_may_have_rows_is_not_forgotten(state: ChatState) -> None:
    state.legs.add({"c1": "c1"}, provisional=False)
    state.publish_attempts.mark_published({"c1": "r1"}, state.publish_attempts.record({"c1": [1]}))
    assert not state.forget("c1")
    assert state.legs.initial_contacts(["c1"]) == {"c1": "c1"}
    assert state.publish_attempts.read(["c1"])["c1"].days == {1}

    counts = state.publish_attempts.record({"c1": []})
    assert not state.forget("c1")
    state.publish_attempts.mark_published({"c1": NO_DOCUMENT}, counts)
    assert state.forget("c1")
    assert state.publish_attempts.read(["c1"]) == {}
    assert state.tombstones.erased(["c1"]) == {"c1"}


def test_forgetting_a_chat_leaves_a_leg_that_turned_out_to_be_anothers(state: ChatState) -> None:
    state.legs.add({"c1": "c1", "x": "c1"}, provisional=True)
    state.legs.add({"x": "other"}, provisional=False)
    assert state.forget("c1")
    assert state.legs.initial_contacts(["x"]) == {"x": "other"}
    assert state.tombstones.erased(["x"]) == set()


def test_no_attempt_of_several_publishers_is_lost(aws: Aws) -> None:
    name = aws.table()

    def publisher(number: int) -> list[int]:
        state = DynamoDBChatState(aws.client("dynamodb"), name)
        return [state.publish_attempts.record({"c1": [number, turn]})["c1"] for turn in range(10)]

    with ThreadPoolExecutor(4) as pool:
        counts = [count for counts in pool.map(publisher, range(100, 104)) for count in counts]
    assert sorted(counts) == list(range(1, 41))
    attempts = DynamoDBChatState(aws.client("dynamodb"), name).publish_attempts.read(["c1"])["c1"]
    assert attempts == AttemptRecord(40, frozenset({*range(10), *range(100, 104)}))


def test_of_words_that_come_at_once_the_smallest_counts(aws: Aws) -> None:
    name = aws.table()
    chats = [f"chat-{number}" for number in range(8)]

    def tell(chat: str) -> None:
        state = DynamoDBChatState(aws.client("dynamodb"), name)
        state.legs.add({f"leg-{number}": chat for number in range(6)}, provisional=False)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, reversed(chats)))
    state = DynamoDBChatState(aws.client("dynamodb"), name)
    legs = {f"leg-{number}" for number in range(6)}
    assert state.legs.initial_contacts(legs) == dict.fromkeys(legs, "chat-0")
    assert state.legs.of_chat("chat-0") == legs
    assert not any(state.legs.of_chat(chat) for chat in chats[1:])


def test_an_erased_chat_leaves_its_name_nowhere(aws: Aws) -> None:
    name = aws.table()
    state = DynamoDBChatState(aws.client("dynamodb"), name)
    state.legs.add({"secret-1": "secret-1", "secret-2": "secret-1"}, provisional=False)
    assert state.forget("secret-1")
    assert "secret" not in str(aws.client("dynamodb").scan(TableName=name)["Items"])
    assert state.tombstones.erased(["secret-2"]) == {"secret-2"}


def test_a_remembered_leg_is_what_counts_whoever_said_it(state: ChatState) -> None:
    state.legs.add({"x": "a"}, provisional=False)
    cache = LegCache(state.legs)
    cache.add({"x": "z", "y": "z"}, provisional=False)
    assert cache.initial_contacts(["x", "y"]) == {"x": "a", "y": "z"}


def test_only_what_is_sure_is_remembered(state: ChatState) -> None:
    cache = LegCache(state.legs)
    cache.add({"x": "x", "y": "y"}, provisional=True)
    assert cache.initial_contacts(["x", "y"]) == {"x": "x", "y": "y"}
    assert cache.initial_contacts(["x"], confirmed=True) == {}
    state.legs.add({"x": "home"}, provisional=False)
    assert cache.initial_contacts(["x"]) == {"x": "home"}
    cache.add({"x": "x"}, provisional=True)
    cache.add({"x": "a home"}, provisional=False)
    assert cache.initial_contacts(["x"], confirmed=True) == {"x": "a home"}


def test_what_does_not_change_is_asked_for_once(state: ChatState) -> None:
    state.legs.add({"x": "home"}, provisional=False)
    cache = LegCache(state.legs)
    cache.initial_contacts(["x"])
    assert state.forget("home")
    assert cache.initial_contacts(["x"]) == {"x": "home"}
    assert state.tombstones.erased(["home", "x"]) == {"home", "x"}
    assert cache.of_chat("home") == set()


def test_the_rest_is_the_states_own(state: ChatState) -> None:
    cached = with_leg_cache(state)
    counts = cached.publish_attempts.record({"c1": [1]})
    cached.publish_attempts.mark_published({"c1": NO_DOCUMENT}, counts)
    record = AttemptRecord(1, frozenset({1}), NO_DOCUMENT)
    assert cached.publish_attempts.read(["c1"]) == {"c1": record}
    add_tombstones(cached, "c1")
    assert cached.tombstones.erased(["c1"]) == state.tombstones.erased(["c1"]) == {"c1"}
    assert cached.forget("c1")
    assert state.publish_attempts.read(["c1"]) == {}


def test_what_was_published_is_forgotten_but_not_where_rows_can_be(state: ChatState) -> None:
    counts = state.publish_attempts.record({"c1": [1, None], "c2": [2]})
    state.publish_attempts.mark_published({"c1": "r1", "c2": "r2"}, counts)
    state.publish_attempts.forget_published(["c1", "unknown"])
    assert state.publish_attempts.read(["c1", "c2", "unknown"]) == {
        "c1": AttemptRecord(1, frozenset({1, None}), REWRITE),
        "c2": AttemptRecord(1, frozenset({2}), "r2"),
    }


def test_an_attempt_under_way_does_not_publish_what_was_forgotten_meanwhile(
    state: ChatState,
) -> None:
    counts = state.publish_attempts.record({"c1": [1]})
    state.publish_attempts.forget_published(["c1"])
    assert state.publish_attempts.mark_published({"c1": "r1"}, counts) == set()
    assert state.publish_attempts.read(["c1"]) == {"c1": AttemptRecord(1, frozenset({1}), REWRITE)}
    counts = state.publish_attempts.record({"c1": [1]})
    assert state.publish_attempts.mark_published({"c1": "r2"}, counts) == {"c1"}
