"""Records of contacts of the past: asked at a pace that leaves live chats theirs, and in time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.past_records import (
    COMPLETE_AFTER_MS,
    PROCESSES,
    RECORDS_PER_S,
    PastRecords,
)
from chatlake.capture.rate_limiter import Pace, RateLimiter, Unpaced
from chatlake.documents.document import Document
from chatlake.exceptions import OutOfTime, RecordUnavailable
from tests.clock import HandClock, rule_time

CONTACT = "c1"
KEY = f"connect/ChatTranscripts/2026/08/01/{CONTACT}_20260801T10:00_UTC.json"
LISTED = [{"Location": f"exports/{KEY}", "UnprocessedTranscriptLocation": "exports/before"}]
NOW_MS = 1_800_000_000_000
OLD_MS = NOW_MS - COMPLETE_AFTER_MS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(NOW_MS)
    rule_time(clock, monkeypatch)
    return clock


class Asked:
    """Connect's answers, in turn; the last one again and again."""

    def __init__(self, clock: HandClock, *answers: object) -> None:
        self.at_s: list[float] = []
        self._clock = clock
        self._answers = answers

    def __call__(self, contact: str) -> object:
        assert contact == CONTACT
        answer = self._answers[min(len(self.at_s), len(self._answers) - 1)]
        self.at_s.append(self._clock.time())
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "canary"}}, "DescribeContact")


class Told:
    def __init__(
        self,
        asked: Asked,
        pace: Pace | None = None,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self.warned: list[tuple[str, str, str]] = []
        self.counters = Counters()
        self.records = PastRecords(
            asked,
            pace or Unpaced(),
            may_go_on=may_go_on,
            warn=lambda *said: self.warned.append(said),
            counters=self.counters,
        )

    def __call__(
        self, written_at: int = OLD_MS, known: list[Document] | None = None, **value: Any
    ) -> bool:
        return self.records.is_redacted(
            KEY, {"ContactId": CONTACT, **value}, known or [], written_at
        )


def test_a_copy_from_before_tells_that_an_export_was_redacted(clock: HandClock) -> None:
    assert Told(Asked(clock, LISTED))() is True


def test_a_record_that_lists_it_without_a_copy_tells_that_it_was_not(clock: HandClock) -> None:
    assert Told(Asked(clock, [{"Location": f"exports/{KEY}"}]))(NOW_MS) is False


def test_nobody_is_asked_where_an_event_tells_it_or_no_contact_is_named(clock: HandClock) -> None:
    asked = Asked(clock, AssertionError())
    detail = {"contactId": CONTACT, "recordings": LISTED}
    events = {CONTACT: {"DISCONNECTED": {"time": None, "detail": detail}}}
    told = Told(asked)
    assert told(known=[Document(CONTACT, events=events)]) is True  # type: ignore[arg-type]
    assert told(ContactId=None) is False
    assert asked.at_s == []


def test_a_record_that_does_not_list_an_export_is_believed_when_it_is_old(clock: HandClock) -> None:
    told = Told(Asked(clock, None))
    assert told(OLD_MS) is False
    with pytest.raises(RecordUnavailable, match="does not list the export yet"):
        told(OLD_MS + 1)


def test_a_contact_that_connect_has_forgotten_was_not_redacted(clock: HandClock) -> None:
    told = Told(Asked(clock, refused("ResourceNotFoundException")))
    assert told() is False
    assert told.counters.take() == {Metric.RECORDS_UNAVAILABLE: 1}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (refused("AccessDeniedException"), "AccessDeniedException"),
        (EndpointConnectionError(endpoint_url="https://canary"), "EndpointConnectionError"),
    ],
)
def test_what_connect_does_not_tell_is_asked_again_later(
    clock: HandClock, error: Exception, why: str
) -> None:
    told = Told(Asked(clock, error))
    with pytest.raises(RecordUnavailable, match=why) as raised:
        told()
    assert told.warned == [(Metric.RECORDS_UNAVAILABLE, CONTACT, why)]
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException"])
def test_a_refused_call_waits_and_is_made_again(clock: HandClock, code: str) -> None:
    asked = Asked(clock, refused(code), refused(code), LISTED)
    told = Told(asked)
    assert told() is True
    assert [at_s - asked.at_s[0] for at_s in asked.at_s] == [0, 10, 20]
    assert told.counters.take() == {Metric.RECORDS_UNAVAILABLE: 2}


def test_it_does_not_begin_what_there_is_no_time_for(clock: HandClock) -> None:
    ends_s = clock.time() + 35
    asked = Asked(clock, refused("ThrottlingException"))
    told = Told(asked, may_go_on=lambda: clock.time() < ends_s)
    with pytest.raises(OutOfTime):
        told()
    assert len(asked.at_s) == 4
    with pytest.raises(OutOfTime):
        told()
    assert len(asked.at_s) == 4


def test_who_had_to_wait_for_its_turn_looks_at_the_time_again(clock: HandClock) -> None:
    ends_s = clock.time() + 1
    asked = Asked(clock, LISTED)
    told = Told(asked, RateLimiter(RECORDS_PER_S), lambda: clock.time() < ends_s)
    with pytest.raises(OutOfTime):
        told()
    assert asked.at_s == []


def test_all_threads_of_an_execution_keep_one_pace(clock: HandClock) -> None:
    asked = Asked(clock, *[LISTED] * 20, refused("ThrottlingException"), LISTED)
    told = Told(asked, RateLimiter(RECORDS_PER_S))
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: told(), range(100)))
    gaps = [after - before for before, after in zip(asked.at_s, asked.at_s[1:], strict=False)]
    assert len(asked.at_s) == 101
    # The first one, too, for nobody knows when an execution before this one has called.
    assert asked.at_s[0] >= NOW_MS / 1000 + 1 / RECORDS_PER_S
    assert min(gaps) >= 1 / RECORDS_PER_S
    # After the refusal nobody calls for a while.
    assert gaps[20] >= 10
    # A batch of a hundred is done well within five minutes.
    assert asked.at_s[-1] - NOW_MS / 1000 < 220


def test_live_chats_have_half_of_the_quota_at_least() -> None:
    assert PROCESSES * RECORDS_PER_S <= 2 / 2
