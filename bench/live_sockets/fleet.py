"""The capture processes of a run: begun by the minute, as a stack's schedule does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.live_sockets import usage
from bench.live_sockets.options import ProcessOptions, Report

_END_S = 60


@dataclass
class Process:
    """A capture process, and what was seen of it.

    Attributes
    ----------
    began_ms, ended_ms
        By the clock of the run; None while it lives.
    killed_ms
        When it was killed; None if it was not.
    cpu_s, peak_bytes, peak_sockets
        Processor time, and the most memory and sockets of the network that were seen.
    """

    shard: int
    popen: subprocess.Popen[bytes]
    report: Path
    began_ms: int
    ended_ms: int | None = None
    killed_ms: int | None = None
    cpu_s: float = 0.0
    peak_bytes: int = 0
    peak_sockets: int = 0
    _reports: list[Report] | None = None

    def look(self, at_ms: int) -> None:
        """Note what it uses now, or that it has ended."""
        pid = self.popen.pid
        self.cpu_s = max(self.cpu_s, usage.cpu_s(pid))
        memory = usage.memory_bytes(pid)
        self.peak_bytes = max(self.peak_bytes, memory)
        self.peak_sockets = max(self.peak_sockets, usage.sockets(pid))
        if self.ended_ms is None and self.popen.poll() is not None:
            self.ended_ms = at_ms

    @property
    def has_lease(self) -> bool:
        """Whether it has taken the lease: it reports first of all then."""
        return self.report.exists()

    @property
    def base_bytes(self) -> int:
        """Its memory before it had work; 0 if it never reported."""
        return next((report.memory_bytes for report in self.reports()), 0)

    @property
    def peak_live(self) -> int:
        """The most chats that it reported to be live."""
        return max((report.live for report in self.reports()), default=0)

    def keep_reports(self) -> None:
        """Keep what it reported, whose file does not outlive the run."""
        self._reports = self.reports()

    def reports(self) -> list[Report]:
        """Return what it reported; a line that was cut off is none."""
        if self._reports is not None:
            return self._reports
        lines = self.report.read_text("utf-8").splitlines() if self.report.exists() else []
        return [Report.from_json(line) for line in lines if line.endswith("}")]


@dataclass
class Fleet:
    """All capture processes of a run.

    Attributes
    ----------
    folder
        Where reports are written.
    environment
        What every process finds in its environment, its clock among it.
    processes
        Those that had the lease; what ends without it is left out.
    """

    folder: Path
    environment: Mapping[str, str]
    processes: list[Process] = field(default_factory=list)

    def living(self) -> Iterator[Process]:
        """Yield the processes that live."""
        return (process for process in self.processes if process.ended_ms is None)

    def begin(self, options: ProcessOptions, at_ms: int) -> None:
        """Begin a process, which ends at once if the lease is not to be had."""
        popen = subprocess.Popen(
            [sys.executable, "-m", "bench.live_sockets.capture_process", options.to_json()],
            env={**os.environ, **self.environment},
        )
        self.processes.append(Process(options.shard, popen, Path(options.report), at_ms))

    def look(self, at_ms: int) -> None:
        """Note what the processes use now, and which have ended."""
        for process in list(self.living()):
            process.look(at_ms)
            if process.ended_ms is not None and process.popen.poll() == 0 and not process.has_lease:
                self.processes.remove(process)

    def kill(self, process: Process, at_ms: int) -> None:
        """Kill a process, as a machine does that fails."""
        process.look(at_ms)
        process.popen.send_signal(signal.SIGKILL)
        process.popen.wait()
        process.ended_ms = process.killed_ms = at_ms

    def stop(self) -> None:
        """End what still lives."""
        for process in self.living():
            process.popen.kill()
            process.popen.wait()

    def counts(self, from_ms: int = 0) -> Counter[str]:
        """Return what the processes counted from a moment on."""
        total = Counter[str]()
        for process in self.processes:
            for report in process.reports():
                if report.at_ms >= from_ms:
                    total.update(report.counts)
        return total

    def share_by_socket(self, from_ms: int, to_ms: int) -> float:
        """Return the share of live chats of which all was heard, over the reports meanwhile."""
        reports = [
            report
            for process in self.processes
            for report in process.reports()
            if from_ms <= report.at_ms < to_ms
        ]
        live = sum(report.live for report in reports)
        return sum(report.by_socket for report in reports) / live if live else 0.0

    def keep_reports(self) -> None:
        """Keep what the processes reported, whose files do not outlive the run."""
        for process in self.processes:
            process.keep_reports()

    def failures(self) -> list[str]:
        """Return what failed in a way that nobody foresaw, processes that did so among it."""
        found = [text for p in self.processes for r in p.reports() for text in r.failures]
        for process in self.processes:
            code = process.popen.poll()
            if code and process.killed_ms is None:
                found.append(f"a process ended with {code}")
        return found
