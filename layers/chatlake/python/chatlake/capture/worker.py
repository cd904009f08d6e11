"""The worker of capture: serves due chats until its time is over or nothing is left.

Chats that ended come first; then live ones: those whose websocket is open are listened to, the
others are read in the order of the rotation; then those that wait for a source. The newest process
of a shard takes what is new; an older one serves the chats that it listens to, and hands over what
is left when it must go.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from chatlake.capture import live_work
from chatlake.capture.agenda import Agenda, Alone
from chatlake.capture.capture_chat import capture_chat
from chatlake.capture.live_chats import LiveChats
from chatlake.capture.shard_table import Coverage, Waiting
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Iterator

    from chatlake.capture.agenda import Shard
    from chatlake.capture.by_worth import ByWorth
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.live_chat import LiveChat
    from chatlake.capture.live_work import Kind
    from chatlake.capture.socket_pool import SocketPool
    from chatlake.capture.sockets import SocketEvent
    from chatlake.capture.worker_hooks import Pacing, WorkerHooks

_WORKERS = 48
_REPORT_EVERY_MS = 60_000
_LOOK_EVERY_MS = 2_000
_POSTPONED_MS = 10 * 60_000
_LONGEST_SLEEP_S = 1.0
# Of the machine's clock: how long to wait for work before it is decided again who is next.
_LONGEST_WAIT_S = 0.25

type _Work = Callable[[], LiveChat | None]


def run(
    services: CaptureServices,
    hooks: WorkerHooks,
    pacing: Pacing,
    *,
    shard: Shard | None = None,
    sockets: SocketPool | None = None,
) -> int:
    """Serve chats that are due; return how many times one was looked at.

    Stays while any chat is live or about to be published; one that only waits for a source is left
    to the next run. What is known of live chats is written before it returns.

    Parameters
    ----------
    shard
        What this process knows of the others; None if there are none.
    sockets
        Of live chats; None if they are only read.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        worker = _Worker(services, hooks, pool, pacing, shard or Alone(Coverage()), sockets)
        try:
            worker.serve()
        finally:
            worker.end()
    return worker.looks


