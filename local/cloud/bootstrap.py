"""What a function's process does before Lambda's own runtime client takes over.

It is run as a file by an isolated interpreter, so it can import nothing of this project: what a
function finds here, it must find in its own folder or layers.
"""

from __future__ import annotations

import ctypes
import datetime
import os
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


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

    show(now)
    time.sleep = lambda seconds: sleep(float(seconds) / speed)


def show(now: Callable[[], float]) -> None:
    """Let everything that asks for the time get that of a clock.

    `datetime` and `date` cannot be changed, so others take their place that make the same objects:
    of the class that C code makes, too, and every instance of that is one of theirs.
    """
    time.time = now
    time.time_ns = lambda: int(now() * 1e9)
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, _of_now(getattr(time, name), now))
    _take_places(now)


def _of_now(convert: Callable[[float], Any], now: Callable[[], float]) -> Callable[..., Any]:
    def of_now(seconds: float | None = None) -> Any:
        return convert(now() if seconds is None else seconds)

    return of_now


def _take_places(now: Callable[[], float]) -> None:
    stands_for: dict[type, type] = {}

    class StandIn(type):
        """Makes the objects of another class, and takes them for its own."""

        def __call__(cls, *arguments: Any, **named: Any) -> Any:
            made = stands_for.get(cls)
            return made(*arguments, **named) if made else super().__call__(*arguments, **named)

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, stands_for.get(cls, ())) or super().__instancecheck__(
                instance
            )

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, stands_for.get(cls, ())) or super().__subclasscheck__(other)

    def at_now(tz: datetime.tzinfo | None = None) -> Any:
        return of_c["datetime"].fromtimestamp(now(), tz)

    of_c: dict[str, Any] = {"date": datetime.date, "datetime": datetime.datetime}
    answers: dict[str, dict[str, Callable[..., Any]]] = {
        "date": {"today": lambda: of_c["date"].fromtimestamp(now())},
        "datetime": {
            "now": at_now,
            "today": at_now,
            "utcnow": lambda: at_now(datetime.UTC).replace(tzinfo=None),
        },
    }
    for name, told in answers.items():
        methods = {method: staticmethod(tell) for method, tell in told.items()}
        stand_in = StandIn(name, (of_c[name],), methods)
        stands_for[stand_in] = of_c[name]
        setattr(datetime, name, stand_in)


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
