"""The client of the Participant Service, against the simulated one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from chatlake.capture.participant_client import ParticipantClient
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.participant_exceptions import (
    ParticipantDenied,
    ParticipantError,
    ParticipantRejected,
    ParticipantThrottled,
    ParticipantUnavailable,
)
from local.chats import scripts
from local.participant_service import Behaviour, Fault
from local.participant_service import ParticipantService as Simulator
from tests.clock import HandClock, rule_time
from tests.loopback import Handler, served
from tests.participant import participant_client

CHATS = list(scripts(seed=7, count=60, start=datetime(2026, 9, 1, tzinfo=UTC), days=2))
CHAT = max((c for c in CHATS if not c.past_chats), key=lambda chat: len(chat.own_items))
TOKEN = "canary-token-5e1f"


@contextmanager
def client_of(url: str) -> Iterator[ParticipantClient]:
    with participant_client(url) as client:
        yield ParticipantClient(
            client, transcripts=RateLimiter(1000), connections=RateLimiter(1000)
        )


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    clock = HandClock()
    clock.set(CHAT.ended_ms - 5_000)
    rule_time(clock, monkeypatch)
    behaviour = Behaviour(get_transcript_burst=10_000, create_connection_burst=10_000)
    with Simulator(CHATS, clock, behaviour) as simulator:
        yield simulator


@pytest.fixture
def service(simulator: Simulator) -> Iterator[ParticipantClient]:
    with client_of(simulator.url) as service:
        yield service


@pytest.fixture
def token(simulator: Simulator, service: ParticipantClient) -> str:
    connection = service.connect(simulator.participant_token(CHAT.initial_contact_id))
    assert connection.expires_at is not None
    assert connection.expires_at > CHAT.ended_ms
    assert connection.token not in repr(connection)
    return connection.token


def sent() -> list[str]:
    at = datetime.fromtimestamp((CHAT.ended_ms - 5_000) / 1000, UTC)
    return [item["Id"] for item in CHAT.transcript(at)]


def test_pages_go_back_in_time_until_there_are_no_more(
    service: ParticipantClient, token: str
) -> None:
    pages = [service.get_transcript(token, max_results=5)]
    while pages[-1].next_token is not None:
        pages.append(service.get_transcript(token, max_results=5, next_token=pages[-1].next_token))
    assert [item["Id"] for page in reversed(pages) for item in page.items] == sent()
    assert len(pages) > 1


def test_every_parameter_reaches_the_service(service: ParticipantClient, token: str) -> None:
    ids = sent()

    def read(**parameters: Any) -> list[str]:
        return [item["Id"] for item in service.get_transcript(token, **parameters).items]

    assert read() == ids[-100:]
    assert read(max_results=3, sort_order="DESCENDING") == ids[:-4:-1]
    assert len(read(max_results=None)) == min(10, len(ids))
    assert read(start_position={"Id": ids[0]}, scan_direction="FORWARD", max_results=2) == ids[:2]
    assert read(start_position={"MostRecent": 2}, scan_direction="FORWARD") == ids[-2:]
    assert read(scan_direction="FORWARD") == []
    assert read(contact_id="not-of-this-chat") == []
    assert read(contact_id=CHAT.initial_contact_id, sort_order=None)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=403), ParticipantDenied),
        (Fault(status=429), ParticipantThrottled),
        (Fault(status=500), ParticipantUnavailable),
        (Fault(status=503), ParticipantUnavailable),
        (Fault(status=400), ParticipantRejected),
        (Fault(cut=True), ParticipantUnavailable),
    ],
)
def test_what_the_service_refuses_has_a_kind_and_is_not_repeated(
    simulator: Simulator, service: ParticipantClient, token: str, fault: Fault, kind: type
) -> None:
    before = len(simulator.calls)
    simulator.fail_next("GetTranscript", fault)
    with pytest.raises(ParticipantError) as failed:
        service.get_transcript(token)
    assert type(failed.value) is kind
    simulator.fail_next("CreateParticipantConnection", fault)
    secret = simulator.participant_token(CHAT.initial_contact_id)
    with pytest.raises(ParticipantError) as failed:
        service.connect(secret)
    assert type(failed.value) is kind
    assert len(simulator.calls) == before + 2
    assert service.get_transcript(token).items


def test_an_unknown_token_is_denied(service: ParticipantClient) -> None:
    for ask in (service.get_transcript, service.connect):
        with pytest.raises(ParticipantDenied):
            ask(TOKEN)


def test_no_error_and_no_log_line_holds_a_token(
    simulator: Simulator, service: ParticipantClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wrong: list[Any] = [TOKEN, "", TOKEN * 100, 5, TOKEN + "\n", None]
    errors: list[ParticipantError] = []
    for secret in wrong:
        for ask in (service.get_transcript, service.connect):
            with pytest.raises(ParticipantError) as failed:
                ask(secret)
            errors.append(failed.value)
    with client_of("http://127.0.0.1:9") as nobody, pytest.raises(ParticipantError) as failed:
        nobody.get_transcript(TOKEN)
    assert type(failed.value) is ParticipantUnavailable
    for error in (*errors, failed.value):
        assert "canary" not in f"{error} {error!r} {error.args}"
        assert error.__context__ is None
        assert error.__cause__ is None
    assert "canary" not in caplog.text


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    class Connect(Handler):
        def take(self) -> None:
            self.body()
            self.answer(body)

    with served(Connect) as url:
        yield url


def test_members_that_boto3_does_not_know_are_kept() -> None:
    body = b'{"Transcript": [{"Id": "1", "Chunk": {"N": 1}}, 5], "NextToken": "", "New": [1]}'
    with answering(body) as url, client_of(url) as service:
        page = service.get_transcript(TOKEN)
    assert page.response["New"] == [1]
    assert page.items == [{"Id": "1", "Chunk": {"N": 1}}]
    assert page.next_token is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"Transcript": 1}', b"<html>"])
def test_an_answer_that_is_none_is_no_empty_transcript(body: bytes) -> None:
    with answering(body) as url, client_of(url) as service:
        with pytest.raises(ParticipantUnavailable):
            service.get_transcript(TOKEN)
        with pytest.raises(ParticipantUnavailable):
            service.connect(TOKEN)


def test_many_threads_keep_the_pace_together(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = HandClock()
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            clock.advance(seconds)

    rule_time(clock, monkeypatch)
    monkeypatch.setattr("time.sleep", sleep)
    pace = RateLimiter(4)
    begun: list[float] = []

    def call(number: int) -> None:
        with pace.call():
            begun.append(clock.time())
            sleep((number * 37 % 11) / 20)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(call, range(60)))
    begun.sort()
    assert begun[0] >= 1
    for first, fifth in zip(begun, begun[4:], strict=False):
        assert fifth - first >= 1 - 1e-9


@pytest.mark.parametrize("rate", [0.25, 0.5, 1, 3.5, 8])
def test_a_pace_is_kept_however_long_calls_take(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    rule_time(clock, monkeypatch)
    pace = RateLimiter(rate)
    begun = []
    for number in range(30):
        with pace.call():
            begun.append(clock.time())
            clock.advance((number % 3) * 0.01)
    places = max(1, int(rate))
    period_s = places / rate
    for first, later in zip(begun, begun[places:], strict=False):
        assert later - first >= period_s - 1e-6
    assert begun[-1] <= 2 * period_s + 30 / rate + 1


def test_a_clock_that_is_set_back_makes_nobody_wait_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = HandClock()
    clock.set(10_000_000)
    rule_time(clock, monkeypatch)
    pace = RateLimiter(2)
    with pace.call():
        pass
    clock.set(0)
    with pace.call():
        assert clock.time() <= 2


def test_an_answer_tells_when_it_was_asked_for_which_is_after_the_wait(
    simulator: Simulator,
) -> None:
    with participant_client(simulator.url) as client:
        service = ParticipantClient(
            client, transcripts=RateLimiter(0.5), connections=RateLimiter(1000)
        )
        token = service.connect(simulator.participant_token(CHAT.initial_contact_id)).token
        first, second = (service.get_transcript(token).asked_at for _ in range(2))
    assert first is not None
    assert second is not None
    assert second - first >= 2_000
