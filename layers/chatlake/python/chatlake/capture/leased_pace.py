"""A pace that is a share of a shard's rate, as large as the lease says at the moment."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from chatlake.capture.rate_limiter import RateLimiter
from chatlake.exceptions import ParticipantThrottled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST_WAIT_S = 20.0
_TICK_S = 0.1


class LeasedPace:
    """Lets calls begin at a rate that may change, and none while there is no share."""

    def __init__(self, per_second: float, share: Callable[[], float]) -> None:
        """Take the whole rate, and what returns the share of it."""
        self._per_second = per_second
        self._share = share
        self._limiter: tuple[float, RateLimiter] | None = None
        self._lock = Lock()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wait for one's turn; the call is made inside of the block.

        Raises
        ------
        ParticipantThrottled
            There has been no share for long.
        """
        with self._current().call():
            yield

    def _current(self) -> RateLimiter:
        until = time.time() + _LONGEST_WAIT_S
        while not (share := self._share()):
            if time.time() > until:
                raise ParticipantThrottled("no call", "without a lease")
            time.sleep(_TICK_S)
        with self._lock:
            if self._limiter is None or self._limiter[0] != share:
                self._limiter = share, RateLimiter(self._per_second * share)
            return self._limiter[1]
