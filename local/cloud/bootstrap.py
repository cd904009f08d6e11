"""What a function's process does before Lambda's own runtime client takes over.

It is run as a file by an isolated interpreter, so it can import nothing of this project: what a
function finds here, it must find in its own folder or layers.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != int(os.environ.pop("LOCAL_CLOUD_PARENT")):
        os._exit(1)


def _limit_memory() -> None:
    # Data, not address space: allocators and thread pools reserve far more than they ever use.
    size = int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _follow_clock() -> None:
    """Show the cloud's time; the format is that of `local.clock.Clock.to_environment`."""
    start, speed, anchor = map(float, os.environ.pop("LOCAL_CLOCK").split())
    monotonic, sleep = time.monotonic, time.sleep

    def now() -> float:
        return start + (monotonic() - anchor) * speed

    time.time = now
    time.time_ns = lambda: int(now() * 1e9)
    time.sleep = lambda seconds: sleep(float(seconds) / speed)


def main() -> None:
    """Become the function's execution environment."""
    _end_with_parent()
    _limit_memory()
    _follow_clock()
    sys.path[:0] = os.environ.pop("LOCAL_CLOUD_PATH").split(os.pathsep)
    handler = os.environ["_HANDLER"]
    sys.argv = ["bootstrap", handler]

    from awslambdaric.__main__ import main as run  # type: ignore[import-untyped]

    run(["bootstrap", handler])


if __name__ == "__main__":
    main()
