"""The loop of capture: who is served when, and that none holds up the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from threading import Lock
from types import SimpleNamespace

import pytest

from chatlake.capture import worker as capture_loop
from chatlake.capture.participant_client import Page
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.capture.worker import SnapshotInterval, WorkerHooks, run
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
    lock: Lock = field(default_factory=Lock)

    def get_transcript(self, connection: str, **_: object) -> Page:
        with self.lock:
            self.clock.advance(0.25)
            self.reads[connection].append(self.clock.now_ms())
        if connection in self.broken:
            raise RuntimeError(connection)
        item = {"Id": "m1", "Type": "EVENT", "ContactId": connection}
        return Page({"InitialContactId": connection, "Transcript": [item]}, None)


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
    lively: tuple[Archive, Service], clock: HandClock
) -> None:
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
            report=lambda _: None,
            failed=lambda chat, _: failed.append(chat),
        ),
    )
    assert attempts >= 26
    assert service.reads.keys() == {
        *(f"live-{number}" for number in range(20)),
        *(f"ended-{number}" for number in range(6)),
    }
    order = sorted(service.reads, key=lambda chat: service.reads[chat][0])
    # Several are looked at side by side, and a thread may be late.
    assert {f"ended-{number}" for number in range(6)} <= set(order[:16])
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
    reports: list[float] = []
    hooks = WorkerHooks(lambda: True, reports.append, lambda *_: None)
    assert run(opened.services, hooks) == 0
    assert reports == [0]


def test_the_interval_grows_with_the_number_of_live_chats(
    lively: tuple[Archive, Service], clock: HandClock
) -> None:
    opened, _ = lively
    interval = SnapshotInterval(opened.schedule, 2_000, 4)
    assert interval() == 2_000
    for number in range(20):
        opened.schedule.make_due(f"live-{number}", phase="live", due_at=0)
    assert interval() == 2_000
    clock.advance(11)
    assert interval() == 5_000
    assert interval.live == 20


class Timetable:
    """The live chats of an agenda, in memory."""

    def __init__(self, chats: int, now_ms: int) -> None:
        self.due_at = {f"chat-{number}": now_ms for number in range(chats)}

    def due(self, phase: str, at: int, *, most: int) -> list[str]:
        ready = [chat for chat, due_at in self.due_at.items() if due_at <= at]
        return sorted(ready, key=self.due_at.__getitem__)[:most] if phase == "live" else []

    def any(self, *_: str) -> bool:
        return bool(self.due_at)

    def count(self, phase: str) -> int:
        return len(self.due_at) if phase == "live" else 0


class AtOnce(Executor):
    """Does work where it is submitted: several threads would move one clock as luck has it."""

    def __init__(self, _: int) -> None:
        pass

    def submit[**P, T](
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(work(*args, **kwargs))
        return done


def test_500_live_chats_at_4_calls_a_second_are_each_read_about_every_125_seconds(
    clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    timetable = Timetable(500, clock.now_ms())
    interval = SnapshotInterval(timetable, 120_000, 4)  # type: ignore[arg-type]
    pace = RateLimiter(4)
    reads: dict[str, list[int]] = defaultdict(list)

    def attempt(chat: str, _: object) -> None:
        with pace.call():
            reads[chat].append(clock.now_ms())
        timetable.due_at[chat] = clock.now_ms() + interval()

    monkeypatch.setattr(capture_loop, "capture_chat", attempt)
    monkeypatch.setattr(capture_loop, "ThreadPoolExecutor", AtOnce)
    end = clock.now_ms() + 15 * MINUTE
    services = SimpleNamespace(schedule=timetable)
    reported: list[float] = []
    began = clock.now_ms()
    run(services, WorkerHooks(lambda: clock.now_ms() < end, reported.append, lambda *_: None))  # type: ignore[arg-type]
    # Each report says how long it is of, and none of the time is left out.
    assert all(60 <= seconds < 70 for seconds in reported[:-1])
    assert round(sum(reported), 3) == round((clock.now_ms() - began) / 1000, 3)
    gaps_s = sorted(
        (later - earlier) / 1000 for times in reads.values() for earlier, later in pairwise(times)
    )
    assert len(reads) == 500
    assert len(gaps_s) >= 500 * 5
    assert 120 <= gaps_s[0] <= gaps_s[-1] <= 140
    assert 123 <= median(gaps_s) <= 130
