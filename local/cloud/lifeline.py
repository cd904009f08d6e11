"""Processes that end when the process that started them does, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PARENT_VARIABLE = "LOCAL_CLOUD_PARENT"
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Let the kernel kill this process when its parent ends; called first thing in a child."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ.pop(PARENT_VARIABLE)):  # it was quicker than we
        os._exit(1)


class Spawner:
    """Starts processes from one thread that lives as long as the cloud.

    The kernel's signal at a parent's death is in truth one at the death of the thread that forked.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "spawner")

    def start(
        self, command: Sequence[str], environment: dict[str, str], **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own: a Ctrl-C is its parent's to handle."""
        environment = {**environment, PARENT_VARIABLE: str(os.getpid())}

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, env=environment, start_new_session=True, **options)

        return self._thread.submit(start).result()

    def close(self) -> None:
        """End the thread, and with it whatever it started and nobody ended."""
        self._thread.shutdown()


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and collect it."""
    process.kill()
    process.wait()


if __name__ == "__main__":
    # A program that knows nothing of this: `python -m local.cloud.lifeline COMMAND ARGUMENT…`.
    end_with_parent()
    os.execv(sys.argv[1], sys.argv[1:])
