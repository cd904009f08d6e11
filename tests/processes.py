"""Commands in processes of their own, that start quickly and can be killed at any moment.

The processes are forked from a server that has imported everything already. One that is to be
killed is ended by the kernel when it has used so much processor time, wherever it is then: by a
signal that nobody handles, so that as little of it runs any more as after a kill -9. Processor time
says how far a run has come on a busy machine, too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatlake.operations.publish_waiting import BatchLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import ForkServerProcess
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from tests.lake_folder import LakeFolder

KILLED = -signal.SIGPROF
KILLED_FROM_OUTSIDE = -signal.SIGKILL

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "chatlake.cli.commands",
        "chatlake.embedded.archive",
        "chatlake.operations.rebuild",
        "chatlake.operations.erase",
        "tests.lake_folder",
        __name__,
    ]
)
_PATIENCE_S = 100


@dataclass(frozen=True)
class Process:
    """A process that was begun here; `log` is what it said."""

    log: Path
    process: ForkServerProcess = field(repr=False)

    def end(self) -> int:
        """Wait for its end; return its exit code, which is negative for a signal."""
        self.process.join(_PATIENCE_S)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            message = f"it hangs; it said {self.said}"
            raise AssertionError(message)
        return self.process.exitcode

    def kill(self) -> None:
        """End it with kill -9, if it still runs."""
        self.process.kill()

    def must_end_well(self) -> None:
        """Wait for its end, which must be a good one."""
        code = self.end()
        assert code == 0, f"exit code {code}; it said {self.said}"

    @property
    def said(self) -> str:
        """What it wrote to its standard output and error."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def cpu_s(self) -> float:
        """How much processor time it used, if nobody killed it."""
        return float(_cpu_file(self.log).read_text())


def begin(
    log: Path,
    work: Callable[..., object],
    *arguments: Any,
    kill_after_s: float | None = None,
    barrier: Barrier | None = None,
) -> Process:
    """Begin some work in a process of its own.

    `kill_after_s` is of its processor time. With a barrier it begins when all wait there.
    """
    process = _CONTEXT.Process(target=_run, args=(log, kill_after_s, barrier, work, *arguments))
    process.start()
    return Process(log, process)


def command(*arguments: object) -> None:
    """Run `chatlake`; never returns."""
    from chatlake.cli import commands as cli

    sys.argv = ["chatlake", *map(str, arguments)]
    cli.main()


# Then there are several batches, each with its commits.
SMALL_BATCHES = BatchLimits(import_bytes=60_000, publish_chats=5)


def import_in_small_batches(lake: LakeFolder, *paths: Path) -> None:
    summary = lake.import_files(*paths, limits=SMALL_BATCHES)
    assert summary.rejected == []
    assert summary.upserted.failed | summary.outcome.failed == {}


def rebuild_in_small_batches(lake: LakeFolder) -> None:
    assert lake.rebuild(SMALL_BATCHES) == {}


def together(count: int) -> Barrier:
    """Return a barrier that so many processes wait at, to begin at once."""
    return _CONTEXT.Barrier(count, timeout=_PATIENCE_S)


def _run(
    log: Path,
    kill_after_s: float | None,
    barrier: Barrier | None,
    work: Callable[..., object],
    *arguments: Any,
) -> None:
    warnings.simplefilter("error")
    with log.open("wb") as file:
        for standard in (1, 2):
            os.dup2(file.fileno(), standard)
    if barrier is not None:
        barrier.wait()
    with _cpu_time(_cpu_file(log)):
        if kill_after_s is not None:
            signal.setitimer(signal.ITIMER_PROF, kill_after_s)
        try:
            work(*arguments)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def _cpu_time(file: Path) -> Iterator[None]:
    before = time.process_time()
    try:
        yield
    finally:
        file.write_text(str(time.process_time() - before))


def _cpu_file(log: Path) -> Path:
    return log.with_suffix(".cpu_s")
