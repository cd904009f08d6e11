"""The loop of capture: who is served when, and that none holds up the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from threading import Lock
from typing import Any

import pytest

from chatlake.capture import worker as capture_loop
from chatlake.capture.participant_client import Page
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.capture.shard_table import Coverage
from chatlake.capture.worker import run
from chatlake.capture.worker_hooks import Pacing, WorkerHooks
from chatlake.documents.document import Document
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture.archive import Archive, archive

MINUTE = 60_000


@dataclass
class Service:
    """Answers every read with one message, and keeps when it was asked for which chat."""

    clock: HandClock
    reads: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    broken: frozenset[str] = frozenset()
    grows: bool = False
    receipts: bool = False
    reported: bool = False
    is_busy: bool = False
    lock: Lock = field(default_factory=Lock)

    def get_transcript(self, connection: str, **_: object) -> Page:
        with self.lock:
            self.clock.advance(0.25)
            self.reads[connection].append(self.clock.now_ms())
        if connection in self.broken:
            raise RuntimeError(connection)
        return self.page(connection)

    def page(self, connection: str) -> Page:
        """A transcript of one item; or of one more with each read, or with a receipt."""
        items: list[dict[str, Any]] = [
            {"Id": f"m{number}", "Type": "MESSAGE", "ContactId": connection}
            for number in range(len(self.reads[connection]) if self.grows else 1)
        ]
        if self.reported:
            items += [
                {"Id": f"r{number}", "Type": kind, "ContactId": connection}
                for number, kind in enumerate(("MESSAGEMETADATA", "MESSAGE_READ"))
            ]
        if self.receipts:
            receipt = {"RecipientParticipantId": "p", "ReadTimestamp": "2026-09-01T00:00:00Z"}
            items[0]["MessageMetadata"] = {"MessageId": "m0", "Receipts": [receipt]}
        return Page({"InitialContactId": connection, "Transcript": items}, None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(1_788_220_800_000)
    rule_time(clock, monkeypatch)
    return clock


@pytest.fixture
def lively(aws: Aws, clock: HandClock) -> Iterator[tuple[Archive, Service]]:
    with archive(aws, clock, []) as opened:
        service = Service(clock)
        opened.services = replace(opened.services, service=service)  # type: ignore[arg-type]
        yield opened, service


def test_ended_chats_come_first_and_a_broken_one_holds_up_nobody(
    lively: tuple[Archive, Service], clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_loop, "ThreadPoolExecutor", AtOnce)
    opened, service = lively
    service.broken = frozenset({"live-0"})
    began = clock.now_ms()
    for number in range(20):
        opened.add_token(f"live-{number}", "connection", f"live-{number}")
    for number in range(6):
        chat = f"ended-{number}"
        opened.add_token(chat, "connection", chat)
        opened.schedule.make_due(chat, phase="ended", due_at=began - 1)
    failed: list[str] = []
    clock.advance(1)
    end = clock.now_ms() + 20_000
    attempts = run(
        opened.services,
        WorkerHooks(
            may_begin=lambda: clock.now_ms() < end,
            report=lambda *_: None,
            failed=lambda chat, _: failed.append(chat),
        ),
        Pacing(5_000, 4),
    )
    assert attempts >= 26
    assert service.reads.keys() == {
        *(f"live-{number}" for number in range(20)),
        *(f"ended-{number}" for number in range(6)),
    }
    order = sorted(service.reads, key=lambda chat: service.reads[chat][0])
    assert set(order[:6]) == {f"ended-{number}" for number in range(6)}
    assert failed == ["live-0"]
    postpone = opened.schedule.read("live-0")
    assert postpone is not None
    assert postpone.due_at is not None
    assert postpone.due_at > clock.now_ms() + 9 * MINUTE
    assert postpone.tokens


def test_the_loop_ends_when_nobody_is_live_and_reports(
    lively: tuple[Archive, Service], clock: HandClock
) -> None:
    opened, _ = lively
    opened.schedule.make_due("waits", phase="waiting", due_at=clock.now_ms() + MINUTE)
    reports: list[tuple[float, Coverage]] = []
    hooks = WorkerHooks(lambda: True, lambda *report: reports.append(report), lambda *_: None)
    assert run(opened.services, hooks, Pacing(5_000, 4)) == 0
    assert reports == [(0, Coverage())]


class AtOnce(Executor):
    """Does work where it is submitted: several threads would move one clock as luck has it."""

    def __init__(self, _: int) -> None:
        pass

    def submit[**P, T](
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 -- whoever asks for the result gets it
            done.set_exception(error)
        return done


@dataclass
class Lively:
    """Live chats, each known by its token, in a service that takes no time but the pace's."""

    opened: Archive
    service: Service
    clock: HandClock

    def begin(self, chats: int) -> None:
        for number in range(chats):
            self.opened.add_token(f"live-{number}", "connection", f"live-{number}")

    def run(self, seconds: float, *, rate: float = 4, shortest_ms: int = 5_000) -> list[float]:
        """Serve for so long; return the seconds of each report."""
        pace = RateLimiter(rate)
        end = self.clock.now_ms() + seconds * 1000
        reported: list[float] = []

        def get_transcript(connection: str, **_: object) -> Page:
            with pace.call():
                self.service.reads[connection].append(self.clock.now_ms())
            return self.service.page(connection)

        self.service.get_transcript = get_transcript  # type: ignore[method-assign]
        run(
            self.opened.services,
            WorkerHooks(
                may_begin=lambda: self.clock.now_ms() < end,
                report=lambda length_s, _: reported.append(length_s),
                failed=lambda *_: pytest.fail("an attempt failed"),
            ),
            Pacing(shortest_ms, 1),
        )
        return reported

    def gaps_s(self) -> list[float]:
        return sorted(
            (later - earlier) / 1000
            for times in self.service.reads.values()
            for earlier, later in pairwise(times)
        )

    def documents(self) -> int:
        return sum(1 for _ in self.opened.services.store)


