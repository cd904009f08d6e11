"""The worker of capture: serves due chats until its time is over or nothing is left."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.capture.capture_chat import capture_chat
from chatlake.capture.schedule import PHASES
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.schedule import CaptureSchedule

_WORKERS = 8
# Few, so that one that ends is soon served before those that live.
_ATTEMPTS_AT_ONCE = 16
_REPORT_EVERY_MS = 60_000
_QUERY_EVERY_MS = 2_000
_MOST_DUE = 2 * _ATTEMPTS_AT_ONCE
_POSTPONED_MS = 10 * 60_000
_IDLE_SLEEP_S = 1.0
# Of the machine's clock: how long to wait for an attempt before the schedule is queried again.
_LONGEST_WAIT_S = 0.25
_COUNT_VALID_MS = 10_000


class SnapshotInterval:
    """The time between two snapshots: as set, or longer when the rate cannot serve all chats."""

    def __init__(self, schedule: CaptureSchedule, shortest_ms: int, calls_per_s: float) -> None:
        self._schedule = schedule
        self._shortest_ms = shortest_ms
        self._calls_per_s = calls_per_s
        self._counted_at = 0
        self.live = 0

    def __call__(self) -> int:
        """Return the milliseconds that are right for the number of live chats."""
        if now_ms() - self._counted_at > _COUNT_VALID_MS:
            self._counted_at = now_ms()
            self.live = self._schedule.count("live")
        return max(self._shortest_ms, int(self.live / self._calls_per_s * 1000))


@dataclass(frozen=True, slots=True)
class WorkerHooks:
    """What the function decides for the worker, and what the worker reports.

    Attributes
    ----------
    may_begin
        Whether there is time for further attempts.
    report
        Called about once a minute and at the end, with the seconds since the last time.
    failed
        Takes a chat whose capture attempt failed in a way that nobody foresaw, and the error.
    """

    may_begin: Callable[[], bool]
    report: Callable[[float], None]
    failed: Callable[[str, Exception], None]


def run(services: CaptureServices, hooks: WorkerHooks) -> int:
    """Make capture attempts for due chats, ended ones first; return how many.

    Stays while any chat is live or about to be published; one that only waits for a source is left
    to the next run.
    """
    attempts = 0
    reported_at = now_ms()
    backlog = _Backlog(services.schedule)
    at_work: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        while True:
            if (since_ms := now_ms() - reported_at) >= _REPORT_EVERY_MS:
                reported_at += since_ms
                hooks.report(since_ms / 1000)
            while hooks.may_begin() and len(at_work) < _ATTEMPTS_AT_ONCE:
                if (chat := backlog.next(at_work)) is None:
                    break
                at_work[chat] = pool.submit(capture_chat, chat, services)
            if at_work:
                wait(at_work.values(), _LONGEST_WAIT_S, FIRST_COMPLETED)
            elif hooks.may_begin() and services.schedule.any("live", "ended"):
                time.sleep(_IDLE_SLEEP_S)
            else:
                break
            for chat in [chat for chat, attempt in at_work.items() if attempt.done()]:
                attempts += 1
                error = at_work.pop(chat).exception()
                if isinstance(error, Exception):
                    # One chat must not hold up the others; it comes again after a while.
                    hooks.failed(chat, error)
                    services.schedule.postpone(chat, due_at=now_ms() + _POSTPONED_MS)
    hooks.report((now_ms() - reported_at) / 1000)
    return attempts


class _Backlog:
    """Chats that are due, as of a moment ago, those that ended before those that live."""

    def __init__(self, schedule: CaptureSchedule) -> None:
        self._schedule = schedule
        self._queried_at = 0
        self._ended: deque[str] = deque()
        self._others: deque[str] = deque()
        # Whether more were due than were taken, so that querying again at once is worth it.
        self._more = False

    def next(self, busy: Container[str]) -> str | None:
        """Take the next one that nobody is at work on; None if there is none just now."""
        at = now_ms()
        if at - self._queried_at >= _QUERY_EVERY_MS:
            self._queried_at = at
            self._ended = deque(self._schedule.due("ended", at, most=_MOST_DUE))
            self._more = True
        if self._more and not self._ended and not self._others:
            self._query_others(at)
        for waiting in (self._ended, self._others):
            while waiting:
                chat = waiting.popleft()
                if chat not in busy:
                    return chat
        return None

    def _query_others(self, at: int) -> None:
        self._more = False
        for phase in PHASES:
            if phase != "ended" and not self._others:
                found = self._schedule.due(phase, at, most=_MOST_DUE)
                self._others = deque(found)
                self._more = len(found) == _MOST_DUE
