"""Both heartbeats of one websocket: what is due, what is not answered, what is thereby proven."""

from __future__ import annotations

from chatlake.sources.frame import HEARTBEAT, PING

BEAT_MS = 10_000
"""As AWS's own clients have it."""
MESSAGES = (b'{"topic":"aws/heartbeat"}', b'{"topic":"aws/ping"}')


class Heartbeats:
    """When the heartbeats of a websocket were sent, and which of them lack an answer."""

    __slots__ = ("_awaited", "_due_at", "_sent_at")

    def __init__(self, at: int) -> None:
        self._sent_at = at
        self._due_at = at + BEAT_MS
        self._awaited: set[str] = set()

    def is_due(self, at: int) -> bool:
        """Return whether both are to be sent."""
        return at >= self._due_at

    @property
    def is_answered(self) -> bool:
        """Whether nothing that was sent lacks an answer."""
        return not self._awaited

    def sent(self, at: int) -> None:
        """Note that both were sent, in epoch ms."""
        self._sent_at, self._due_at = at, at + BEAT_MS
        self._awaited = {HEARTBEAT, PING}

    def answer(self, topic: str) -> int | None:
        """Note an answer.

        Returns
        -------
        int | None
            When both were sent, once both are answered: what the service sent before that has come.
        """
        if topic not in self._awaited:
            return None
        self._awaited.remove(topic)
        return None if self._awaited else self._sent_at
