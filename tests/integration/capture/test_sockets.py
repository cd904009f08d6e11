"""The websockets of Capture against a server of the participant's protocol, on loopback."""

from __future__ import annotations

import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.sockets import SocketEvent, Sockets
from tests.clock import HandClock, rule_time
from tests.socket_service import ANSWERS, SocketService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHAT = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
BEGIN_MS = 1_790_000_000_000
BEAT_S = 10
PATIENCE_S = 30


class Held(Sockets):
    """Sockets of a test, which waits for events."""

    def __init__(self, **options: Any) -> None:
        self.counts = Counter[Metric]()
        self.past: list[SocketEvent] = []
        super().__init__(
            count=lambda metric, number: self.counts.update({metric: number}), **options
        )

    def until(self, happened: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < until, f"only {self.told()} happened"
            self.wait(0.01)
            self.past += self.take()

    def until_told(self, *told: tuple[str, str]) -> list[SocketEvent]:
        """Wait for as many events, and return them once they are of these kinds and reasons."""
        self.until(lambda: len(self.past) >= len(told))
        events, self.past = self.past, []
        assert [(event.kind, event.reason) for event in events] == list(told)
        return events

    def told(self) -> list[tuple[str, str]]:
        return [(event.kind, event.reason) for event in self.past]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(BEGIN_MS)
    rule_time(clock, monkeypatch)
    return clock


@pytest.fixture
def service() -> Iterator[SocketService]:
    with SocketService() as service:
        yield service


@pytest.fixture
def sockets(clock: HandClock) -> Iterator[Held]:
    with Held() as sockets:
        yield sockets


def item(number: int, **members: Any) -> dict[str, Any]:
    return {
        "Id": f"item-{number}",
        "Type": "MESSAGE",
        "Content": f"text {number}",
        "ContactId": CHAT,
        "InitialContactId": CHAT,
        **members,
    }


def opened(sockets: Held, service: SocketService, path: str = "/one") -> SocketEvent:
    assert sockets.open(CHAT, service.url + path)
    (event,) = sockets.until_told(("opened", ""))
    return event


def beat(sockets: Held, service: SocketService, clock: HandClock, path: str = "/one") -> None:
    """Let a heartbeat become due, and wait until it has come."""
    before = service.heard[path]["aws/ping"]
    clock.advance(BEAT_S)
    sockets.until(lambda: service.heard[path]["aws/ping"] > before)


def test_items_come_from_the_confirmed_subscription_on(
    sockets: Held, service: SocketService
) -> None:
    event = opened(sockets, service)
    assert (event.chat, event.at_ms, CHAT in sockets, len(sockets)) == (CHAT, BEGIN_MS, True, 1)
    typing = item(3, ContentType="application/vnd.amazonaws.connect.event.typing", Type="EVENT")
    unknown = item(4, Type="SOMETHING_NEW")
    service.say("/one", item(1), item(2), typing, unknown)
    events = sockets.until_told(*[("items", "")] * 3)
    assert [one for event in events for one in event.items] == [item(1), item(2), unknown]
    assert sockets.counts == {Metric.FRAMES_READ: 3}


def test_it_says_who_it_is_and_nothing_but_that_it_listens(
    sockets: Held, service: SocketService, clock: HandClock
) -> None:
    opened(sockets, service)
    beat(sockets, service, clock)
    (headers,) = service.headers
    assert headers["User-Agent"] == "chatlake"
    assert {"Origin", "Sec-WebSocket-Extensions", "Authorization"}.isdisjoint(headers)
    assert service.heard["/one"] == {"aws/subscribe": 1, "aws/heartbeat": 1, "aws/ping": 1}


def test_a_closed_one_is_lost_after_its_last_frame(sockets: Held, service: SocketService) -> None:
    opened(sockets, service)
    service.say("/one", *(item(number) for number in range(50)))
    service.close("/one")
    *items, lost = sockets.until_told(*[("items", "")] * 50, ("lost", "closed"))
    assert [one["Id"] for event in items for one in event.items] == [f"item-{n}" for n in range(50)]
    assert (lost.at_ms, CHAT in sockets, sockets.observed_until(CHAT)) == (BEGIN_MS, False, None)


def test_one_that_answers_no_heartbeat_is_lost_as_of_the_last_that_it_answered(
    sockets: Held, service: SocketService, clock: HandClock
) -> None:
    opened(sockets, service)
    beat(sockets, service, clock)
    answered = BEGIN_MS + BEAT_S * 1000
    sockets.until(lambda: sockets.observed_until(CHAT) == answered)
    del service.answers["aws/ping"]
    beat(sockets, service, clock)
    clock.advance(BEAT_S)
    (lost,) = sockets.until_told(("lost", "silent"))
    assert lost.at_ms == answered


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ({"status": HTTPStatus.FORBIDDEN}, "status 403"),
        ({"status": HTTPStatus.TOO_MANY_REQUESTS}, "status 429"),
        (
            {"answers": ANSWERS | {"aws/subscribe": {"content": {"status": "failure"}}}},
            "subscription",
        ),
    ],
)
def test_what_the_service_refuses_is_told(
    sockets: Held, service: SocketService, refusal: dict[str, Any], reason: str
) -> None:
    for name, value in refusal.items():
        setattr(service, name, value)
    assert sockets.open(CHAT, f"{service.url}/one")
    sockets.until_told(("refused", reason))
    assert len(sockets) == 0


def test_a_renewal_takes_over_without_a_gap(sockets: Held, service: SocketService) -> None:
    opened(sockets, service)
    assert sockets.open(CHAT, f"{service.url}/two")
    sockets.until(lambda: not service.connections["/one"])
    service.say("/two", item(1))
    sockets.until_told(("opened", "renewed"), ("items", ""))
    assert len(sockets) == 1


def test_after_close_nothing_of_the_chat_follows(sockets: Held, service: SocketService) -> None:
    opened(sockets, service)
    service.say("/one", item(1))
    assert sockets.wait(PATIENCE_S)
    sockets.close(CHAT)
    sockets.until(lambda: not service.connections["/one"])
    assert (sockets.take(), sockets.past, CHAT in sockets) == ([], [], False)
