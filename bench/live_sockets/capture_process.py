"""One process of capture, as its function is: `python -m bench.live_sockets.capture_process JSON`.

It lives by the clock of its environment, and works on the storage and the service of the bench.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.live_sockets import usage
from bench.live_sockets.clock import follow
from bench.live_sockets.options import ProcessOptions, Report
from chatlake.capture.worker_hooks import (
    LAST_ATTEMPT_MS,
    LAST_PAGE_MS,
    LONGEST_LIFE_MS,
    NEW_EVERY_MS,
    Pacing,
    WorkerHooks,
    reads_at_once,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.aws_clients.metric_names import Metric
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.lease import Lease
    from chatlake.capture.rate_limiter import Pace
    from chatlake.capture.shard_table import Coverage, Rate

# As the template has it.
SHORTEST_MS = 5_000


# In the beginning: what was said before, what came until its socket was open, and pages of both.
_READS_A_CHAT = 3


class FromThen:
    """Another pace from a moment on."""

    def __init__(self, before: Pace, paced: Pace, from_ms: int) -> None:
        self._before = before
        self._paced = paced
        self._from_s = from_ms / 1000

    @property
    def is_busy(self) -> bool:
        """Whether callers wait."""
        return self._paced.is_busy

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wait for one's turn."""
        with (self._before if time.time() < self._from_s else self._paced).call():
            yield


class Reports:
    """Writes reports, each at once, for the process may be killed."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115
        self._failures: list[str] = []

    def warn(self, metric: Metric, _chat: str, _reason: str) -> None:
        """Take a problem, which is among the counts."""

    def failed(self, _chat: str, error: Exception) -> None:
        """Take what nobody foresaw."""
        import traceback

        self._failures.append("".join(traceback.format_exception(error))[-2000:])

    def write(self, coverage: Coverage, counts: dict[Metric, int]) -> None:
        """Write a report."""
        told = {str(metric): count for metric, count in counts.items()}
        memory = usage.memory_bytes(os.getpid())
        report = Report(
            at_ms=int(time.time() * 1000),
            live=coverage.chats,
            by_socket=coverage.by_socket,
            uncovered=coverage.uncovered,
            counts=told,
            memory_bytes=memory,
            failures=self._failures,
        )
        self._failures = []
        self._file.write(report.to_json() + "\n")


def main(options: ProcessOptions) -> None:
    """Capture until the time is over, if the lease is to be had."""
    # What is imported later takes a second, and most processes end here.
    from bench.live_sockets.storage import SCHEDULE
    from bench.live_sockets.storage_client import StorageClient
    from chatlake.capture.lease import Lease
    from chatlake.capture.shard_table import ShardTable

    client: Any = StorageClient(options.storage)
    lease = Lease.take(
        ShardTable(client, SCHEDULE, options.shard),
        every_ms=NEW_EVERY_MS[options.source],
        shard=options.shard,
        shards=options.shards,
    )
    if lease is not None:
        ends_at = int(time.time() * 1000) + LONGEST_LIFE_MS
        lease.calls_until = ends_at - LAST_ATTEMPT_MS
        with lease:
            _capture(options, lease, ends_at)


def _capture(options: ProcessOptions, lease: Lease, ends_at: int) -> None:
    from chatlake.capture.sockets import Sockets
    from chatlake.capture.worker import run

    reports = Reports(options.report)
    services = _services(options, lease, reports, ends_at)
    hooks = WorkerHooks(
        may_begin=lambda: time.time() * 1000 < ends_at - LAST_ATTEMPT_MS,
        report=lambda _, coverage: reports.write(coverage, services.counters.take()),
        failed=reports.failed,
    )
    listens = options.source == "websocket"
    with Sockets(count=services.counters.add) if listens else nullcontext() as sockets:
        reports.write(lease.coverage, {})
        run(
            services,
            hooks,
            Pacing(SHORTEST_MS, reads_at_once(options.rate), ends_at),
            shard=lease,
            sockets=sockets,
        )


def _services(
    options: ProcessOptions, lease: Lease, reports: Reports, ends_at: int
) -> CaptureServices:
    from bench.live_sockets.archive import SEALED, Unpublished, archive
    from chatlake.aws_clients import clients
    from chatlake.aws_clients.counters import Counters
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.leased_pace import LeasedPace
    from chatlake.capture.participant_client import ParticipantClient
    from chatlake.capture.rate_limiter import RateLimiter
    from chatlake.chat_state.leg_cache import with_leg_cache

    state, from_ms = archive(options.storage), options.beginning_until_ms
    counters = Counters()

    def paced(rate: Rate, per_second: float, at_first: float) -> Pace:
        leased = LeasedPace(per_second, partial(lease.share, rate))
        return FromThen(RateLimiter(at_first), leased, from_ms)

    return CaptureServices(
        counters=counters,
        schedule=state.schedule,
        chats=with_leg_cache(state.chats),
        store=state.store,
        token_cipher=SEALED,
        service=ParticipantClient(
            clients.participant(),
            transcripts=paced("transcripts", options.rate, _READS_A_CHAT * options.beginning_rate),
            connections=paced("connections", options.connections, options.beginning_rate),
            counters=counters,
        ),
        read_export=lambda _: None,
        publish_queue=Unpublished(),
        listens=options.source == "websocket",
        warn=reports.warn,
        may_go_on=lambda: time.time() * 1000 < ends_at - LAST_PAGE_MS,
    )


if __name__ == "__main__":
    follow()
    main(ProcessOptions.from_json(sys.argv[1]))
