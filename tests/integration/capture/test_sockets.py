"""The websockets of Capture against a server of the participant's protocol, on loopback."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import threading
import time
from asyncio.sslproto import SSLProtocol
from collections import Counter
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from bench.socket_costs import make_certificate
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture import chat_socket
from chatlake.capture.sockets import SocketEvent, Sockets
from tests.clock import HandClock, rule_time
from tests.socket_service import ANSWERS, SocketService, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHAT = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
BEGIN_MS = 1_790_000_000_000
BEAT_S = 10
PATIENCE_S = 30


def wait_until(happened: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


class Held(Sockets):
    """Sockets of a test, which waits for events."""

    def __init__(self, **options: Any) -> None:
        self.counts = Counter[Metric]()
        self.past: list[SocketEvent] = []
        super().__init__(
            count=lambda metric, number: self.counts.update({metric: number}),
            tick_s=0.02,
            **options,
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

    @property
    def thread(self) -> threading.Thread:
        return self._loop._thread

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


def test_one_that_reads_nothing_is_lost_and_holds_up_nobody(
    sockets: Held, service: SocketService, clock: HandClock
) -> None:
    opened(sockets, service)
    assert sockets.open(OTHER, f"{service.url}/other")
    sockets.until_told(("opened", ""))
    service.pause("/one")
    clock.advance(BEAT_S)
    answered = BEGIN_MS + BEAT_S * 1000
    sockets.until(lambda: sockets.observed_until(OTHER) == answered)
    clock.advance(BEAT_S)
    (lost,) = sockets.until_told(("lost", "silent"))
    assert (lost.chat, lost.at_ms, OTHER in sockets) == (CHAT, BEGIN_MS, True)


def _has_observed(sockets: Sockets, until_ms: int) -> bool:
    return sockets.observed_until(CHAT) == until_ms


def test_a_clock_that_runs_ahead_leaves_the_time_for_an_answer(
    service: SocketService, clock: HandClock
) -> None:
    with Sockets(tick_s=3600) as sockets:
        assert sockets.open(CHAT, f"{service.url}/one")
        assert sockets.wait(PATIENCE_S)
        (one,) = sockets._sockets

        def tick_four_times(first: int) -> None:
            # In one step of the loop: no answer can come between, and let another beat be sent.
            for at in range(first, first + 4 * 60_000, 60_000):
                one.tick(at)

        for first in range(BEGIN_MS + 60_000, BEGIN_MS + 20 * 60_000, 4 * 60_000):
            sockets._loop.call(tick_four_times, first)
            wait_until(partial(_has_observed, sockets, first))
        assert [event.kind for event in sockets.take()] == ["opened"]


def test_one_that_breaks_is_lost(sockets: Held, service: SocketService) -> None:
    opened(sockets, service)
    service.cut("/one")
    sockets.until_told(("lost", "error"))


def test_one_that_takes_long_to_open_is_given_up(
    sockets: Held, service: SocketService, clock: HandClock
) -> None:
    del service.answers["aws/subscribe"]
    assert sockets.open(CHAT, f"{service.url}/one")
    sockets.until(lambda: service.heard.get("/one"))
    assert (CHAT in sockets, sockets.observed_until(CHAT)) == (True, None)
    clock.advance(BEAT_S)
    (lost,) = sockets.until_told(("lost", "silent"))
    assert lost.at_ms == 0


def test_one_to_which_nobody_answers_at_all_is_given_up(sockets: Held, clock: HandClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        assert sockets.open(CHAT, f"ws://127.0.0.1:{deaf.getsockname()[1]}/one")
        with deaf.accept()[0]:
            clock.advance(BEAT_S)
            sockets.until_told(("lost", "silent"))


def test_nobody_there_is_an_error_and_no_refusal(sockets: Held) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert sockets.open(CHAT, f"ws://127.0.0.1:{port}/one")
    sockets.until_told(("lost", "error"))


@pytest.mark.parametrize(
    "url", ["wss://127.0.0.1:9999999/one", "https://localhost/", "", "ws://a..b/", "ws://x\udc80/"]
)
def test_a_url_of_no_websocket_is_not_tried_again(sockets: Held, url: str) -> None:
    assert sockets.open(CHAT, url)
    sockets.until_told(("refused", "url"))


def test_nobody_else_chooses_whom_we_speak_to(sockets: Held, service: SocketService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:
        assert sockets.open(CHAT, f"ws://127.0.0.1:{odd.getsockname()[1]}/one")
        with odd.accept()[0] as connection:
            connection.recv(4096)
            location = f"Location: {service.url}/one".encode()
            connection.sendall(b"HTTP/1.1 302 Found\r\n" + location + b"\r\n\r\n")
        sockets.until_told(("refused", "status 302"))
    assert service.headers == []


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_is_no_websocket_is_an_error(sockets: Held, reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:
        assert sockets.open(CHAT, f"ws://127.0.0.1:{odd.getsockname()[1]}/one")
        with odd.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(reply)
        sockets.until_told(("refused", "status 200") if b"200" in reply else ("lost", "error"))


def test_one_that_is_closed_before_it_was_subscribed_was_refused(
    sockets: Held, service: SocketService
) -> None:
    del service.answers["aws/subscribe"]
    assert sockets.open(CHAT, f"{service.url}/one")
    sockets.until(lambda: service.heard.get("/one"))
    service.close("/one", 4403)
    sockets.until_told(("refused", "closed"))


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


REJECTED: dict[str, str | bytes] = {
    "no JSON": "hello",
    "no JSON in bytes": b"\xff\xfe",
    "deep": "[" * 100_000,
    "no object": "[1]",
    "no item": frame([1]),
    "half a pair as a topic": '{"topic":"aws/chat","content":"\\ud83d"}',
    "of another chat": frame({"Id": "item-1", "InitialContactId": OTHER, "ContactId": CHAT}),
}
IGNORED: dict[str, str | bytes] = {
    "unknown topic": '{"topic":"aws/other","content":{"Id":"item-1"}}',
    "no topic": '{"message":"Forbidden","connectionId":"c"}',
    "an answer that nobody asked for": '{"topic":"aws/ping","statusCode":200}',
    "a failed subscription, later": '{"topic":"aws/subscribe","content":{"status":"failure"}}',
    "an answer of lists": '{"topic":"aws/ping","statusCode":[200],"content":{"status":[]}}',
}


@pytest.mark.parametrize("data", REJECTED.values(), ids=REJECTED)
def test_a_frame_of_which_nothing_can_be_kept_is_counted_and_the_next_one_is_heard(
    sockets: Held, service: SocketService, data: str | bytes
) -> None:
    opened(sockets, service)
    service.send("/one", data)
    service.say("/one", item(2))
    rejected, heard = sockets.until_told(("items", "rejected"), ("items", ""))
    assert (rejected.items, heard.items) == ((), (item(2),))
    assert sockets.counts == {Metric.FRAMES_REJECTED: 1, Metric.FRAMES_READ: 1}


@pytest.mark.parametrize("data", IGNORED.values(), ids=IGNORED)
def test_a_frame_that_says_nothing_of_the_chat_is_ignored(
    sockets: Held, service: SocketService, data: str | bytes
) -> None:
    opened(sockets, service)
    service.send("/one", data)
    service.say("/one", item(2))
    sockets.until_told(("items", ""))
    assert sockets.counts == {Metric.FRAMES_READ: 1}


def test_a_frame_that_is_too_large_is_the_end_of_its_socket_alone(
    sockets: Held, service: SocketService
) -> None:
    opened(sockets, service)
    assert sockets.open(OTHER, f"{service.url}/other")
    sockets.until_told(("opened", ""))
    service.say("/one", item(1, Content="x" * 300_000))
    lost = sockets.until_told(("items", "rejected"), ("lost", "error"))[-1]
    assert (lost.chat, OTHER in sockets) == (CHAT, True)
    assert sockets.counts == {Metric.FRAMES_REJECTED: 1}


def test_a_frame_of_the_chat_confirms_a_subscription_that_was_not_answered(
    sockets: Held, service: SocketService
) -> None:
    del service.answers["aws/subscribe"]
    assert sockets.open(CHAT, f"{service.url}/one")
    sockets.until(lambda: service.heard.get("/one"))
    service.say("/one", item(1))
    sockets.until_told(("opened", ""), ("items", ""))


def test_an_item_shows_that_what_was_sent_before_it_has_come(
    sockets: Held, service: SocketService, clock: HandClock
) -> None:
    opened(sockets, service)
    clock.advance(5)
    service.say("/one", item(1, AbsoluteTime="2026-09-21T14:13:22.500Z"))
    sockets.until_told(("items", ""))
    assert sockets.observed_until(CHAT) == BEGIN_MS + 2_500
    service.say("/one", item(2, AbsoluteTime="2029-01-01T00:00:00Z"), item(3, AbsoluteTime="?"))
    sockets.until_told(("items", ""), ("items", ""))
    assert sockets.observed_until(CHAT) == BEGIN_MS + 5_000


def test_one_that_nears_its_end_asks_for_a_renewal_again_and_again(
    service: SocketService, clock: HandClock
) -> None:
    with Held(life_ms=100_000) as sockets:
        opened(sockets, service)
        service.answers["aws/ping"] = {"statusCode": 200}
        for _ in range(9):
            beat(sockets, service, clock)
            sockets.until(lambda: sockets.observed_until(CHAT) == clock.now_ms())
        (renew,) = sockets.until_told(("renew", ""))
        assert BEGIN_MS + 80_000 <= renew.at_ms <= BEGIN_MS + 90_000
        service.status = HTTPStatus.SERVICE_UNAVAILABLE
        assert sockets.open(CHAT, "ws://127.0.0.1:1/nobody")
        for _ in range(3):
            beat(sockets, service, clock)
            sockets.until(lambda: sockets.observed_until(CHAT) == clock.now_ms())
        sockets.until_told(("renew", ""))
        assert CHAT in sockets


def test_a_renewal_that_is_refused_leaves_the_older_one(
    sockets: Held, service: SocketService
) -> None:
    opened(sockets, service)
    service.status = HTTPStatus.FORBIDDEN
    assert sockets.open(CHAT, f"{service.url}/two")
    sockets.until_told(("refused", "status 403"))
    service.say("/one", item(1))
    service.close("/one")
    sockets.until_told(("items", ""), ("lost", "closed"))


def test_what_is_on_its_way_when_a_renewal_takes_over_still_comes(
    sockets: Held, service: SocketService
) -> None:
    opened(sockets, service)
    service.pause("/one")
    assert sockets.open(CHAT, f"{service.url}/two")
    sockets.until_told(("opened", "renewed"))
    service.say("/one", item(1), item(2))
    service.resume("/one")
    sockets.until_told(("items", ""), ("items", ""))
    service.until_left(but={"/two"})


def test_an_older_one_that_breaks_before_it_told_all_leaves_a_gap(
    sockets: Held, service: SocketService, clock: HandClock
) -> None:
    opened(sockets, service)
    service.pause("/one")
    assert sockets.open(CHAT, f"{service.url}/two")
    sockets.until_told(("opened", "renewed"))
    clock.advance(BEAT_S)
    sockets.until_told(("items", "broke"))
    assert CHAT in sockets


def test_one_that_is_lost_while_its_renewal_comes_is_opened_anew(
    sockets: Held, service: SocketService
) -> None:
    opened(sockets, service)
    del service.answers["aws/subscribe"]
    assert sockets.open(CHAT, f"{service.url}/two")
    assert sockets.open(CHAT, f"{service.url}/three")
    sockets.until(lambda: service.heard.get("/two"))
    service.cut("/one")
    sockets.until_told(("lost", "error"))
    service.say("/two", item(1))
    sockets.until_told(("opened", ""), ("items", ""))
    assert "/three" not in service.heard


def test_there_is_room_for_so_many_and_for_renewals(service: SocketService) -> None:
    with Held(most=2) as sockets:
        assert sockets.open("a", f"{service.url}/a")
        assert sockets.open("b", f"{service.url}/b")
        assert not sockets.open("c", f"{service.url}/c")
        sockets.until_told(("opened", ""), ("opened", ""))
        assert sockets.open("a", f"{service.url}/a2")
        sockets.until_told(("opened", "renewed"))
        sockets.close("b")
        sockets.until(lambda: sockets.open("c", f"{service.url}/c"))
        sockets.until_told(("opened", ""))
        assert [chat in sockets for chat in "abc"] == [True, False, True]


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


def test_one_that_is_closed_while_it_opens_never_was(sockets: Held, service: SocketService) -> None:
    del service.answers["aws/subscribe"]
    assert sockets.open(CHAT, f"{service.url}/one")
    sockets.until(lambda: service.heard.get("/one"))
    sockets.close(CHAT)
    sockets.until(lambda: not service.connections["/one"])
    assert sockets.open(OTHER, f"{service.url}/other")
    sockets.close(OTHER)
    sockets.close(OTHER)
    assert (sockets.past, sockets.take(), len(sockets)) == ([], [], 0)


def test_shutting_closes_all_at_once_though_one_does_not_answer(
    service: SocketService, clock: HandClock
) -> None:
    sockets = Held()
    for number in range(20):
        assert sockets.open(f"{number}", f"{service.url}/{number}")
    sockets.until_told(*[("opened", "")] * 20)
    service.pause("/7")
    sockets.shut()
    sockets.shut()
    sockets.thread.join(PATIENCE_S)
    assert not sockets.thread.is_alive()
    assert (len(sockets), sockets.take(), sockets.open(CHAT, service.url)) == (0, [], False)
    service.until_left(but={"/7"})


def test_a_flood_that_nobody_takes_is_not_read(
    sockets: Held, service: SocketService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatlake.capture.sockets._MOST_WAITING", 100)
    opened(sockets, service)
    service.say("/one", *(item(number) for number in range(200)))
    wait_until(lambda: sockets.is_full)
    assert sockets.open(OTHER, f"{service.url}/other")
    wait_until(lambda: service.heard.get("/other"))
    assert sockets.counts[Metric.FRAMES_READ] == 100
    sockets.until(lambda: sum(len(event.items) for event in sockets.past) == 200)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    make_certificate(path)
    return path


@pytest.mark.parametrize("is_trusted", [False, True])
def test_tls_is_spoken_with_those_whom_we_trust_and_takes_little_memory(
    certificate: Path, is_trusted: bool
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    chat_socket._tls.cache_clear()
    with SocketService(tls=tls) as service, Held() as sockets:
        if is_trusted:
            chat_socket._tls().load_verify_locations(certificate)
        assert sockets.open(CHAT, f"{service.url}/one")
        sockets.until_told(("opened", "") if is_trusted else ("lost", "error"))
        buffers = [
            len(one._ssl_buffer)  # type: ignore[attr-defined]
            for one in gc.get_objects()
            if type(one) is SSLProtocol and one._loop is sockets._loop._loop
        ]
    chat_socket._tls.cache_clear()
    assert len(buffers) >= is_trusted
    assert all(size <= 16 * 1024 for size in buffers)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_should_the_loop_fail_all_are_lost_and_no_more_are_taken(
    sockets: Held, service: SocketService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(at: int) -> None:
        raise ZeroDivisionError

    opened(sockets, service)
    (one,) = sockets._sockets
    monkeypatch.setattr(type(one), "tick", lambda _socket, at: fail(at))
    sockets.until_told(("lost", "error"))
    sockets.thread.join(PATIENCE_S)
    assert not sockets.open(CHAT, f"{service.url}/two")
    sockets.close(CHAT)


def test_nothing_is_logged_that_holds_a_url(
    sockets: Held, service: SocketService, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    opened(sockets, service, "/one?token=secret")
    service.say("/one?token=secret", item(1, Content="secret"))
    service.send("/one?token=secret", "secret")
    service.cut("/one?token=secret")
    sockets.until_told(("items", ""), ("items", "rejected"), ("lost", "error"))
    for url in (f"{service.url}/secret", "ws://secret\udc80/", "wss://secret.invalid:99999/"):
        service.status = HTTPStatus.FORBIDDEN
        assert sockets.open(CHAT, url)
        sockets.until(lambda: CHAT not in sockets)
    ours = [record for record in caplog.records if "websockets.server" not in record.name]
    assert "secret" not in "".join(record.getMessage() for record in ours)
