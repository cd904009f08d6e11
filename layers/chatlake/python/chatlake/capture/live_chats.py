"""The live chats that one process has in memory: what is heard and read of each, and what follows.

One thread uses it. Nothing here waits: what takes time is put into queues, of which the worker
takes its work, and comes back by `put_back`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from chatlake.capture.by_worth import ByWorth
from chatlake.capture.handover import Handover
from chatlake.capture.listening import Listening, Reaction
from chatlake.capture.live_chat import ATTEMPTED_EVERY_MS
from chatlake.capture.rotation import Rotation, Seen
from chatlake.capture.shard_table import Coverage, Waiting
from chatlake.capture.waiting_messages import waiting_messages
from chatlake.documents.lifecycle import saw_end
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from chatlake.capture.agenda import Shard
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.live_chat import LiveChat
    from chatlake.capture.socket_pool import SocketPool
    from chatlake.capture.sockets import SocketEvent

_RETRY_MS = 5_000
_LONGEST_RETRY_MS = 5 * 60_000


class LiveChats:
    """The live chats of one process.

    Attributes
    ----------
    chats
        By initial contact id.
    rotation
        Those that are read again and again.
    over, gaps, short_gaps, to_open, to_write
        Chats that ended; that are to be read at once, or as soon as nothing is more urgent; that
        are to be opened, and written.
    passed
        Those that are a newer process's, to which this one still listens.
    """

    def __init__(
        self,
        services: CaptureServices,
        shard: Shard,
        sockets: SocketPool | None,
        write: Callable[[Iterable[LiveChat]], None],
        *,
        shortest_ms: int,
        ends_at: int | None,
    ) -> None:
        self.chats: dict[str, LiveChat] = {}
        self.rotation = Rotation(shortest_ms)
        self.over: deque[str] = deque()
        self.gaps: deque[str] = deque()
        self.short_gaps = ByWorth()
        self.to_open: deque[str] = deque()
        self.to_write: deque[str] = deque()
        self.listening = Listening(sockets, services)
        self._services = services
        self._shard = shard
        self._shortest_ms = shortest_ms
        self._write = write
        self._handover = Handover(shard, ends_at, write)
        # Whose sockets are open, though all that is known of them has ended.
        self._lasting: set[str] = set()
        self._heard: set[str] = set()
        # Opened, and perhaps heard by another process until then.
        self._relying: set[str] = set()

    @property
    def passed(self) -> set[str]:
        """The chats that are a newer process's, to which this one still listens."""
        return self._handover.passed

    def react(self, event: SocketEvent) -> None:
        """Take what happened to the socket of a chat that nobody is at work on."""
        chat = event.chat
        live = self.chats.get(chat)
        if live is None:
            self.listening.forget(chat)
            return
        reaction = self.listening.hear(event, live)
        if reaction is Reaction.HEARD:
            self._heard.add(chat)
            if chat in self._lasting or live.is_to_be_written(self._services):
                self.to_write.append(chat)
        elif chat in self._lasting:
            if not self.listening.has(chat):
                # What was heard last may not be written.
                self._end(chat)
        else:
            self._follow(reaction, chat)

    def tell_heard(self) -> None:
        """Tell of the chats of which something was heard, of each once however much it was.

        Who waits in a chat takes a millisecond to find, in a long one fifty.
        """
        for chat in self._heard & self.chats.keys():
            self._services.on_read(chat, self.chats[chat].known)
        self._heard.clear()

    def _follow(self, reaction: Reaction, chat: str) -> None:
        """Do what follows of what happened to a live chat's socket."""
        match reaction:
            case Reaction.OPENED:
                self._relying.add(chat)
                self._rely()
            case Reaction.READ:
                self._handover.lost(chat)
                # The newest first: if not all can be read, those that began just now are whole.
                self.gaps.appendleft(chat)
            case Reaction.OPEN:
                self.listening.begin(chat)
                self.to_open.append(chat)
            case Reaction.END:
                self._end(chat)
            case Reaction.REFUSED:
                self.chats[chat].note_refusal(self._services)
                self.opening_failed(chat)

    def close_ended(self, busy: Container[str]) -> None:
        """End chats that said so, and whose sockets did not close."""
        for chat in self.listening.ended(now_ms()):
            if chat not in busy:
                self._end(chat)

    def put_back(self, live: LiveChat, *, was_read: bool) -> None:
        """Take back a live chat from work on it.

        Parameters
        ----------
        was_read
            Whether it was read, and not looked at as a whole.
        """
        chat, at = live.chat, now_ms()
        self.chats[chat] = live
        self._lasting.discard(chat)
        self.listening.was_read(live)
        if self.listening.wants(live, at) and not self.listening.open_by(live):
            self.listening.begin(chat)
            self.to_open.append(chat)
        if self.listening.covers(chat):
            self.rotation.remove(chat)
        elif live.failures:
            self.rotation.remove(chat)
            wait_ms = min(_LONGEST_RETRY_MS, _RETRY_MS * 2 ** min(live.failures - 1, 10))
            self.rotation.add(chat, at + wait_ms)
        elif self.listening.has(chat):
            # It is read once its socket is open, if need be.
            self.rotation.remove(chat)
            if was_read and self.listening.opened_at(chat) is not None:
                self.gaps.append(chat)
        elif was_read and chat in self.rotation:
            found = waiting_messages(live.known)
            seen = Seen(found.soon, live.changed, calls=live.calls, newest_at=found.newest_at)
            self.rotation.done(chat, at, seen)
        else:
            self.rotation.add(chat, at + self._shortest_ms)
        self._services.on_read(chat, live.known)

    def leave_to_others(self, chat: str) -> None:
        """Write and let go of a chat that another process took while it was at work here."""
        live = self.chats.get(chat)
        if live is not None and chat not in self.passed and not self._shard.serves(chat):
            self._write([live])
            self.forget(chat)

    def take_out(self, chat: str) -> None:
        """Note that an attempt left a chat that is not live; listen on while its socket is open.

        A leg may have begun of which no event told: then something will be heard of it.
        """
        self.rotation.remove(chat)
        live = self.chats.get(chat)
        if live is None or live.gone or saw_end(live.known) or not self.listening.has(chat):
            self.forget(chat)
        else:
            self._lasting.add(chat)

    def forget(self, chat: str) -> None:
        """Let go of all that is known of a chat."""
        self.chats.pop(chat, None)
        self._lasting.discard(chat)
        self._relying.discard(chat)
        self.rotation.remove(chat)
        self.short_gaps.forget(chat)
        self.listening.forget(chat)
        self._services.on_gone(chat)

    def needs(self, kind: str, live: LiveChat) -> bool:
        """Return whether a chat is still to be read at once, or written."""
        match kind:
            case "gap":
                return not self.listening.covers(live.chat)
            case "write":
                return not live.is_written
        return True

    def is_lasting(self, chat: str) -> bool:
        """Return whether only its open socket keeps a chat in memory."""
        return chat in self._lasting

    def look_around(self, busy: Container[str]) -> list[str]:
        """See what follows of hearing nothing; return chats that are to be looked at as a whole."""
        at = now_ms()
        self._rely()
        for chat in self._shard.take_orphans() & self.listening.covered():
            self.listening.missed(chat)
            self.gaps.append(chat)
        lasting: list[str] = []
        for chat, live in self.chats.items():
            if chat in busy or chat in self.passed or not self.listening.covers(chat):
                continue
            self.listening.observe(live)
            if reads := live.known.participant:
                self._services.on_still(chat, live.known, reads["read_at"])
            if live.is_to_be_written(self._services):
                self.to_write.append(chat)
            elif at - live.attempted_at >= ATTEMPTED_EVERY_MS:
                lasting.append(chat)
        return lasting

    def hand_over(self, busy: Container[str]) -> None:
        """Let go of what is a newer process's now."""
        if self._shard.is_newest:
            return
        idle = {chat: live for chat, live in self.chats.items() if chat not in busy}
        listened, covered = self.listening.listened(), self.listening.covered()
        for chat in self._handover.step(idle, listened, covered):
            self.forget(chat)

    def opening_failed(self, chat: str) -> None:
        """Have a chat read whose socket could not be opened."""
        self.rotation.add(chat, now_ms())

    def _rely(self) -> None:
        """Cover chats that another process has heard until their sockets were open here."""
        for chat in list(self._relying):
            since = self.listening.opened_at(chat)
            heard = since is not None and self._shard.is_heard_elsewhere(chat, since)
            if heard is None:
                continue
            self._relying.discard(chat)
            if heard:
                self.listening.cover(chat)
            elif since is not None:
                self._read_gap(chat)

    def _read_gap(self, chat: str) -> None:
        """Have a chat read whose socket has been opened, the newest first."""
        gap_ms = self.listening.short_gap_ms(chat)
        if gap_ms is None:
            self.gaps.appendleft(chat)
            return
        may_bring_receipts = (
            chat in self.chats and waiting_messages(self.chats[chat].known).messages
        )
        self.short_gaps.add(chat, gap_ms * (2 if may_bring_receipts else 1))

    def waiting(self) -> Waiting:
        """Return how many chats wait for a call: the read of their gap, or a websocket."""
        gaps, short_gaps = self.listening.waiting()
        return Waiting(gaps, len(self.to_open), short_gaps)

    def coverage(self, new: Iterable[str]) -> Coverage:
        """Return how the live chats are covered, of which `new` are due to be looked at."""
        own = [live for chat, live in self.chats.items() if chat not in self.passed]
        by_socket = sum(1 for live in own if self.listening.covers(live.chat))
        failing = sum(1 for live in own if live.failures)
        unknown = sum(1 for chat in new if chat not in self.chats)
        return Coverage(by_socket, max(0, len(own) - by_socket - failing), failing + unknown)

    def _end(self, chat: str) -> None:
        self.listening.forget(chat)
        self.over.append(chat)
