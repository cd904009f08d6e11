"""Long chats that the service throttles: what a snapshot leaves out, later ones bring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import pytest

from chatlake.capture.pagination import Sweep, scan
from chatlake.capture.participant_client import Page, ParticipantClient, StartPosition
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.documents.document import Document, merge
from chatlake.participant_exceptions import ParticipantThrottled
from chatlake.sources.get_transcript import from_response
from local.participant_service import Fault
from local.participant_service import ParticipantService as Simulator
from local.scripted.chat import Chat
from local.scripted.marathon import marathon
from tests.clock import HandClock, rule_time
from tests.integration.capture.archive import UNLIMITED
from tests.participant import participant_client

START_MS = 1_788_220_800_000
HOUR_S = 3_600
SNAPSHOT_EVERY_S = 12


@dataclass
class Reader:
    """Snapshots of one chat, whose further pages are throttled as long as `throttled` says."""

    chat: Chat
    clock: HandClock
    simulator: Simulator
    client: ParticipantClient
    document: Document
    throttled: float = 0.0
    sweep: Sweep | None = None

    def snapshot(self, token: str, rng: Random) -> None:
        def ask() -> None:
            if rng.random() < self.throttled:
                self.simulator.fail_next("GetTranscript", Fault(status=429))

        def read_page(next_token: str | None) -> Page:
            if next_token is not None:
                ask()
            return self.client.get_transcript(token, next_token=next_token)

        def read_from(item_id: str, next_token: str | None) -> Page:
            ask()
            start: StartPosition = {"Id": item_id}
            return self.client.get_transcript(token, next_token=next_token, start_position=start)

        at = self.clock.now_ms()
        found = scan(
            read_page, self.document, whole=False, at=at, sweep=self.sweep, read_from=read_from
        )
        assert found.error is None or isinstance(found.error, ParticipantThrottled)
        self.sweep = found.sweep
        read = from_response(
            found.response(self.chat.initial_contact_id),
            read_at=at,
            whole=found.whole,
            reached=found.reached,
            observed_at=found.observed_at,
        )
        self.document = merge(self.document, read)

    def missing(self) -> int:
        sent = [i for i in self.chat.items if i.sent_ms <= self.clock.now_ms()]
        return len(sent) - len(self.document.items)


@contextmanager
def reader(clock: HandClock, chat: Chat) -> Iterator[Reader]:
    with Simulator([chat], clock, UNLIMITED) as simulator, participant_client(simulator.url) as api:
        limits = RateLimiter(1000), RateLimiter(1000)
        client = ParticipantClient(api, transcripts=limits[0], connections=limits[1])
        yield Reader(chat, clock, simulator, client, Document(chat.initial_contact_id))


@pytest.mark.parametrize("messages", [250, 770, 2_000])
def test_what_was_throttled_is_there_once_everything_answers(
    messages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    rule_time(clock, monkeypatch)
    chat = marathon(1, messages, START_MS, HOUR_S)
    rng = Random(messages)
    with reader(clock, chat) as reads:
        clock.set(chat.started_ms + 1000)
        token = reads.client.connect(reads.simulator.participant_token(chat.initial_contact_id))
        # Capture comes late, and further pages are throttled for some minutes.
        clock.set(chat.ended_ms - HOUR_S * 1000 // 6)
        reads.throttled = 0.6
        worst = 0
        for _ in range(20):
            reads.snapshot(token.token, rng)
            worst = max(worst, reads.missing())
            clock.advance(SNAPSHOT_EVERY_S)
        assert worst > 20
        reads.throttled = 0.0
        for _ in range(20):
            reads.snapshot(token.token, rng)
            clock.advance(SNAPSHOT_EVERY_S)
        reads.snapshot(token.token, rng)
        assert reads.missing() == 0
