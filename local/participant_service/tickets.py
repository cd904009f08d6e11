"""The tickets in the URLs of websockets: whose they are, and until when each opens its one."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.clock import Clock
    from local.participant_service.tokens import Holder

CONNECT_WITHIN_MS = 100_000
SOCKET_LIFE_MS = 3_600_000


class Tickets:
    """The tickets of one instance. They are random, so that nothing can be read from one.

    They go by the clock also where a chat's end waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tickets: dict[str, tuple[Holder, int]] = {}
        self._lock = threading.Lock()

    def issue(self, holder: Holder) -> tuple[str, int]:
        """Return a ticket, as the query of a URL, and until when its websocket lives at most."""
        ticket = f"ticket={secrets.token_urlsafe()}"
        now_ms = self._clock.now_ms()
        with self._lock:
            self._tickets[ticket] = holder, now_ms + CONNECT_WITHIN_MS
        return ticket, now_ms + SOCKET_LIFE_MS

    def holder(self, ticket: str) -> Holder | None:
        """Return whom a ticket lets in; None if it does not, or not any more."""
        with self._lock:
            holder, until_ms = self._tickets.get(ticket, (None, 0))
        return holder if self._clock.now_ms() < until_ms else None

    def use(self, ticket: str) -> None:
        """Let a ticket open nothing more."""
        with self._lock:
            self._tickets.pop(ticket, None)
