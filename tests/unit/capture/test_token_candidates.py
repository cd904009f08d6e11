"""Which tokens of a chat are tried, and what is learned of those of chats that ended."""

from __future__ import annotations

import pytest

from chatlake.capture.capture_state import CaptureState, Token
from chatlake.capture.fetch import Fetched
from chatlake.capture.token_candidates import LearnedAfterEnd, candidates
from chatlake.documents.document import Document
from chatlake.sources.get_transcript import from_response
from tests.clock import HandClock
from tests.sockets import end, joined

CHAT = "chat"
READ_AT_MS = 1_788_220_800_000
TOKENS = {"p": Token("participant", b"sealed"), "c": Token("connection", b"sealed")}


@pytest.fixture
def learned() -> LearnedAfterEnd:
    return LearnedAfterEnd()


def document(*items: dict[str, object]) -> Document:
    response = {"InitialContactId": CHAT, "Transcript": list(items)}
    return from_response(response, read_at=READ_AT_MS, whole=True)


LIVE = document(joined(CHAT))
OVER = document(joined(CHAT), end(CHAT, HandClock()))


def tried(
    learned: LearnedAfterEnd,
    known: Document,
    *,
    after_end: bool,
    denied: bool = True,
    done: frozenset[str] = frozenset(),
) -> list[str]:
    """Try all tokens of a chat, each of which is denied, or opens it."""
    fetched = Fetched()
    fetched.done |= done
    names = []
    state = CaptureState(CHAT, 1, tokens=TOKENS)
    for one in candidates(state, fetched, known, learned, after_end=after_end):
        names.append(one.name)
        one.note(opened=not denied)
        if not denied:
            break
        fetched.done.add(one.name)
    return names


def test_a_live_chat_is_read_by_its_connection_first(learned: LearnedAfterEnd) -> None:
    assert tried(learned, LIVE, after_end=False) == ["c", "p"]


def test_a_chat_that_ended_asks_for_a_new_connection_first(learned: LearnedAfterEnd) -> None:
    assert tried(learned, OVER, after_end=True) == ["p", "c"]


def test_where_tokens_die_with_their_chats_one_in_ten_is_tried(learned: LearnedAfterEnd) -> None:
    for _ in range(20):
        assert tried(learned, OVER, after_end=True) == ["p", "c"]
    found = [tried(learned, OVER, after_end=True) for _ in range(20)]
    assert sum("p" in names for names in found) == 2
    assert sum("c" in names for names in found) == 2


def test_where_one_opens_each_is_tried_again(learned: LearnedAfterEnd) -> None:
    for _ in range(25):
        tried(learned, OVER, after_end=True)
    while "p" not in tried(learned, OVER, after_end=True, denied=False):
        pass
    assert all("p" in tried(learned, OVER, after_end=True, denied=False) for _ in range(30))


def test_a_chat_whose_end_was_not_seen_is_asked_for_whatever_was_learned(
    learned: LearnedAfterEnd,
) -> None:
    # The event that a contact has ended may be of a leg: the chat goes on after a transfer.
    for _ in range(30):
        tried(learned, OVER, after_end=True)
    assert all("p" in tried(learned, LIVE, after_end=True) for _ in range(30))


def test_a_chat_whose_end_was_not_seen_teaches_nothing_of_participants(
    learned: LearnedAfterEnd,
) -> None:
    for _ in range(30):
        tried(learned, LIVE, after_end=True)
    assert "p" in tried(learned, OVER, after_end=True)


def test_a_participant_that_an_attempt_before_saw_denied_leaves_the_last_hope(
    learned: LearnedAfterEnd,
) -> None:
    state = CaptureState(CHAT, 1, tokens={"c": TOKENS["c"]})
    [one] = candidates(state, Fetched(), LIVE, learned, after_end=True)
    assert one.is_last_hope
    [one] = candidates(state, Fetched(), LIVE, learned, after_end=False)
    assert not one.is_last_hope
