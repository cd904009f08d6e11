"""One run: chats go on for some time of its clock, and capture keeps what it can."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.live_sockets import feeder, service_process, storage_server, usage
from bench.live_sockets.archive import archive
from bench.live_sockets.chats import steady
from bench.live_sockets.fleet import Fleet, Process
from bench.live_sockets.kept import Kept, compare
from bench.live_sockets.options import ProcessOptions
from bench.live_sockets.service_process import Calls, Service
from bench.live_sockets.storage_server import REQUESTS
from chatlake.documents.document import Document
from local.clock import Clock
from local.scripted.chat import Chat

MINUTE_MS = 60_000
BEGINNING_MS = 4 * MINUTE_MS
"""How long at least a run that begins as a running stack has for opening tokens and sockets."""
BEGINNING_MS_A_CHAT = 60
"""Of that, what two cores need for a chat, by their own clock, with as much to spare."""
LOST_WITHIN_MS = 5 * MINUTE_MS
"""After a kill: by then the next process hears or reads every chat."""
SETTLE_MS = 3 * MINUTE_MS
"""After the end of a run: until the chats that have ended are read and written."""

_LOOK_S = 1.0
_BEFORE_FIRST_MS = 2_000


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a run is of.

    Attributes
    ----------
    source
        ``websocket`` or ``polling``.
    chats
        How many are live at a time, on average.
    minutes, speed
        How long it measures by its clock, and how much faster than the machine's that is.
    rate, connections
        Calls a second of GetTranscript and CreateParticipantConnection of the stack.
    kills
        How many processes are killed, each at a moment drawn for it.
    from_nothing
        Whether all calls keep the pace from the start, of chats that are live already.
    warm_minutes
        How long a run that begins as a running stack goes on before it measures: by the end of 16
        minutes every process has been replaced.
    """

    source: str
    chats: int
    minutes: float
    speed: float
    rate: float
    connections: float
    shards: int = 1
    kills: int = 0
    from_nothing: bool = False
    warm_minutes: float = 16
    seed: int = 1

    @property
    def warm_ms(self) -> int:
        """How long the run goes on before it measures."""
        return 0 if self.from_nothing else int(self.warm_minutes * MINUTE_MS)

    @property
    def beginning_ms(self) -> int:
        """How long the first processes may read and open faster than the rates allow.

        More chats take the machine longer, and so does a clock that goes faster.
        """
        needed_ms = int(self.chats * self.speed * BEGINNING_MS_A_CHAT)
        return min(self.warm_ms, max(BEGINNING_MS, needed_ms))

    @property
    def beginning_rate(self) -> float:
        """How many chats of a shard are opened a second then, so that half of the time is enough.

        At any rate the machine would be too busy to answer heartbeats, and sockets would break. A
        run that begins with nothing has no such time.
        """
        if not self.beginning_ms:
            return self.connections / self.shards
        return 2000 * self.chats / self.shards / self.beginning_ms

    @property
    def lasts_ms(self) -> int:
        """How long it measures."""
        return int(self.minutes * MINUTE_MS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    kept
        Of the chats that ended while it measured.
    kills
        When each process was killed, by its clock, and receipts lost of chats that ended from then
        on, within the time in which the next reads all.
    calls
        Of the service, while it measured.
    requests
        Of DynamoDB and S3, by operation, in the whole run.
    service_cpu_s
        Processor time of the simulated service.
    wall_s
        How long it took by the machine's clock.
    begun
        Chats whose token was given.
    by_socket
        The share of live chats of which all is heard, over all reports while it measured.
    longest_stall_s
        How much later than it should the bench itself was woken at worst, by the machine's clock: a
        machine that is too slow for the speed makes everything late.
    """

    configuration: Configuration
    kept: Kept
    kills: list[tuple[int, int]]
    calls: Calls
    requests: Counter[str]
    counts: Counter[str]
    processes: list[Process]
    failures: list[str]
    service_cpu_s: float
    wall_s: float
    begun: int
    by_socket: float
    longest_stall_s: float


def run(configuration: Configuration, progress: Callable[[str], None]) -> Outcome:
    """Make a run, in as much time as its clock takes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        start_s = float(int(time.time()))
        lasts_ms = configuration.warm_ms + configuration.lasts_ms
        chats = list(steady(configuration.seed, configuration.chats, int(start_s * 1000), lasts_ms))
        progress(f"{len(chats):,} chats are scripted")
        # What is scripted takes a while: the clock starts now.
        clock = Clock(start_s, configuration.speed)
        storage = stack.enter_context(storage_server.running(folder))
        services = stack.enter_context(service_process.running(chats, clock, lines=2))
        stack.enter_context(feeder.running(chats, clock, services[0], storage))
        return _Run(configuration, chats, clock, folder, storage, services[1], progress).made(stack)


class _Run:
    """A run that is under way."""

    def __init__(
        self,
        configuration: Configuration,
        chats: Sequence[Chat],
        clock: Clock,
        folder: Path,
        storage: str,
        service: Service,
        progress: Callable[[str], None],
    ) -> None:
        self._of = configuration
        self._chats = chats
        self._clock = clock
        self._folder = folder
        self._storage = storage
        self._service = service
        self._progress = progress
        self._began_ms = clock.now_ms()
        self._from_ms = self._began_ms + configuration.warm_ms
        self._to_ms = self._from_ms + configuration.lasts_ms
        self._fleet = Fleet(
            folder,
            {
                **clock.to_environment(),
                "AWS_ENDPOINT_URL": service.url,
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
                "AWS_DEFAULT_REGION": "eu-west-1",
            },
        )
        self._began = 0
        self._archive = archive(storage)
        self._longest_stall_s = 0.0

    def made(self, stack: ExitStack) -> Outcome:
        """Let it pass, and return what came of it."""
        stack.callback(self._fleet.stop)
        began = time.monotonic()
        kills = self._pass()
        self._fleet.keep_reports()
        kept = compare(
            (chat for chat in self._chats if self._from_ms <= chat.ended_ms < self._to_ms),
            self._document,
        )
        return Outcome(
            configuration=self._of,
            kept=kept,
            kills=[(at_ms - self._from_ms, self._lost(kept, at_ms)) for at_ms in kills],
            calls=self._service.calls(self._from_ms, self._to_ms),
            requests=Counter(self._archive.client.ask(REQUESTS)),
            counts=self._fleet.counts(),
            processes=self._fleet.processes,
            failures=self._fleet.failures(),
            service_cpu_s=usage.cpu_s(self._service.pid),
            wall_s=time.monotonic() - began,
            by_socket=self._fleet.share_by_socket(self._from_ms, self._to_ms),
            longest_stall_s=self._longest_stall_s,
            begun=sum(chat.started_ms < self._to_ms + SETTLE_MS for chat in self._chats),
        )

    def _pass(self) -> list[int]:
        """Begin processes, kill some and look at all until the time is over."""
        rng = Random(f"{self._of.seed}/kills")
        # Not before the first has been replaced, nor so late that nothing of it is seen.
        span_ms = self._to_ms - self._from_ms
        to_kill = sorted(
            self._from_ms + int(span_ms * rng.uniform(0.2, 0.9)) for _ in range(self._of.kills)
        )
        killed, next_minute_ms, told_ms = [], self._clock.now_ms(), self._began_ms
        while (now_ms := self._clock.now_ms()) < self._to_ms + SETTLE_MS:
            if now_ms >= next_minute_ms:
                next_minute_ms += MINUTE_MS
                self._begin_each(now_ms)
            if to_kill and now_ms >= to_kill[0]:
                to_kill.pop(0)
                if living := [one for one in self._fleet.living() if one.has_lease]:
                    self._fleet.kill(rng.choice(living), now_ms)
                    killed.append(now_ms)
            self._fleet.look(now_ms)
            if now_ms - told_ms >= 5 * MINUTE_MS:
                told_ms = now_ms
                self._tell(now_ms)
            wait_s = min(_LOOK_S, MINUTE_MS / 1000 / self._of.speed)
            slept = time.monotonic()
            time.sleep(wait_s)
            self._longest_stall_s = max(self._longest_stall_s, time.monotonic() - slept - wait_s)
        return killed

    def _begin_each(self, now_ms: int) -> None:
        for shard in range(self._of.shards):
            self._began += 1
            options = ProcessOptions(
                storage=self._storage,
                source=self._of.source,
                rate=self._of.rate / self._of.shards,
                connections=self._of.connections / self._of.shards,
                shard=shard,
                shards=self._of.shards,
                beginning_until_ms=self._began_ms + self._of.beginning_ms,
                beginning_rate=self._of.beginning_rate,
                report=str(self._folder / f"process-{self._began}"),
            )
            self._fleet.begin(options, now_ms)

    def _tell(self, now_ms: int) -> None:
        told = [
            f"hears {last.by_socket} of {last.live} chats, {last.uncovered} uncovered, "
            f"{process.peak_bytes >> 20} MiB, {process.cpu_s:.0f} s"
            for process in self._fleet.living()
            if process.has_lease
            # One that has just begun has none.
            for last in process.reports()[-1:]
        ]
        minute = (now_ms - self._from_ms) / MINUTE_MS
        self._progress(f"minute {minute:.0f}: " + "; ".join(told))

    def _document(self, chat: str) -> Document | None:
        stored = self._archive.store.read(chat)
        return None if stored is None else stored.document

    def _lost(self, kept: Kept, at_ms: int) -> int:
        return kept.lost_from(at_ms - MINUTE_MS, at_ms + LOST_WITHIN_MS)
