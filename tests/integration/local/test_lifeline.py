"""Nothing of a local cloud outlives it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.local.stack import TEMPLATE, a_cloud, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[3]
PROGRAM = """
import signal, sys, time
from pathlib import Path
from tests.integration.local.stack import TEMPLATE, a_cloud

# A shell may have started all this in the background, where an interrupt is not heard.
signal.signal(signal.SIGINT, signal.default_int_handler)
with a_cloud(Path(sys.argv[1])) as cloud:
    stack = cloud.deploy(TEMPLATE)
    cloud.invoke(stack, "Page", {"routeKey": "x"})
    cloud.invoke(stack, "Probe", {"do": "sleep", "seconds": 6000}, asynchronous=True)
    print("running", flush=True)
    while True:  # a signal that comes just before a long sleep is heard after it only
        time.sleep(0.05)
"""


def children(pid: int) -> set[int]:
    """All processes that a process started, and these in their turn."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child, *children(child)}
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"running\n"
        yield running
        running.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_every_process_ends_with_the_one_that_started_it(
    program: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    eventually(lambda: len(children(program.pid)) >= 3)
    started = children(program.pid)
    os.kill(program.pid, number)
    program.wait(timeout=60)
    eventually(lambda: not alive(started))


def test_a_cloud_that_is_over_leaves_no_process(tmp_path: Path) -> None:
    before = children(os.getpid())
    with a_cloud(tmp_path) as cloud:
        stack = cloud.deploy(TEMPLATE)
        cloud.invoke(stack, "Page", {"routeKey": "x"})
        cloud.invoke(stack, "Probe", {"do": "sleep", "seconds": 6000}, asynchronous=True)
        eventually(lambda: len(children(os.getpid()) - before) >= 3)
    assert children(os.getpid()) <= before
