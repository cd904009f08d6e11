"""Chats whose customer stays until something has answered: a flow's function, or the page's call.

Connect runs the disconnect flow of an ended chat while the customer is still there, and a page may
ask somebody before it disconnects. Either is waited for, but not for long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.scripted.items import FOREVER_MS

if TYPE_CHECKING:
    from local.clock import Clock
    from local.scripted.chat import Chat


class Endings:
    """Which chats are held open at their ends, and what is seen of them until then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ms: dict[str, int] = {}

    def hold(self, chat: Chat, limit_s: float) -> None:
        """Let a chat's customer stay until it is released, or until the limit has passed.

        Parameters
        ----------
        limit_s
            From the scripted end on, or from now if that is later, in seconds of the machine: a
            function that is waited for is no faster because the clock is, as with the timeouts of
            functions.
        """
        from_ms = max(chat.closing_ms, self._clock.now_ms())
        limit_ms = int(limit_s * self._clock.speed * 1000)
        self._until_ms[chat.initial_contact_id] = from_ms + limit_ms

    def release(self, chat: Chat) -> None:
        """Let the customer go."""
        self._until_ms.pop(chat.initial_contact_id, None)

    def keep(self, chat: Chat) -> None:
        """Let a chat go on without an end."""
        self._until_ms[chat.initial_contact_id] = FOREVER_MS

    def as_of(self, chat: Chat, now_ms: int) -> int:
        """Return the moment in the script that a chat has come to by now.

        Of a chat that is held it is the last one at which the customer was there; after that, all
        is as if the chat had not waited.
        """
        until_ms = self._until_ms.get(chat.initial_contact_id, 0)
        return min(now_ms, chat.closing_ms - 1) if now_ms < until_ms else now_ms
