"""Runs a command in a process of its own and measures it: time, CPU and peak of resident memory.

Wall time runs from the start of the process to its end, so imports and start-up count for all
alike. CPU time and the peak are the kernel's own accounts, of the process and all it waited for.
On Linux the peak of a child begins at the size of the process that starts it: what calls this
must stay small, which is why all else that the bench does runs in processes of its own, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_SAMPLE_EVERY_S = 0.02
# Modules are compiled once, as on a user's machine, not in every run: the first one is not timed.
_ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


class CommandFailed(Exception):
    """A command of the bench did not end well; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command used.

    Attributes
    ----------
    wall_s, cpu_s
        Time from start to end, and CPU time (user and system) of all its processes.
    peak_bytes
        Resident memory of its largest process.
    tree_peak_bytes
        Resident memory of all its processes at one moment, pages that they share counted for each
        of them; sampled, and never less than `peak_bytes`.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    tree_peak_bytes: int


def measure(command: Sequence[str | Path], *, sample_tree: bool = False) -> Usage:
    """Run a command to its end.

    Parameters
    ----------
    command
        What it writes to standard output is thrown away.
    sample_tree
        Look at all its processes every 20 ms, which takes some CPU time from it.

    Raises
    ------
    CommandFailed
        It did not exit with 0.
    """
    # What was written before must not be flushed to disk in the time of this one.
    os.sync()
    with TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            list(command), stdout=subprocess.DEVNULL, stderr=errors, env=_ENVIRONMENT
        )
        sampler = _Sampler(process.pid)
        try:
            if sample_tree:
                sampler.start()
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            sampler.stop()
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        _check(command, process.returncode, errors.read())
    peak_bytes = used.ru_maxrss * _MAXRSS_BYTES
    return Usage(
        wall_s, used.ru_utime + used.ru_stime, peak_bytes, max(peak_bytes, sampler.peak_bytes)
    )


def run(command: Sequence[str | Path]) -> str:
    """Run a command that is not measured; return its standard output.

    Raises
    ------
    CommandFailed
        It did not exit with 0.
    """
    done = subprocess.run(list(command), capture_output=True, check=False)
    _check(command, done.returncode, done.stderr)
    return done.stdout.decode().strip()


class _Sampler(threading.Thread):
    """Keeps the largest sum of resident memory of a process and all below it."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._root = root
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_EVERY_S):
            self.peak_bytes = max(self.peak_bytes, _tree_bytes(self._root))

    def stop(self) -> None:
        self._over.set()
        if self.is_alive():
            self.join()


def _tree_bytes(root: int) -> int:
    """Sum up the resident memory of a process tree; 0 where there is no /proc."""
    children: dict[int, list[int]] = {}
    resident: dict[int, int] = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything; after it come state, parent and numbers.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        resident[pid] = int(fields[21]) * _PAGE_BYTES
    total, found = 0, [root]
    while found:
        pid = found.pop()
        total += resident.get(pid, 0)
        found.extend(children.get(pid, ()))
    return total


def _check(command: Sequence[str | Path], code: int, errors: bytes) -> None:
    if code:
        line = " ".join(map(str, command))
        message = f"exit code {code} of: {line}\n{errors.decode(errors='replace').strip()}"
        raise CommandFailed(message)
