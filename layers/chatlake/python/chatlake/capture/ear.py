"""How one chat is listened to: whether its websocket is open, and what of the chat is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlake.documents.document import Document

_BACKOFF_MS = 2_000
_LONGEST_BACKOFF_MS = 30_000
_LASTING_MS = 60_000
"""A socket that was open for so long has not failed when it breaks."""
_SHORT_GAP_MS = 2_000
"""A gap no longer than this has hardly ever anything in it."""


@dataclass(slots=True)
class Ear:
    """Of one chat; times in epoch milliseconds.

    Attributes
    ----------
    opened_at
        None if no socket is open.
    covered
        Whether all is known that was said and reported until now.
    gap_ms
        How long the moment was between a read that knew all and the socket's opening; None if more
        than that is not known.
    missed_at
        When something came of which nothing could be kept, or is not known any more; 0 if nothing.
    refused
        Whether the service gave it no socket: none is tried again.
    ended_at
        When an item came that says that the chat has ended.
    try_at
        Not before then is a socket opened.
    """

    opened_at: int | None = None
    opening: bool = False
    covered: bool = False
    gap_ms: int | None = None
    missed_at: int = 0
    refused: bool = False
    ended_at: int | None = None
    failures: int = 0
    try_at: int = 0

    def opened(self, at: int, known: Document) -> None:
        """Note that a socket is open; what is known of the chat tells how long the gap was."""
        self.opening = False
        if self.opened_at is None:
            self.opened_at = at
            observed_us = known.participant["observed_until"] if known.participant else None
            self.gap_ms = None if observed_us is None else max(0, at - observed_us // 1000)

    @property
    def gap_is_short(self) -> bool:
        """Whether hardly anything can be missing: it was read just before the socket was open."""
        return self.gap_ms is not None and self.gap_ms <= _SHORT_GAP_MS

    def missed(self, at: int) -> None:
        """Note that something until a moment is not known: a read that begins later brings it."""
        self.covered, self.gap_ms = False, None
        self.missed_at = at

    def lost(self, at: int) -> None:
        """Note that none is open since a moment."""
        if self.opened_at is not None and at - self.opened_at >= _LASTING_MS:
            self.failures = 0
        self.opened_at = None
        self.covered = self.opening = False
        self.gap_ms = None

    def back_off(self, at: int) -> None:
        """Have the next one wait, the longer the more have failed."""
        wait_ms = min(_LONGEST_BACKOFF_MS, _BACKOFF_MS << min(self.failures, 10))
        self.try_at = at + wait_ms
        self.failures += 1
