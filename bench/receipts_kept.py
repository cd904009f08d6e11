"""How many receipts capture keeps of chats whose tokens die with them, by how many are live.

Capture's own `Rotation` says which chat is read next, beside plain reading in turn, and a schedule
that knows at every moment which chats have receipts that nobody has read, but not when chats end.
All three read the same chats at the same rate. What a read finds is what the service had then.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random
from statistics import fmean, pstdev
from typing import Protocol

from bench.live_chats import State, Timeline, arrivals, pages_of, timelines
from chatlake.capture.live_chat import WRITTEN_EVERY_MS
from chatlake.capture.rotation import Rotation, Seen

LIVE = (10, 40, 100, 300, 500)
CALLS_PER_S = 4.0
SHORTEST_MS = 5_000
SCRIPTED = 1_500
_WARM_MS = 15 * 60_000
_MINUTES, _LIVE_MINUTES = 60, 2_400
"""Of few chats a run measures longer, for as many receipts."""
_EQUAL = 0.001
"""Where the rate is plenty, both are the same but for the second in which each chat is read."""
_CRASH_EVERY_MS = 60_000
_BEGINS_WITHIN_MS = 60_000


class Schedule(Protocol):
    """What decides which chat is read next, as `Rotation` does."""

    def add(self, chat: str, at: int) -> None: ...
    def remove(self, chat: str) -> None: ...
    def take(self, at: int) -> str | None: ...
    def done(self, chat: str, at: int, seen: Seen) -> None: ...


class InTurn:
    """Reads one chat after the other, those first that were read the longest ago."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, int, str]] = []
        self._live = set[str]()
        self._numbers = count()

    def add(self, chat: str, at: int) -> None:
        self._live.add(chat)
        heappush(self._queue, (at, next(self._numbers), chat))

    def remove(self, chat: str) -> None:
        self._live.discard(chat)

    def take(self, at: int) -> str | None:
        while self._queue and self._queue[0][2] not in self._live:
            heappop(self._queue)
        if not self._queue or self._queue[0][0] > at:
            return None
        return heappop(self._queue)[2]

    def done(self, chat: str, at: int, _seen: Seen) -> None:
        self.add(chat, at + SHORTEST_MS)


class Knowing:
    """Reads the chat with the most receipts that nobody has read, however soon after a read."""

    def __init__(self, live: dict[str, LiveChat]) -> None:
        self._live = live

    def add(self, chat: str, at: int) -> None: ...

    def remove(self, chat: str) -> None: ...

    def done(self, chat: str, at: int, seen: Seen) -> None: ...

    def take(self, at: int) -> str | None:
        most, best = 0, None
        for chat, one in self._live.items():
            reported = one.timeline.reported
            if one.read < len(reported) and reported[one.read] <= at - one.started_ms:
                unread = one.timeline.known_by(at - one.started_ms) - one.read
                if unread > most:
                    most, best = unread, chat
        return best


@dataclass(slots=True)
class LiveChat:
    """A chat that is live: how many of its readings were read, and written to its document."""

    timeline: Timeline
    started_ms: int
    found: State | None = None
    read: int = 0
    written: int = 0
    written_ms: int = 0
    written_step: int = -1


