"""The worker of capture: serves due chats until its time is over or nothing is left.

Chats that ended come first; then live ones, in the order of the rotation; then those that wait for
a source. It is the only one at work, so all live chats are its own.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from chatlake.capture.capture_chat import capture_chat
from chatlake.capture.rotation import Rotation, Seen
from chatlake.capture.waiting_messages import waiting_messages
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.live_chat import LiveChat

_WORKERS = 32
# Of chats that ended, of those that are new, and of those that wait: none keeps out the others.
_ENDED_AT_ONCE, _NEW_AT_ONCE, _WAITING_AT_ONCE = 12, 10, 2
_REPORT_EVERY_MS = 60_000
_QUERY_EVERY_MS = 2_000
_LIST_EVERY_MS = 5_000
_MOST_DUE = 64
_POSTPONED_MS = 10 * 60_000
_LONGEST_SLEEP_S = 1.0
# Of the machine's clock: how long to wait for work before it is decided again who is next.
_LONGEST_WAIT_S = 0.25
_RETRY_MS = 5_000
_LONGEST_RETRY_MS = 5 * 60_000


type _Kind = Literal["ended", "new", "read", "waiting"]


@dataclass(frozen=True, slots=True)
class WorkerHooks:
    """What the function decides for the worker, and what the worker reports.

    Attributes
    ----------
    may_begin
        Whether there is time for further attempts.
    report
        Called about once a minute and at the end, with the seconds since the last time, and the
        number of live chats.
    failed
        Takes a chat whose capture attempt failed in a way that nobody foresaw, and the error.
    """

    may_begin: Callable[[], bool]
    report: Callable[[float, int], None]
    failed: Callable[[str, Exception], None]


def run(
    services: CaptureServices, hooks: WorkerHooks, *, shortest_ms: int, reads_at_once: int
) -> int:
    """Serve chats that are due; return how many times one was looked at.

    Stays while any chat is live or about to be published; one that only waits for a source is left
    to the next run. What is known of live chats is written before it returns.

    Parameters
    ----------
    shortest_ms
        The least time between two reads of a live chat.
    reads_at_once
        How many live chats are read side by side. No more than the rate needs: who waits for the
        rate was chosen too early.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        worker = _Worker(services, hooks, pool, shortest_ms, reads_at_once)
        try:
            worker.serve()
        finally:
            worker.hand_over()
    return worker.looks


def look_at(live: LiveChat, services: CaptureServices) -> LiveChat | None:
    """Read a live chat; look at it as a whole where that is to be done."""
    is_to_be_looked_at = live.read(services)
    if not is_to_be_looked_at and live.is_to_be_written(services):
        is_to_be_looked_at = not live.write(services)
    return capture_chat(live.chat, services, live) if is_to_be_looked_at else live


