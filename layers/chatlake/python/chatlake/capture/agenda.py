"""What the schedule says is to be done, of the chats that this process serves."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chatlake.capture.capture_state import Phase
    from chatlake.capture.live_chat import LiveChat
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.capture.shard_table import Coverage

_QUERY_EVERY_MS = 2_000
_LIST_EVERY_MS = 5_000
_OLDER_LIST_EVERY_MS = 15_000
_MOST_DUE = 64


class Shard(Protocol):
    """What a process knows of the others: `Lease` is one, `Alone` another."""

    coverage: Coverage

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
    def kept(self) -> frozenset[str]:
        """The chats that it keeps as an older one."""

    def serves(self, chat: str) -> bool:
        """Return whether a chat is this process's to serve."""

    def keep(self, chats: Collection[str]) -> None:
        """Note which chats this process keeps."""


class Alone:
    """A shard of one process."""

    is_newest, is_lost, has_newer, is_noticed = True, False, False, True
    kept = frozenset[str]()

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage

    def serves(self, _: str) -> bool:
        """Return whether a chat is this process's to serve."""
        return True

    def keep(self, chats: Collection[str]) -> None:
        """Note which chats this process keeps."""


class Agenda:
    """Queues of chats that are due, filled from the schedule now and then.

    Attributes
    ----------
    ended, new, waiting
        Chats that ended and are due; live ones that this process does not know, or of which
        something was noted; and those that wait for a source and are due.
    """

    def __init__(self, schedule: CaptureSchedule, shard: Shard) -> None:
        self.ended: deque[str] = deque()
        self.new: deque[str] = deque()
        self.waiting: deque[str] = deque()
        self._schedule = schedule
        self._shard = shard
        self._due_at: dict[str, int] = {}
        self._queried_at = self._listed_at = 0

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
        if at - self._listed_at < every_ms:
            return set()
        self._listed_at = at
        if self._shard.is_newest:
            self.waiting = self._due("waiting", at)
        return self._list_live(at, known)

    def is_live(self, chat: str) -> None:
        """Note that a chat is live, so that it is missed when it is no longer."""
        self._due_at.setdefault(chat, 0)

    def has_more(self) -> bool:
        """Return whether anything of the shard is to be done, now or later, by anybody."""
        return self._schedule.any("live", "ended")

    def _due(self, phase: Phase, at: int) -> deque[str]:
        serves = self._shard.serves
        return deque(self._schedule.due(phase, at, most=_MOST_DUE, serves=serves))

    def _list_live(self, at: int, known: Mapping[str, LiveChat]) -> set[str]:
        live = self._schedule.live()
        due_at = {chat: since for chat, since in live.items() if self._shard.serves(chat)}
        gone = self._due_at.keys() - live.keys()
        self.new = deque(
            chat
            for chat, since in due_at.items()
            if since <= at and (chat not in known or known[chat].due_at != since)
        )
        self._due_at = due_at
        return gone