@pytest.fixture
def busy(
    lively: tuple[Archive, Service], clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> Lively:
    monkeypatch.setattr(capture_loop, "ThreadPoolExecutor", AtOnce)
    return Lively(*lively, clock)


def test_few_live_chats_are_read_as_often_as_may_be(busy: Lively) -> None:
    busy.begin(10)
    busy.run(120)
    gaps = busy.gaps_s()
    assert len(busy.service.reads) == 10
    # Ten chats at four calls a second could be read every 2.5 s.
    assert 5 <= gaps[0] <= median(gaps) <= 6


def test_many_live_chats_share_the_rate_and_none_is_left_out(busy: Lively) -> None:
    busy.begin(60)
    began = busy.clock.now_ms()
    reported = busy.run(150)
    # Each report says how long it is of, and none of the time is left out.
    assert all(60 <= seconds < 70 for seconds in reported[:-1])
    assert round(sum(reported), 3) == round((busy.clock.now_ms() - began) / 1000, 3)
    assert len(busy.service.reads) == 60
    gaps = busy.gaps_s()
    assert len(gaps) >= 4 * 150 - 2 * 60
    assert 12 <= median(gaps) <= 18
    assert gaps[-1] <= 20


def test_what_is_read_is_written_when_the_process_hands_over(busy: Lively) -> None:
    busy.begin(3)
    busy.service.grows = True
    busy.run(100)
    assert {len(times) for times in busy.service.reads.values()} <= {19, 20, 21}
    for number in range(3):
        stored = busy.opened.stored(f"live-{number}")
        assert len(stored.items) == len(busy.service.reads[f"live-{number}"])


def test_a_live_chat_is_written_every_five_minutes_if_it_changes(
    busy: Lively, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(
        busy.opened.services.store, "_put", _noting(busy.opened.services.store, written, busy.clock)
    )
    busy.begin(1)
    busy.service.grows = True
    busy.run(700)
    gaps = [later - earlier for earlier, later in pairwise(written)]
    assert len(written) == 3
    assert all(300_000 <= gap <= 310_000 for gap in gaps[:-1])

    written.clear()
    busy.service.grows = False
    busy.run(400)
    assert written == []


def test_without_exports_each_message_is_written_at_once_and_receipts_wait(
    busy: Lively, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy.opened.services = replace(busy.opened.services, exports_come=False)
    written: list[int] = []
    monkeypatch.setattr(
        busy.opened.services.store, "_put", _noting(busy.opened.services.store, written, busy.clock)
    )
    busy.begin(1)
    busy.run(100)
    assert len(written) == 1
    busy.service.receipts = busy.service.reported = True
    busy.run(100)
    # Once, when it hands over, in whichever way receipts are reported.
    assert len(written) == 2
    busy.service.grows = True
    busy.run(50)
    assert len(written) == 2 + 10


@pytest.mark.parametrize("how", ["ended", "removed"])
def test_a_chat_that_is_no_longer_live_is_told_of(busy: Lively, how: str) -> None:
    read: list[str] = []
    gone: list[str] = []
    page = busy.service.page

    def page_of_one_that_ends(connection: str) -> Page:
        found = page(connection)
        if how == "ended" and read.count(connection) == 3 and connection == "live-0":
            found.response["Transcript"].append({"Id": "end", "Type": "CHAT_ENDED"})
        return found

    def on_read(chat: str, _: Document) -> None:
        assert chat not in gone
        read.append(chat)
        if how == "removed" and read.count(chat) == 3 and chat == "live-0":
            busy.opened.schedule.remove(chat)

    busy.service.page = page_of_one_that_ends  # type: ignore[method-assign]
    busy.opened.services = replace(busy.opened.services, on_read=on_read, on_gone=gone.append)
    busy.begin(2)
    busy.run(60)
    assert set(gone) == {"live-0"}
    assert read.count("live-0") == 3
    assert read.count("live-1") > 8


def _noting(store: Any, written: list[int], clock: HandClock) -> Callable[..., Any]:
    put = store._put

    def noting(*arguments: Any) -> Any:
        written.append(clock.now_ms())
        return put(*arguments)

    return noting
