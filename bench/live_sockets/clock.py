"""Living by the clock of a run, in processes that are not Lambda's."""

from __future__ import annotations

import time

from local.clock import Clock


def follow(clock: Clock | None = None) -> None:
    """Let this process go by a clock, that of its environment if none is given.

    Whatever measures time, as timeouts do, goes by the machine's.
    """
    clock = clock or Clock.from_environment() or Clock(time.time())
    sleep, speed = time.sleep, clock.speed
    now = clock.time
    time.time = now
    time.time_ns = lambda: int(now() * 1e9)
    time.sleep = lambda seconds: sleep(float(seconds) / speed)
