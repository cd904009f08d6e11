"""The websockets of a process: one event loop in a thread of its own holds them all."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Literal, Self

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.chat_socket import ChatSocket, End
from chatlake.capture.loop_thread import LoopThread
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chatlake.json_codec import JsonObject

type Kind = Literal["opened", "items", "lost", "refused", "renew"]

_MOST_WAITING = 20_000
"""Events that nobody took, some 50 MB; beyond, the sockets are read no further."""
_CLOSING_S = 1.5
_SHUT_S = 2.0
_RENEW_AGAIN_MS = 30_000
_SPREAD = 1024


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """What happened to the websocket of a chat.

    Attributes
    ----------
    chat
        By its initial contact.
    kind
        ``opened``: the subscription was confirmed, frames from then on are complete. With the
        reason ``renewed`` it took over from an older one, and nothing was missed between.
        ``items``: a frame came. With a reason something was missed, and GetTranscript has it:
        ``rejected``, a frame of which nothing can be kept; ``broke``, an older one that was being
        replaced ended before it had told all.
        ``lost``: it broke, or did not come about (``closed``, ``silent`` = no answer, ``error``).
        ``refused``: the service wants no more of them (``status 403``, ``closed``, ...). If it was
        a renewal, the older one stays until it is lost.
        ``renew``: it nears the end of its life and wants a new URL; repeated until one holds.
    at_ms
        When, in epoch ms. Of ``lost``, until when nothing was missed, 0 if it never was open; of
        ``refused``, 0 if none is open.
    items
        In the service's own JSON, not yet told by leg whose they are (`sources.frame.is_of`).
    """

    chat: str
    kind: Kind
    at_ms: int
    items: tuple[JsonObject, ...] = ()
    reason: str = ""


class _Line:
    """What a chat has: one that is open, and one that is being opened."""

    __slots__ = ("coming", "current", "renew_at")

    def __init__(self) -> None:
        self.current: ChatSocket | None = None
        self.coming: ChatSocket | None = None
        self.renew_at: int | None = None


class Sockets:
    """The websockets of one process; every method may be called by any thread.

    Parameters
    ----------
    most
        How many there may be; renewals may be a tenth more.
    life_ms
        How long the service lets one live. Up to a fifth of it before, a renewal is asked for.
    count
        Called with what is to be counted, by the thread of the event loop.
    tick_s
        How often to look at the clock, in the machine's time.
    """

    def __init__(
        self,
        *,
        most: int = 800,
        life_ms: int = 3_540_000,
        count: Callable[[Metric, int], None] = lambda _metric, _number: None,
        tick_s: float = 0.25,
    ) -> None:
        self._most = most
        self._life_ms = life_ms
        self._count = count
        self._lock = Lock()
        self._lines: dict[str, _Line] = {}
        self._sockets: dict[ChatSocket, _Line] = {}
        self._events: list[SocketEvent] = []
        self._arrived = Event()
        self._is_shut = False
        self._loop = LoopThread(
            "sockets", tick=self._tick, tick_s=tick_s, end=self._close_all, ended=self._ended_all
        )

    @property
    def has_room(self) -> bool:
        """Whether another chat's can be opened."""
        with self._lock:
            return not self._is_shut and len(self._sockets) < self._most

    def open(self, chat: str, url: str) -> bool:
        """Begin to open one.

        A second for a chat that has one is its renewal: once that is subscribed the older is
        closed. While one is being opened, another is not begun.

        Returns
        -------
        bool
            False if there is no room.
        """
        with self._lock:
            line = self._lines.get(chat)
            if line is not None and line.coming is not None:
                return True
            most = self._most if line is None else self._most + self._most // 10 + 1
            if self._is_shut or len(self._sockets) >= most:
                return False
            line = self._lines.setdefault(chat, line or _Line())
            line.coming = socket = ChatSocket(chat, url, self)
            self._sockets[socket] = line
            self._loop.call(self._begin, socket)
        return True

    def close(self, chat: str) -> None:
        """Close what a chat has; no event of it follows, those that were not taken included."""
        with self._lock:
            line = self._lines.pop(chat, None)
            self._events = [event for event in self._events if event.chat != chat]
            if line is not None and not self._is_shut:
                self._loop.call(_close, (line.current, line.coming))

    def take(self) -> list[SocketEvent]:
        """Return what happened since the last time, in order."""
        with self._lock:
            events, self._events = self._events, []
            self._arrived.clear()
        return events

    def wait(self, timeout_s: float) -> bool:
        """Wait, in the machine's time, until there is something to take."""
        return self._arrived.wait(timeout_s)

    def observed_until(self, chat: str) -> int | None:
        """Return until when nothing of a chat can have been missed, in epoch ms.

        That is when the newest heartbeat was sent that was answered, or the newest item by its own
        time; None if none is open.
        """
        with self._lock:
            line = self._lines.get(chat)
            return line.current.observed_until if line and line.current else None

    def __len__(self) -> int:
        with self._lock:
            return len(self._lines)

    def __contains__(self, chat: object) -> bool:
        with self._lock:
            return chat in self._lines

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def shut(self) -> None:
        """Close all of them, which takes two seconds at most; no event follows."""
        with self._lock:
            if self._is_shut:
                return
            self._is_shut = True
            self._lines.clear()
            self._events.clear()
        self._loop.stop(_SHUT_S)

    # What follows runs on the event loop.

    def _tick(self) -> None:
        at = now_ms()
        with self._lock:
            sockets = list(self._sockets)
        for socket in sockets:
            socket.tick(at)
        with self._lock:
            for chat, line in self._lines.items():
                if line.renew_at is not None and at >= line.renew_at and line.coming is None:
                    line.renew_at = at + _RENEW_AGAIN_MS
                    self._tell(line, SocketEvent(chat, "renew", at))

    async def _close_all(self) -> None:
        _close(list(self._sockets))
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                while self._sockets:
                    await asyncio.sleep(0.01)

    def _ended_all(self) -> None:
        """Take no more, should the loop have failed; what was open was told to be lost."""
        with self._lock:
            self._is_shut = True

    def _begin(self, socket: ChatSocket) -> None:
        line = self._sockets[socket]
        if self._lines.get(socket.chat) is line:
            socket.start(self._ended)
        else:
            del self._sockets[socket]

    @property
    def is_full(self) -> bool:
        """Whether nobody takes what there is."""
        return len(self._events) >= _MOST_WAITING

    def opened(self, socket: ChatSocket) -> None:
        """Take one that was confirmed as the one of its chat; the older has had its time."""
        at = now_ms()
        with self._lock:
            line = self._sockets[socket]
            older, line.current, line.coming = line.current, socket, None
            line.renew_at = at + self._life_before_renewal(socket.chat)
            reason = "" if older is None else "renewed"
            self._tell(line, SocketEvent(socket.chat, "opened", at, reason=reason))
        if older is not None:
            older.close()

    def heard(self, socket: ChatSocket, item: JsonObject) -> None:
        """Hand on an item."""
        self._count(Metric.FRAMES_READ, 1)
        self._tell_items(socket, (item,))

    def rejected(self, socket: ChatSocket) -> None:
        """Tell that a frame came of which nothing can be kept."""
        self._count(Metric.FRAMES_REJECTED, 1)
        self._tell_items(socket, (), reason="rejected")

    def _tell_items(
        self, socket: ChatSocket, items: tuple[JsonObject, ...], reason: str = ""
    ) -> None:
        event = SocketEvent(socket.chat, "items", now_ms(), items, reason)
        with self._lock:
            self._tell(self._sockets[socket], event)

    def _ended(self, socket: ChatSocket, end: End) -> None:
        chat, at = socket.chat, now_ms()
        with self._lock:
            line = self._sockets.pop(socket)
            if line.coming is socket:
                line.coming = None
                if line.current is None:
                    self._tell(line, SocketEvent(chat, end.kind, 0, reason=end.reason))
                elif end.kind == "refused":
                    line.renew_at = None
                    self._tell(line, SocketEvent(chat, "refused", at, reason=end.reason))
            elif line.current is socket:
                line.current = line.renew_at = None
                until = socket.observed_until or 0
                self._tell(line, SocketEvent(chat, "lost", until, reason=end.reason))
            elif not end.clean:
                self._tell(line, SocketEvent(chat, "items", at, reason="broke"))
            if line.current is line.coming is None and self._lines.get(chat) is line:
                del self._lines[chat]

    def _tell(self, line: _Line, event: SocketEvent) -> None:
        """Tell an event, unless nobody wants its chat any more; the lock is held."""
        if self._lines.get(event.chat) is line:
            self._events.append(event)
            self._arrived.set()

    def _life_before_renewal(self, chat: str) -> int:
        """Return after how long to renew, spread by chat: what began at once is not renewed so."""
        share = zlib.crc32(chat.encode(errors="replace")) % _SPREAD / _SPREAD
        return int(self._life_ms * (0.8 + 0.1 * share))


def _close(sockets: Iterable[ChatSocket | None]) -> None:
    for socket in sockets:
        if socket is not None:
            socket.close()
