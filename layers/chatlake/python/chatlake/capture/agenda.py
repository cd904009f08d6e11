"""What the schedule says is to be done, of the chats that this process serves."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from chatlake.capture.shard_table import Kept, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatlake.capture.capture_state import Phase
    from chatlake.capture.live_chat import LiveChat
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.capture.shard_table import Coverage

_QUERY_EVERY_MS = 2_000
_NEW_EVERY_MS = 1_000
_NEW_SINCE_MS = 60_000
_LIST_EVERY_MS = 5_000
_OLDER_LIST_EVERY_MS = 15_000
_MOST_DUE = 64


class Shard(Protocol):
    """What a process knows of the others: `Lease` is one, `Alone` another."""

    coverage: Coverage
    waiting: Waiting

    @property
    def is_newest(self) -> bool:
        """Whether this process takes new chats and makes the reads."""

    @property
    def is_lost(self) -> bool:
        """Whether nothing is its own any longer."""

    @property
    def has_newer(self) -> bool:
        """Whether chats can be handed over."""

    @property
    def is_noticed(self) -> bool:
        """Whether it has said which chats it keeps since a newer one took the lease."""

    @property
    def kept(self) -> Kept:
        """The chats that it keeps as an older one."""

    def tick(self) -> None:
        """Renew what this process knows, if it is time."""

    def serves(self, chat: str) -> bool:
        """Return whether a chat is this process's to serve."""

    def keep(self, kept: Kept) -> None:
        """Note which chats this process keeps."""

    def is_heard_elsewhere(self, chat: str, since: int) -> bool | None:
        """Return whether an older process has heard all of a chat until after a moment."""

    def take_orphans(self) -> set[str]:
        """Return chats that a process had passed on which has died."""


class Alone:
    """A shard of one process."""

    is_newest, is_lost, has_newer, is_noticed = True, False, False, True
    kept = Kept()

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self.waiting = Waiting()

    def tick(self) -> None:
        """Renew what this process knows, if it is time."""

    def serves(self, _: str) -> bool:
        """Return whether a chat is this process's to serve."""
        return True

    def keep(self, kept: Kept) -> None:
        """Note which chats this process keeps."""

    def is_heard_elsewhere(self, _chat: str, _since: int) -> bool | None:
        """Return whether an older process has heard all of a chat until after a moment."""
        return False

    def take_orphans(self) -> set[str]:
        """Return chats that a process had passed on which has died."""
        return set()


class Agenda:
    """Queues of chats that are due, filled from the schedule now and then.

    Attributes
    ----------
    ended, new, waiting
        Chats that ended and are due; live ones that this process does not know, or of which
        something was noted, the newest first, for if not all can be followed, those that began just
        now are heard whole; and those that wait for a source and are due.
    """

    def __init__(self, schedule: CaptureSchedule, shard: Shard) -> None:
        self.ended: deque[str] = deque()
        self.new: deque[str] = deque()
        self.waiting: deque[str] = deque()
        self._schedule = schedule
        self._shard = shard
        self._due_at: dict[str, int] = {}
        self._queried_at = self._listed_at = self._new_at = 0

    def refresh(self, at: int, known: Mapping[str, LiveChat]) -> set[str]:
        """Ask the schedule, if it is time; return chats that are not live any more.

        Parameters
        ----------
        at
            Now, in epoch milliseconds.
        known
            The live chats that this process has in memory.
        """
        if at - self._queried_at >= _QUERY_EVERY_MS:
            self._queried_at = at
            self.ended = self._due("ended", at)
        every_ms = _LIST_EVERY_MS if self._shard.is_newest else _OLDER_LIST_EVERY_MS
        if at - self._listed_at >= every_ms:
            self._listed_at = self._new_at = at
            return self._list(at, known)
        if self._shard.is_newest and at - self._new_at >= _NEW_EVERY_MS:
            self._new_at = at
            self._add_new(at, known)
        return set()

    def is_live(self, chat: str) -> None:
        """Note that a chat is live, so that it is missed when it is no longer."""
        self._due_at.setdefault(chat, 0)

    def has_more(self) -> bool:
        """Return whether anything of the shard is to be done, now or later, by anybody."""
        return self._schedule.any("live", "ended")

    def _due(self, phase: Phase, at: int) -> deque[str]:
        serves = self._shard.serves
        return deque(self._schedule.due(phase, at, most=_MOST_DUE, serves=serves))

    def _list(self, at: int, known: Mapping[str, LiveChat]) -> set[str]:
        """List all that is live and waits; return chats that are not live any more."""
        if self._shard.is_newest:
            self.waiting = self._due("waiting", at)
        live = self._schedule.live()
        gone = self._due_at.keys() - live.keys()
        self._due_at = {chat: since for chat, since in live.items() if self._shard.serves(chat)}
        self.new = deque(reversed(self._unknown(self._due_at, at, known)))
        return gone

    def _add_new(self, at: int, known: Mapping[str, LiveChat]) -> None:
        """Add live chats that are due since a short while: chats that just began, most of them."""
        live = self._schedule.live(since=at - _NEW_SINCE_MS)
        due_at = {chat: since for chat, since in live.items() if self._shard.serves(chat)}
        self._due_at |= due_at
        queued = set(self.new)
        self.new.extendleft(chat for chat in self._unknown(due_at, at, known) if chat not in queued)

    def _unknown(
        self, due_at: Mapping[str, int], at: int, known: Mapping[str, LiveChat]
    ) -> list[str]:
        """Return those that are to be looked at, the longest due first."""
        return [
            chat
            for chat, since in due_at.items()
            if since <= at and (chat not in known or known[chat].due_at != since)
        ]
