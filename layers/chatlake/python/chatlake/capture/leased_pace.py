"""A pace that is a share of a shard's rate, as large as the lease says at the moment."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from chatlake.capture.rate_limiter import RateLimiter
from chatlake.participant_exceptions import ParticipantPutOff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST_WITHOUT_S = 20.0
_TICK_S = 0.1


class LeasedPace:
    """Lets calls begin at a rate that may change, and none while there is no share.

    Those that wait get their turn by the share that there is then.
    """

    def __init__(self, per_second: float, share: Callable[[], float]) -> None:
        """Take the whole rate, and what returns the share of it, 0 if there is none."""
        self._share = share
        self._limiter = RateLimiter(per_second, self._wait_for_share)
        self._none_since: float | None = None
        self._waiting = 0
        self._lock = Lock()

    @property
    def is_busy(self) -> bool:
        """Whether callers wait for their turn."""
        return self._waiting > 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wait for one's turn; the call is made inside of the block.

        Raises
        ------
        ParticipantPutOff
            There has been no share for long.
        """
        with ExitStack() as turn:
            with self._lock:
                self._waiting += 1
            try:
                turn.enter_context(self._limiter.call())
            finally:
                with self._lock:
                    self._waiting -= 1
            yield

    def _wait_for_share(self) -> float:
        """Return the share; one caller at a time."""
        while not (share := self._share()):
            at = time.time()
            if self._none_since is None:
                self._none_since = at
            if at - self._none_since > _LONGEST_WITHOUT_S:
                raise ParticipantPutOff("no call", "without a lease")
            time.sleep(_TICK_S)
        self._none_since = None
        return share
