"""One process of capture, as its function is: `python -m bench.live_sockets.capture_process JSON`.

It lives by the clock of its environment, and works on the storage and the service of the bench.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.live_sockets import usage
from bench.live_sockets.clock import follow
from bench.live_sockets.options import ProcessOptions, Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.aws_clients.metric_names import Metric

# As functions/capture/app.py has them.
LAST_ATTEMPT_MS = 45_000
LAST_PAGE_MS = 30_000
MOST_READS_AT_ONCE = 8
SHORTEST_MS = 5_000


class FromThen:
    """Another pace from a moment on, and none before."""

    def __init__(self, per_second: float, from_ms: int) -> None:
        from chatlake.capture.rate_limiter import RateLimiter

        self._paced = RateLimiter(per_second)
        self._from_s = from_ms / 1000

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wait for one's turn."""
        if time.time() < self._from_s:
            yield
            return
        with self._paced.call():
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

    def write(self, live: int, counts: dict[Metric, int]) -> None:
        """Write a report."""
        told = {str(metric): count for metric, count in counts.items()}
        memory = usage.memory_bytes(os.getpid())
        report = Report(int(time.time() * 1000), live, told, memory, self._failures)
        self._failures = []
        self._file.write(report.to_json() + "\n")


def main(options: ProcessOptions) -> None:
    """Capture until the time is over."""
    from bench.live_sockets.archive import SEALED, Unpublished, archive
    from chatlake.aws_clients import clients
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.participant_client import ParticipantClient
    from chatlake.capture.worker import WorkerHooks, run
    from chatlake.chat_state.leg_cache import with_leg_cache

    ends_at_ms = int(time.time() * 1000) + options.lives_ms

    def left_ms() -> float:
        return ends_at_ms - time.time() * 1000

    state = archive(options.storage)
    reports = Reports(options.report)
    from_ms = options.unpaced_until_ms
    service = ParticipantClient(
        clients.participant(),
        transcripts=FromThen(options.rate, from_ms),
        connections=FromThen(options.connections, from_ms),
    )
    services = CaptureServices(
        schedule=state.schedule,
        chats=with_leg_cache(state.chats),
        store=state.store,
        token_cipher=SEALED,
        service=service,
        read_export=lambda _: None,
        publish_queue=Unpublished(),
        warn=reports.warn,
        may_go_on=lambda: left_ms() > LAST_PAGE_MS,
    )
    hooks = WorkerHooks(
        may_begin=lambda: left_ms() > LAST_ATTEMPT_MS,
        report=lambda _, live: reports.write(live, services.counters.take()),
        failed=reports.failed,
    )
    reports.write(0, {})
    run(
        services,
        hooks,
        shortest_ms=SHORTEST_MS,
        reads_at_once=max(2, min(MOST_READS_AT_ONCE, round(2 * options.rate))),
    )


if __name__ == "__main__":
    follow()
    main(ProcessOptions.from_json(sys.argv[1]))
