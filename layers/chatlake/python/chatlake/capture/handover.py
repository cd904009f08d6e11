"""What an older process keeps when a newer one has the lease, and how it lets go of the rest.

What is let go is written first, so that the newer process goes on from there; while this one lives,
it goes on listening to what it has let go, and writes what it still hears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.capture.shard_table import Kept
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from chatlake.capture.agenda import Shard
    from chatlake.capture.live_chat import LiveChat

FROM_MS = 5 * 60_000
"""So long before its end a process begins to hand over what it listens to."""

UNTIL_MS = 70_000
"""So long before it, all is handed over: the next opens the last sockets meanwhile."""

STEP_MS = 10_000


class Handover:
    """Of one process.

    Attributes
    ----------
    passed
        Chats that are the newer process's, to which this one still listens.
    """

    def __init__(
        self,
        shard: Shard,
        ends_at: int | None,
        write: Callable[[Iterable[LiveChat]], None],
    ) -> None:
        """Take when this process must have ended, in epoch ms, and what writes live chats."""
        self.passed: set[str] = set()
        self._shard = shard
        self._ends_at = ends_at
        self._write = write
        self._stepped_at = 0

    def step(
        self, live: Mapping[str, LiveChat], listened: Collection[str], covered: Collection[str]
    ) -> set[str]:
        """Let go of what is to be let go now; return chats that are no longer this process's.

        Parameters
        ----------
        live
            The live chats that nobody is at work on.
        listened
            Those of all chats whose sockets are open, or about to be.
        covered
            Those of them of which this process has heard all until now.
        """
        shard = self._shard
        if shard.is_newest:
            return set()
        if not shard.is_noticed:
            # Of a process before this one there is nothing to keep: it kept its own.
            kept = (shard.kept.chats or live.keys()) & set(listened)
            gone = live.keys() - kept - self.passed
            self._let_go(live, gone, kept, covered)
            return set(gone)
        self._pass_on(live, covered)
        return set()

    def lost(self, chat: str) -> None:
        """Note that this process does not hear all any more of a chat that it has passed on."""
        self.passed.discard(chat)
        kept = self._shard.kept
        if chat in kept.passed:
            self._shard.keep(Kept(kept.chats, kept.passed - {chat}))

    def _pass_on(self, live: Mapping[str, LiveChat], covered: Collection[str]) -> None:
        at = now_ms()
        kept = self._shard.kept.chats
        if self._ends_at is None or at - self._stepped_at < STEP_MS or not kept:
            return
        left_ms = self._ends_at - UNTIL_MS - at
        if left_ms > FROM_MS - UNTIL_MS or not self._shard.has_newer:
            return
        self._stepped_at = at
        steps = max(1, left_ms // STEP_MS)
        # Those that have lasted longest will, most likely, last on; of the others some end before.
        oldest = sorted(
            kept, key=lambda chat: (live[chat].due_at or 0 if chat in live else 0, chat)
        )
        passed = set(oldest[: -(-len(kept) // steps)])
        self.passed |= passed & live.keys()
        self._let_go(live, passed & live.keys(), kept - passed, covered)

    def _let_go(
        self,
        live: Mapping[str, LiveChat],
        chats: Collection[str],
        kept: Collection[str],
        covered: Collection[str],
    ) -> None:
        self._write(live[chat] for chat in chats)
        self._shard.keep(Kept(frozenset(kept), frozenset(self.passed & set(covered))))
