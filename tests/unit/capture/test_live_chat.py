"""What a process knows of a live chat, and whether that is written."""

from __future__ import annotations

import pytest

from chatlake.capture.capture_state import CaptureState, Token
from chatlake.capture.live_chat import LiveChat
from chatlake.documents.document import Document
from chatlake.documents.observation import chat_end, observed_until
from chatlake.sources.get_transcript import from_response
from tests.clock import HandClock, rule_time

BEGAN_MS = 1_788_220_800_000
END = {
    "Id": "end",
    "Type": "EVENT",
    "ContentType": "application/vnd.amazonaws.connect.event.chat.ended",
    "AbsoluteTime": "2026-09-01T00:10:00.123Z",
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(BEGAN_MS)
    rule_time(clock, monkeypatch)
    return clock


def live_chat(known: Document) -> LiveChat:
    tokens = {"token#1": Token("participant", b"sealed")}
    return LiveChat(CaptureState("chat", 1, tokens=tokens), known, at=BEGAN_MS)


def read(*items: dict[str, str]) -> Document:
    response = {"InitialContactId": "chat", "Transcript": list(items)}
    return from_response(response, read_at=BEGAN_MS, whole=True)


def test_the_end_that_was_heard_is_written_though_a_read_has_brought_it(clock: HandClock) -> None:
    live = live_chat(read(END))
    assert live.is_written
    live.observe(BEGAN_MS + 1)
    assert live.is_written
    # Ours is behind Connect's clock: who heard the end was there when it came.
    live.observe(BEGAN_MS + 2, whole=True)
    assert not live.is_written
    end = chat_end(live.known)
    assert end is not None
    assert observed_until(live.known, end) == end
    reads = live.known.participant
    assert reads is not None
    assert reads["whole_read_at"] is not None
    assert reads["whole_read_at"] * 1000 >= end


def test_a_url_is_good_once_and_for_little_more_than_a_minute(clock: HandClock) -> None:
    live = live_chat(Document("chat"))
    assert live.take_url() is None
    live.keep_url("wss://one", clock.now_ms())
    clock.advance(70)
    assert live.take_url() == "wss://one"
    assert live.take_url() is None
    live.keep_url("wss://two", clock.now_ms())
    clock.advance(90)
    assert live.take_url() is None
