"""Runs of the tests on a busy machine: which test fails now and then, and in which run.

A test that waits for a fixed time, or takes what is there "by now" for what it waits for, passes
on a quiet machine. Here every run shares its processors with loops that never rest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# It ends with the one that started it, however that ends.
_LOOP = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"
_TESTS_FAILED = 1


@dataclass(frozen=True)
class Run:
    """One run: how pytest ended, how many tests it ran in which time, and which of them failed."""

    code: int
    tests: int
    seconds: float
    failed: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        return self.code == 0


@contextmanager
def busy_loops(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep as many processors busy as long as the block lasts."""
    loops = [
        subprocess.Popen([sys.executable, "-c", _LOOP, str(os.getpid())]) for _ in range(count)
    ]
    try:
        yield loops
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def run(arguments: Sequence[str], log: Path) -> Run:
    """Run pytest once; what it says goes into the log, and its report beside it."""
    report = log.with_suffix(".xml")
    began = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments],
            check=False,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    tests, failed = read_report(report) if report.exists() else (0, ())
    return Run(done.returncode, tests, time.monotonic() - began, failed)


def read_report(report: Path) -> tuple[int, tuple[str, ...]]:
    """Return how many tests a report of pytest is of, and the names of those that failed."""
    cases = list(ET.parse(report).iter("testcase"))  # nosec B314 # pytest has written it
    failed = [
        f"{case.get('classname', '')}::{case.get('name', '')}"
        for case in cases
        if any(part.tag in {"failure", "error"} for part in case)
    ]
    return len(cases), tuple(dict.fromkeys(failed))


def summary(runs: Mapping[int, Run]) -> str:
    """Return which tests failed in which runs, and which runs ended in another way."""
    lines = []
    for test in sorted({test for run in runs.values() for test in run.failed}):
        numbers = [str(number) for number, run in runs.items() if test in run.failed]
        lines.append(f"{test}: failed in {len(numbers)} of {len(runs)} (run {', '.join(numbers)})")
    for number, one in runs.items():
        if one.code not in {0, _TESTS_FAILED}:
            lines.append(f"run {number}: pytest ended with {one.code}")
    return "\n".join(lines or [f"No test failed in {len(runs)} runs."])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.under_load", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--loops", type=int, default=2, help="busy loops beside each run")
    parser.add_argument("--logs", type=Path, default=Path("build/load"))
    parser.add_argument("pytest", nargs="*", help="what pytest is given, after --")
    given = parser.parse_args(arguments)
    given.logs.mkdir(parents=True, exist_ok=True)
    runs: dict[int, Run] = {}
    with busy_loops(given.loops):
        for number in range(1, given.runs + 1):
            log = given.logs / f"run-{number}.log"
            log.with_suffix(".xml").unlink(missing_ok=True)
            one = runs[number] = run(given.pytest, log)
            said = f"run {number}: {len(one.failed)} of {one.tests} failed, {one.seconds:.0f} s"
            print(
                said if one.is_good else f"{said}, see {log}", *one.failed, sep="\n  ", flush=True
            )
    print(summary(runs))
    return 0 if all(one.is_good for one in runs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
