"""Whether tokens outlive their chats is counted, because no page of AWS says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.participant_client import ParticipantClient
from local.chats import scripts
from local.participant_service import Behaviour
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture.archive import archive

CHAT = next(
    chat
    for chat in scripts(seed=7, count=120, start=datetime(2026, 9, 1, tzinfo=UTC), days=2)
    if len(chat.legs) == 1 and not chat.past_chats
)


@pytest.mark.parametrize("outlive", [True, False])
def test_tokens_that_are_tried_after_the_end_are_counted_and_those_that_open(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, *, outlive: bool
) -> None:
    clock = HandClock()
    clock.set(CHAT.started_ms + 1000)
    rule_time(clock, monkeypatch)
    chat = CHAT.initial_contact_id
    with archive(aws, clock, [CHAT], Behaviour(tokens_outlive_chat=outlive)) as opened:
        opened.add_token(chat)
        opened.attempt(chat)
        before_end = opened.services.counters.take()
        clock.set(CHAT.ended_ms + 1000)
        for event in CHAT.contact_events():
            opened.deliver(event)
        opened.attempt(chat)
        counts = opened.services.counters.take()
    assert Metric.TOKENS_TRIED_AFTER_END not in before_end
    tried, opened_after = (
        counts.get(Metric.TOKENS_TRIED_AFTER_END, 0),
        counts.get(Metric.TOKENS_OPENED_AFTER_END, 0),
    )
    # The connection of the first read, and then the customer's token.
    assert (tried, opened_after) == ((1, 1) if outlive else (2, 0))


def test_the_last_token_of_a_chat_that_ended_waits_for_those_that_live(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    clock.set(CHAT.started_ms + 1000)
    rule_time(clock, monkeypatch)
    chat = CHAT.initial_contact_id
    with archive(aws, clock, [CHAT], Behaviour(tokens_outlive_chat=False)) as opened:
        opened.add_token(chat)
        opened.attempt(chat)
        opened.services.counters.take()
        clock.set(CHAT.ended_ms + 1000)
        for event in CHAT.contact_events():
            opened.deliver(event)
        with monkeypatch.context() as busy:
            busy.setattr(ParticipantClient, "is_busy", True)
            opened.attempt(chat)
            # Nor when an attempt before has found that the customer gets no other.
            clock.advance(60 * 60)
            opened.attempt(chat)
        counts = opened.services.counters.take()
        assert Metric.GET_TRANSCRIPT_CALLS not in counts
        # That of the customer, to get another connection, which costs nothing of that rate.
        assert counts[Metric.TOKENS_TRIED_AFTER_END] == 1
        state = opened.schedule.read(chat)
        assert state is not None
        assert [token.kind for token in state.tokens.values()] == ["connection"]
        clock.advance(60 * 60)
        opened.attempt(chat)
        assert opened.services.counters.take()[Metric.GET_TRANSCRIPT_CALLS] == 1