class _Worker:
    """What one run knows: chats that are due, live chats, and who is at work on which."""

    def __init__(
        self,
        services: CaptureServices,
        hooks: WorkerHooks,
        pool: ThreadPoolExecutor,
        shortest_ms: int,
        reads_at_once: int,
    ) -> None:
        self.looks = 0
        self._services = services
        self._hooks = hooks
        self._pool = pool
        self._shortest_ms = shortest_ms
        self._rotation = Rotation(shortest_ms)
        self._reads_at_once = reads_at_once
        self._live: dict[str, LiveChat] = {}
        self._due_at: dict[str, int] = {}
        self._due: deque[str] = deque()
        self._new: deque[str] = deque()
        self._waiting: deque[str] = deque()
        self._at_work: dict[str, Future[LiveChat | None]] = {}
        self._kinds: dict[str, _Kind] = {}
        self._queried_at = self._listed_at = 0
        self._reported_at = now_ms()

    def serve(self) -> None:
        """Begin and end work until the time is over, or nothing is left."""
        while True:
            self._report()
            may_begin = self._hooks.may_begin()
            if may_begin:
                self._query()
                self._begin()
            if self._at_work:
                wait(self._at_work.values(), _LONGEST_WAIT_S, FIRST_COMPLETED)
                self._end()
            elif may_begin and (self._rotation or self._services.schedule.any("live", "ended")):
                time.sleep(self._sleep_s())
            else:
                break

    def hand_over(self) -> None:
        """Write what is known of live chats and not yet written; the next run reads them on."""
        unwritten = [live for live in self._live.values() if not live.is_written]
        for live, written in [
            (live, self._pool.submit(live.write, self._services)) for live in unwritten
        ]:
            if isinstance(error := written.exception(), Exception):
                self._hooks.failed(live.chat, error)
        self._report(last=True)

    def _report(self, *, last: bool = False) -> None:
        since_ms = now_ms() - self._reported_at
        if last or since_ms >= _REPORT_EVERY_MS:
            self._reported_at += since_ms
            self._hooks.report(since_ms / 1000, len(self._rotation))

    def _sleep_s(self) -> float:
        wake_at = self._rotation.wake_at()
        soon_s = _LONGEST_SLEEP_S if wake_at is None else (wake_at - now_ms()) / 1000
        return min(_LONGEST_SLEEP_S, max(0.01, soon_s))

    def _query(self) -> None:
        """Ask the schedule, now and then, what is due and which chats are live."""
        at = now_ms()
        schedule = self._services.schedule
        if at - self._queried_at >= _QUERY_EVERY_MS:
            self._queried_at = at
            self._due = deque(schedule.due("ended", at, most=_MOST_DUE))
        if at - self._listed_at >= _LIST_EVERY_MS:
            self._listed_at = at
            self._waiting = deque(schedule.due("waiting", at, most=_MOST_DUE))
            self._list_live(at)

    def _list_live(self, at: int) -> None:
        due_at = self._services.schedule.live()
        for chat in self._due_at.keys() - due_at.keys():
            self._rotation.remove(chat)
            self._services.on_gone(chat)
        # New, or something was noted that is a reason to look.
        known = {chat: live.due_at for chat, live in self._live.items()}
        self._new = deque(
            chat for chat, since in due_at.items() if since <= at and known.get(chat) != since
        )
        self._due_at = due_at

    def _begin(self) -> None:
        for chat, read in self._next():
            self._at_work[chat] = self._pool.submit(read)

    def _next(self) -> Iterator[tuple[str, Callable[[], LiveChat | None]]]:
        """Yield what is to be done now, the most urgent first, while there is room."""
        yield from self._next_attempt("ended", self._due, _ENDED_AT_ONCE)
        yield from self._next_attempt("new", self._new, _NEW_AT_ONCE)
        yield from self._next_read()
        yield from self._next_attempt("waiting", self._waiting, _WAITING_AT_ONCE)

    def _next_attempt(
        self, kind: _Kind, chats: deque[str], room: int
    ) -> Iterator[tuple[str, Callable[[], LiveChat | None]]]:
        while chats and self._count(kind) < room:
            chat = chats.popleft()
            if chat not in self._at_work:
                self._kinds[chat] = kind
                yield chat, partial(capture_chat, chat, self._services, self._live.get(chat))

    def _count(self, kind: _Kind) -> int:
        return sum(1 for of in self._kinds.values() if of == kind)

    def _next_read(self) -> Iterator[tuple[str, Callable[[], LiveChat | None]]]:
        while self._count("read") < self._reads_at_once:
            chat = self._rotation.take(now_ms())
            if chat is None:
                return
            if chat in self._at_work:
                self._rotation.remove(chat)
                continue
            self._kinds[chat] = "read"
            yield chat, partial(look_at, self._live[chat], self._services)

    def _end(self) -> None:
        for chat in [chat for chat, work in self._at_work.items() if work.done()]:
            self.looks += 1
            work = self._at_work.pop(chat)
            error = work.exception()
            was_read = self._kinds.pop(chat) == "read"
            if isinstance(error, Exception):
                # One chat must not hold up the others; it comes again after a while.
                self._hooks.failed(chat, error)
                self._services.schedule.postpone(chat, due_at=now_ms() + _POSTPONED_MS)
                self._rotation.remove(chat)
            elif (live := work.result()) is None:
                self._live.pop(chat, None)
                self._rotation.remove(chat)
                self._services.on_gone(chat)
            else:
                self._live[chat] = live
                self._put_back(live, was_read=was_read)

    def _put_back(self, live: LiveChat, *, was_read: bool) -> None:
        chat, at = live.chat, now_ms()
        # So that it is removed when it is no longer among the live.
        self._due_at.setdefault(chat, at)
        if live.failures:
            self._rotation.remove(chat)
            wait_ms = min(_LONGEST_RETRY_MS, _RETRY_MS * 2 ** min(live.failures - 1, 10))
            self._rotation.add(chat, at + wait_ms)
        elif was_read and chat in self._rotation:
            found = waiting_messages(live.known)
            seen = Seen(found.soon, live.changed, calls=live.calls, newest_at=found.newest_at)
            self._rotation.done(chat, at, seen)
        else:
            self._rotation.add(chat, at + self._shortest_ms)
        self._services.on_read(chat, live.known)