@dataclass(slots=True)
class Kept:
    """What one schedule has kept.

    Attributes
    ----------
    reported, kept
        Readings of the chats that ended, and those that were read before.
    crash_lost, crash_shares
        Of a crash at each of many moments: how many readings that had been read it loses, and their
        share of all that had been read of the chats then live.
    """

    reported: int = 0
    kept: int = 0
    crash_lost: list[int] = field(default_factory=list)
    crash_shares: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of readings that were kept."""
        return self.kept / self.reported


def simulate(
    chats: Iterable[tuple[int, Timeline]],
    schedule_of: Callable[[dict[str, LiveChat]], Schedule],
    *,
    until_ms: int,
    calls_per_s: float = CALLS_PER_S,
) -> Kept:
    """Read chats as a schedule says, as often as the rate allows."""
    live: dict[str, LiveChat] = {}
    schedule = schedule_of(live)
    world = _World(iter(chats), live, schedule)
    rng = Random(calls_per_s)
    call_ms = 1000 / calls_per_s
    at = 0.0
    next_crash_ms = _WARM_MS
    while at < until_ms:
        now = int(at)
        # A chat that has ended is tried once more; its token is dead.
        refused = world.go_on(now)
        if now >= next_crash_ms:
            next_crash_ms += _CRASH_EVERY_MS
            _crash(world, now, call_ms, rng)
        chat = None if refused else schedule.take(now)
        pages = refused or 1
        if chat is not None:
            pages = _read(live[chat], chat, now, schedule)
        at += call_ms * pages
    return world.kept


@dataclass(slots=True)
class _World:
    """Chats come, live and end."""

    coming: Iterable[tuple[int, Timeline]]
    live: dict[str, LiveChat]
    schedule: Schedule
    kept: Kept = field(default_factory=Kept)
    _next: tuple[int, Timeline] | None = None
    _ends: list[tuple[int, str]] = field(default_factory=list)
    _names: Iterable[int] = field(default_factory=count)

    def go_on(self, now: int) -> int:
        """Let happen what has happened by now; return how many chats have ended."""
        coming = iter(self.coming)
        while True:
            self._next = self._next or next(coming, None)
            if self._next is None or self._next[0] > now:
                break
            started_ms, timeline = self._next
            self._next = None
            name = str(next(iter(self._names)))
            self.live[name] = LiveChat(timeline, started_ms, written_ms=max(0, started_ms))
            heappush(self._ends, (started_ms + timeline.life_ms, name))
            self.schedule.add(name, max(0, started_ms))
        ended = 0
        while self._ends and self._ends[0][0] <= now:
            ended_ms, name = heappop(self._ends)
            chat = self.live.pop(name)
            self.schedule.remove(name)
            ended += 1
            # Those that were live at the beginning had not been read all the time.
            if ended_ms >= _WARM_MS and chat.started_ms > 0:
                self.kept.reported += len(chat.timeline.reported)
                self.kept.kept += chat.read
        return ended


def _read(chat: LiveChat, name: str, now: int, schedule: Schedule) -> int:
    """Read a chat, and write its document if it is time; return how many pages that took."""
    age_ms = now - chat.started_ms
    before, found = chat.found, chat.timeline.state(age_ms)
    pages = pages_of(before, found)
    chat.found, chat.read = found, chat.timeline.known_by(age_ms)
    if found.step != chat.written_step and now - chat.written_ms >= WRITTEN_EVERY_MS:
        chat.written, chat.written_step, chat.written_ms = chat.read, found.step, now
    changed = before is None or before.step != found.step
    newest_at = chat.started_ms + found.newest_at
    seen = Seen(found.waiting, changed, calls=pages, newest_at=newest_at)
    schedule.done(name, now, seen)
    return pages


def _crash(world: _World, now: int, call_ms: float, rng: Random) -> None:
    """Note what a crash now would lose; nothing is changed.

    The next process begins within a minute and reads one live chat after the other. What had been
    read and not written is lost of those that end before.
    """
    begins_ms = now + rng.random() * _BEGINS_WITHIN_MS
    names = rng.sample(list(world.live), len(world.live))
    at, lost = begins_ms, 0
    for name in names:
        chat = world.live[name]
        if chat.started_ms + chat.timeline.life_ms <= at:
            lost += chat.read - chat.written
        if chat.started_ms + chat.timeline.life_ms > begins_ms:
            at += call_ms
    read = sum(chat.read for chat in world.live.values())
    world.kept.crash_lost.append(lost)
    world.kept.crash_shares.append(lost / read if read else 0.0)


SCHEDULES: dict[str, Callable[[dict[str, LiveChat]], Schedule]] = {
    "knowing": Knowing,
    "in turn": lambda _live: InTurn(),
    "rotation": lambda _live: Rotation(SHORTEST_MS),
}


def compare(live: int, seed: int, *, minutes: int, scripted: int = SCRIPTED) -> dict[str, Kept]:
    """Return what each schedule keeps of the same chats."""
    until_ms = _WARM_MS + minutes * 60_000
    coming = list(arrivals(_timelines(seed, scripted), live, until_ms, seed))
    return {name: simulate(coming, of, until_ms=until_ms) for name, of in SCHEDULES.items()}


_made: dict[tuple[int, int], list[Timeline]] = {}


def _timelines(seed: int, scripted: int) -> list[Timeline]:
    if (seed, scripted) not in _made:
        _made[seed, scripted] = timelines(seed, scripted)
    return _made[seed, scripted]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the curve; return 1 if the rotation keeps less than reading in turn anywhere."""
    parser = argparse.ArgumentParser(prog="python -m bench.receipts_kept", description=__doc__)
    add = parser.add_argument
    add("--live", type=int, nargs="+", default=LIVE, metavar="N", help="chats live at a time")
    add("--seeds", type=int, default=5, metavar="S", help="runs of each, other chats in each (5)")
    add("--minutes", type=int, metavar="M", help="how long each run measures (60, or 2400 / N)")
    options = parser.parse_args(arguments)
    print("share of reported readings kept, 4 calls a second; mean ± deviation over the runs")
    print(f"{'live':>5}{'knowing':>16}{'in turn':>16}{'rotation':>16}{'ahead, least':>16}"
          f"{'lost in a crash':>18}")  # fmt: skip
    behind = False
    for live in options.live:
        minutes = options.minutes or max(_MINUTES, _LIVE_MINUTES // live)
        runs = [compare(live, seed, minutes=minutes) for seed in range(options.seeds)]
        shares = {name: [run[name].share for run in runs] for name in SCHEDULES}
        ahead = [b - a for a, b in zip(shares["in turn"], shares["rotation"], strict=True)]
        behind |= fmean(ahead) < -_EQUAL
        lost = fmean(one for run in runs for one in run["rotation"].crash_lost)
        lost_share = fmean(one for run in runs for one in run["rotation"].crash_shares)
        told = "".join(f"{_percent(shares[name]):>16}" for name in SCHEDULES)
        print(f"{live:>5}{told}{f'{fmean(ahead):+.1%}, {min(ahead):+.1%}':>16}"
              f"{f'{lost:.1f} ({lost_share:.2%})':>18}", flush=True)  # fmt: skip
    return int(behind)


def _percent(shares: Sequence[float]) -> str:
    return f"{fmean(shares):.1%} ± {pstdev(shares) * 100:.1f}"


if __name__ == "__main__":
    sys.exit(main())
