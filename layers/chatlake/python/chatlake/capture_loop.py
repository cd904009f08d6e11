"""The loop of capture: serves chats that are due until its time is over or nothing is left."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.agenda import PHASES
from chatlake.capture import capture_chat
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chatlake.agenda import Agenda
    from chatlake.capture import Tools

_WORKERS = 8
# Few, so that one that ends is soon served before those that live.
_AT_ONCE = 16
_REPORTED_EVERY_MS = 60_000
_NAP_S = 1.0
# Of the machine's clock: how long a look may last before others are asked for.
_LONGEST_WAIT_S = 0.25
_COUNTED_FOR_MS = 10_000


class Interval:
    """The time between two snapshots: as set, or longer when the rate cannot serve all chats."""

    def __init__(self, agenda: Agenda, shortest_ms: int, calls_per_s: float) -> None:
        self._agenda = agenda
        self._shortest_ms = shortest_ms
        self._calls_per_s = calls_per_s
        self._counted_at = 0
        self.live = 0

    def __call__(self) -> int:
        """Give the milliseconds that are right for the number of live chats."""
        if now_ms() - self._counted_at > _COUNTED_FOR_MS:
            self._counted_at = now_ms()
            self.live = self._agenda.count("live")
        return max(self._shortest_ms, int(self.live / self._calls_per_s * 1000))


@dataclass(frozen=True, slots=True)
class Loop:
    """How the loop runs.

    Attributes
    ----------
    may_begin
        Whether there is time for further looks.
    report
        Called about once a minute, and at the end.
    failed
        Takes a chat whose look failed in a way that nobody foresaw, and the error.
    """

    may_begin: Callable[[], bool]
    report: Callable[[], None]
    failed: Callable[[str, Exception], None]


def run(tools: Tools, loop: Loop) -> int:
    """Look at chats that are due, ended ones first; give the number of looks.

    Stays while any chat is live or about to be published; who only waits for a source is left to
    the next run.
    """
    looks = 0
    reported_at = now_ms()
    at_work: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        while True:
            if now_ms() - reported_at >= _REPORTED_EVERY_MS:
                reported_at = now_ms()
                loop.report()
            room = _AT_ONCE - len(at_work)
            if loop.may_begin():
                for chat in _due(tools.agenda, at_work.keys(), room) if room >= _WORKERS else ():
                    at_work[chat] = pool.submit(capture_chat, chat, tools)
            elif not at_work:
                break
            if at_work:
                wait(at_work.values(), _LONGEST_WAIT_S, FIRST_COMPLETED)
            elif tools.agenda.count("live") + tools.agenda.count("ended"):
                time.sleep(_NAP_S)
            else:
                break
            for chat in [chat for chat, look in at_work.items() if look.done()]:
                looks += 1
                error = at_work.pop(chat).exception()
                if isinstance(error, Exception):
                    # One chat must not hold up the others; it comes again after a while.
                    loop.failed(chat, error)
                    tools.agenda.put_off(chat, due_at=now_ms() + 10 * 60_000)
    loop.report()
    return looks


def _due(agenda: Agenda, busy: Collection[str], room: int) -> list[str]:
    found: list[str] = []
    at = now_ms()
    for phase in PHASES:
        if len(found) < room:
            due = agenda.due(phase, at, most=_AT_ONCE + len(busy))
            found += [chat for chat in due if chat not in busy]
    return found[:room]
