"""A pace that is a share of a rate, and stops where there is no share."""

from __future__ import annotations

import pytest

from chatlake.capture.leased_pace import LeasedPace
from chatlake.participant_exceptions import ParticipantPutOff
from tests.clock import HandClock, rule_time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(1_788_220_800_000)
    rule_time(clock, monkeypatch)
    return clock


def calls_in(seconds: float, pace: LeasedPace, clock: HandClock) -> int:
    end = clock.now_ms() + seconds * 1000
    calls = 0
    while clock.now_ms() < end:
        with pace.call():
            calls += 1
    return calls


@pytest.mark.parametrize("share", [1.0, 0.7, 0.15])
def test_it_is_as_fast_as_its_share(clock: HandClock, share: float) -> None:
    pace = LeasedPace(4, lambda: share)
    assert calls_in(100, pace, clock) == pytest.approx(400 * share, abs=5)


def test_it_follows_a_share_that_changes(clock: HandClock) -> None:
    shares = [1.0]
    pace = LeasedPace(4, lambda: shares[0])
    calls_in(10, pace, clock)
    shares[0] = 0.25
    assert calls_in(100, pace, clock) == pytest.approx(100, abs=3)


def test_nobody_calls_while_there_is_none_and_not_for_ever(clock: HandClock) -> None:
    began = clock.now_ms()
    pace = LeasedPace(4, lambda: 1.0 if clock.now_ms() - began > 10_000 else 0.0)
    with pace.call():
        assert clock.now_ms() - began > 10_000
    with pytest.raises(ParticipantPutOff), LeasedPace(4, lambda: 0.0).call():
        pass