class _Worker:
    """What one run is at work on: which chats are due, and by whom each is served."""

    def __init__(
        self,
        services: CaptureServices,
        hooks: WorkerHooks,
        pool: ThreadPoolExecutor,
        pacing: Pacing,
        shard: Shard,
        sockets: SocketPool | None,
    ) -> None:
        self.looks = 0
        self._services = services
        self._hooks = hooks
        self._pool = pool
        self._shard = shard
        self._room: dict[Kind, int] = {**live_work.ROOM, "read": pacing.reads_at_once}
        self._agenda = Agenda(services.schedule, shard)
        self._live = LiveChats(
            services,
            shard,
            sockets,
            self._write_all,
            shortest_ms=pacing.shortest_ms,
            ends_at=pacing.ends_at,
        )
        self._heard: dict[str, list[SocketEvent]] = {}
        self._at_work: dict[str, Future[LiveChat | None]] = {}
        self._begun: dict[str, Kind] = {}
        self._looked_at = 0
        self._reported_at = now_ms()

    def serve(self) -> None:
        """Begin and end work until the time is over, or nothing is left."""
        while True:
            self._report()
            self._shard.tick()
            self._hear()
            may_begin = self._hooks.may_begin() and not self._shard.is_lost
            if may_begin:
                self._look_around()
                self._begin()
            if self._at_work:
                wait(self._at_work.values(), _LONGEST_WAIT_S, FIRST_COMPLETED)
                self._end()
            elif may_begin and self._has_more():
                self._sleep()
            else:
                break

    def end(self) -> None:
        """Write what is known of live chats and not yet written; the next run reads them on."""
        self._hear()
        for live in self._live.chats.values():
            self._live.listening.observe(live)
        self._write_all(self._live.chats.values())
        self._report(last=True)

    def _write_all(self, chats: Iterable[LiveChat]) -> None:
        unwritten = [live for live in chats if not live.is_written]
        for live, written in [
            (live, self._pool.submit(live_work.write_late, live, self._services))
            for live in unwritten
        ]:
            if isinstance(error := written.exception(), Exception):
                self._hooks.failed(live.chat, error)

    def _report(self, *, last: bool = False) -> None:
        since_ms = now_ms() - self._reported_at
        if last or since_ms >= _REPORT_EVERY_MS:
            self._reported_at += since_ms
            self._hooks.report(since_ms / 1000, self._live.coverage(self._agenda.new))

    def _has_more(self) -> bool:
        if self._live.chats or self._live.rotation:
            return True
        return self._shard.is_newest and self._agenda.has_more()

    def _sleep(self) -> None:
        wake_at = self._live.rotation.wake_at()
        soon_s = _LONGEST_SLEEP_S if wake_at is None else (wake_at - now_ms()) / 1000
        self._live.listening.sleep(min(_LONGEST_SLEEP_S, max(0.01, soon_s)))

    def _look_around(self) -> None:
        """Ask the schedule what is due, hand over what is to be, and see what is to be written."""
        at = now_ms()
        for chat in self._agenda.refresh(at, self._live.chats):
            self._live.rotation.remove(chat)
            self._services.on_gone(chat)
            if chat in self._live.chats and chat not in self._agenda.ended:
                # It was erased, or another process has done with it.
                self._agenda.new.append(chat)
        self._live.hand_over(self._at_work)
        if at - self._looked_at >= _LOOK_EVERY_MS:
            self._looked_at = at
            self._shard.coverage = self._live.coverage(self._agenda.new)
            self._shard.waiting = self._waiting()
            self._agenda.new.extend(self._live.look_around(self._at_work))

    def _hear(self) -> None:
        for event in self._live.listening.take():
            if event.chat in self._at_work:
                # One thread at a time may use what is known of it.
                self._heard.setdefault(event.chat, []).append(event)
            else:
                self._live.react(event)
        self._live.tell_heard()
        self._live.close_ended(self._at_work)

    def _begin(self) -> None:
        for kind, chat, work in self._next():
            self._begun[chat] = kind
            self._at_work[chat] = self._pool.submit(work)

    def _next(self) -> Iterator[tuple[Kind, str, _Work]]:
        """Yield what is to be done now, the most urgent first, while there is room."""
        live, agenda = self._live, self._agenda
        yield from self._next_of("ended", live.over, again=True)
        yield from self._next_of("ended", agenda.ended)
        yield from self._next_of("new", agenda.new)
        if self._may_read() or not self._count("gap"):
            yield from self._next_of("gap", live.gaps, again=True)
        yield from self._next_of("open", live.to_open, again=True)
        if self._may_read():
            # Of the moment between a chat's first read and its socket: all other reads bring more.
            yield from self._next_of("gap", live.short_gaps, again=True)
        yield from self._next_read()
        yield from self._next_of("write", live.to_write, again=True)
        yield from self._next_of("waiting", agenda.waiting)

    def _next_of(
        self, kind: Kind, chats: deque[str] | ByWorth, *, again: bool = False
    ) -> Iterator[tuple[Kind, str, _Work]]:
        """Yield work of a kind; a chat at work waits if nobody names it again."""
        busy: list[str] = []
        while chats and self._count(kind) < self._room[kind]:
            chat = chats.popleft()
            if chat in self._at_work:
                busy.append(chat)
            elif (work := self._work(kind, chat)) is not None:
                yield kind, chat, work
        if again:
            chats.extend(busy)

    def _next_read(self) -> Iterator[tuple[Kind, str, _Work]]:
        rotation = self._live.rotation
        room = self._room["read"]
        # What is new shall not wait behind them; one may always be under way, so that none waits
        # for ever.
        while self._count("read") < room and (self._callers() < room or not self._count("read")):
            chat = rotation.take(now_ms())
            if chat is None:
                return
            work = None if chat in self._at_work else self._work("read", chat)
            if work is None:
                rotation.remove(chat)
            else:
                yield "read", chat, work

    def _work(self, kind: Kind, chat: str) -> _Work | None:
        """Return what is to be done with a chat; None if it is no longer to be done."""
        live, services = self._live.chats.get(chat), self._services
        if live is not None:
            self._live.listening.observe(live)
        if kind in live_work.ATTEMPTS:
            if live is not None and chat in self._live.passed:
                return partial(live_work.write_late, live, services)
            return partial(capture_chat, chat, services, live)
        if live is None or not self._live.needs(kind, live):
            return None
        if kind == "open":
            return partial(self._live.listening.open, live)
        if kind == "write":
            lasting = self._live.is_lasting(chat)
            return partial(live_work.write_lasting if lasting else live_work.write, live, services)
        return partial(live_work.look_at, live, services)

    def _may_read(self) -> bool:
        """Return whether few wait to read: who is at work may wait for a connection first."""
        return self._callers() < self._room["read"] or not self._services.service.is_busy

    def _callers(self) -> int:
        return self._count("new") + self._count("gap") + self._count("read")

    def _waiting(self) -> Waiting:
        """Return how many chats wait for a call, those that an attempt keeps above all."""
        waiting = self._live.waiting()
        attempts = sum(self._count(kind) for kind in live_work.ATTEMPTS)
        return replace(waiting, transcripts=waiting.transcripts + live_work.HOLDS_UP * attempts)

    def _count(self, kind: Kind) -> int:
        return sum(1 for of in self._begun.values() if of == kind)

    def _end(self) -> None:
        for chat in [chat for chat, work in self._at_work.items() if work.done()]:
            self.looks += 1
            is_back = self._take_back(chat, self._at_work.pop(chat), self._begun.pop(chat))
            for event in self._heard.pop(chat, ()):
                self._live.react(event)
            if is_back:
                self._live.leave_to_others(chat)
        self._live.tell_heard()

    def _take_back(self, chat: str, work: Future[LiveChat | None], kind: Kind) -> bool:
        """Take the outcome of work on a chat; return whether it is among the live again."""
        error = work.exception()
        if kind == "open" and (error is None or self._live.listening.not_opened(chat, error)):
            if not self._live.listening.has(chat):
                self._live.opening_failed(chat)
        elif isinstance(error, Exception):
            # One chat must not hold up the others; it comes again after a while.
            self._hooks.failed(chat, error)
            self._services.schedule.postpone(chat, due_at=now_ms() + _POSTPONED_MS)
            self._live.rotation.remove(chat)
        elif (live := work.result()) is None:
            self._live.take_out(chat)
        elif kind != "write" or not self._live.is_lasting(chat):
            # So that it is missed when it is no longer among the live.
            self._agenda.is_live(chat)
            self._live.put_back(live, was_read=kind in {"gap", "read"})
            return True
        return False
