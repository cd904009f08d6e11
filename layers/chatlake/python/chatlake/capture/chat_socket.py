"""One websocket of a chat's participant: it subscribes, listens, and tells what it heard.

It sends nothing but its subscription and heartbeats. Its URL holds a secret: neither that nor the
text of an error, which may quote it, leaves this module.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio.sslproto import SSLProtocol
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from websockets.asyncio.client import connect
from websockets.asyncio.connection import broadcast
from websockets.exceptions import (
    ConnectionClosed,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)

from chatlake.capture.heartbeats import MESSAGES, Heartbeats
from chatlake.exceptions import RejectedInput
from chatlake.sources.frame import CHAT, HEARTBEAT, PING, SUBSCRIBE, names_another_chat, parse_frame
from chatlake.timestamps import epoch_us, now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.client import ClientConnection

    from chatlake.json_codec import JsonObject
    from chatlake.sources.frame import Frame

MOST_BYTES = 256 * 1024
"""Of a frame; the service's longest message has 1,024 characters in the 2026 documentation."""
PATIENCE_MS = 10_000
"""How long the other end may take to let us in, subscribe us, and to answer a close."""
_SUBSCRIPTION = b'{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}'
_LEAST_TICKS = 4
_PAUSE_S = 0.25
_TOO_BIG = 1009
_RECORD_BYTES = 16 * 1024
# A port or a host that none can be is a ValueError.
_ENDS = (OSError, WebSocketException, ValueError)


class End(NamedTuple):
    """How a websocket ended; `clean` if all that the service sent had come."""

    kind: Literal["lost", "refused"]
    reason: str
    clean: bool = False


class Listener(Protocol):
    """Who is told, on the event loop, what a websocket hears."""

    @property
    def is_full(self) -> bool:
        """Whether it can take no more for now."""

    def opened(self, socket: ChatSocket) -> None:
        """The subscription was confirmed."""

    def heard(self, socket: ChatSocket, item: JsonObject) -> None:
        """An item came."""

    def rejected(self, socket: ChatSocket) -> None:
        """A frame came of which nothing can be kept."""


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        # The service sends none, and nobody else is to choose whom we speak to.
        return exc


def _quiet() -> logging.Logger:
    """Make a logger that says nothing: at level DEBUG websockets would log what we must not."""
    logger = logging.getLogger("chatlake.websocket")
    logger.disabled = True
    return logger


_LOGGER = _quiet()


@cache
def _tls() -> ssl.SSLContext:
    """Return the one context of all sockets; each of its own would be half a megabyte."""
    # asyncio gives each of its connections a buffer of 256 KiB: 200 MB for 800 that wait. A record
    # of TLS has 16 KiB.
    SSLProtocol.max_size = _RECORD_BYTES
    return ssl.create_default_context()


class ChatSocket:
    """One websocket; everything but making it happens on the event loop.

    Attributes
    ----------
    chat
        Whose it is.
    began_at, observed_until
        In epoch ms: when it was begun, and until when nothing of what the service sent can have
        been missed; the latter is None until it is open.
    """

    __slots__ = (
        "_beats",
        "_closing",
        "_closing_at",
        "_connection",
        "_end",
        "_listener",
        "_task",
        "_ticks",
        "_url",
        "began_at",
        "chat",
        "observed_until",
    )

    def __init__(self, chat: str, url: str, listener: Listener) -> None:
        self.chat = chat
        self.began_at = now_ms()
        self.observed_until: int | None = None
        self._ticks = 0
        self._url = url
        self._listener = listener
        self._beats: Heartbeats | None = None
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[End] | None = None
        self._closing_at: int | None = None
        # Held, because the loop itself holds tasks weakly.
        self._closing: asyncio.Task[None] | None = None
        self._end: End | None = None

    def start(self, ended: Callable[[ChatSocket, End], None]) -> None:
        """Begin to open it; `ended` is called once, after all that it had to tell."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(lambda task: ended(self, self._end_of_task(task)))

    async def _run(self) -> End:
        try:
            self._connection = await _Connect(
                self._url,
                user_agent_header="chatlake",
                compression=None,
                proxy=None,
                ssl=_tls() if self._url.startswith("wss:") else None,
                open_timeout=None,
                ping_interval=None,
                close_timeout=None,
                max_size=MOST_BYTES,
                logger=_LOGGER,
            )
            self._url = ""
            self._send(_SUBSCRIPTION)
            while True:
                self._receive(await self._connection.recv(decode=False))
                while self._listener.is_full:
                    await asyncio.sleep(_PAUSE_S)
        except _ENDS as error:
            return self._end_of(error)
        finally:
            self.abort()

    def _end_of_task(self, task: asyncio.Task[End]) -> End:
        if self._end is not None:
            return self._end
        if task.cancelled() or task.exception() is not None:
            return End("lost", "error")
        return task.result()

    def tick(self, at: int) -> None:
        """Send what is due, and give up what does not answer; `at` in epoch ms."""
        self._ticks += 1
        # A clock that runs faster than the machine would leave no time for an answer.
        is_late = self._ticks > _LEAST_TICKS
        if self._closing_at is not None:
            if is_late and at - self._closing_at >= PATIENCE_MS:
                self.abort()
        elif self._beats is None:
            if is_late and at - self.began_at >= PATIENCE_MS:
                self._give_up(End("lost", "silent"))
        elif self._beats.is_due(at):
            if self._beats.is_answered:
                self._beat(self._beats, at)
            elif is_late:
                self._give_up(End("lost", "silent"))

    def _beat(self, beats: Heartbeats, at: int) -> None:
        beats.sent(at)
        self._ticks = 0
        for message in MESSAGES:
            self._send(message)

    def close(self) -> None:
        """Close it; what the service sent until it knew is still heard."""
        if self._connection is None or self._beats is None:
            self._give_up(End("lost", "closed"))
        elif self._closing_at is None:
            self._closing_at, self._ticks = now_ms(), 0
            self._closing = asyncio.get_running_loop().create_task(self._connection.close())

    def abort(self) -> None:
        """Let go of the connection, whatever the other end does."""
        if self._connection is not None:
            self._connection.transport.abort()

    def _give_up(self, end: End) -> None:
        self._end = self._end or end
        if self._task is not None:
            self._task.cancel()

    def _send(self, message: bytes) -> None:
        """Send without waiting: what is not taken stays in a buffer, and is not answered."""
        if self._connection is not None:
            broadcast([self._connection], message, text=True)

    def _receive(self, data: bytes | str) -> None:
        at = now_ms()
        try:
            frame = parse_frame(data if isinstance(data, bytes) else data.encode())
        except RejectedInput:
            self._listener.rejected(self)
            return
        if frame.topic == SUBSCRIBE and not frame.succeeded and self._beats is None:
            self._give_up(End("refused", "subscription"))
        elif frame.topic in {SUBSCRIBE, CHAT}:
            # A frame of the chat shows as well that the subscription holds.
            self._confirmed(at)
            self._heard(frame, at)
        elif frame.topic in {HEARTBEAT, PING} and frame.succeeded and self._beats is not None:
            self._observed(self._beats.answer(frame.topic))

    def _confirmed(self, at: int) -> None:
        if self._beats is None:
            self._beats = Heartbeats(at)
            self._observed(at)
            self._listener.opened(self)

    def _heard(self, frame: Frame, at: int) -> None:
        if frame.item is None:
            return
        if names_another_chat(frame.item, self.chat):
            self._listener.rejected(self)
            return
        # What was sent before it has come; what was sent since may be on its way.
        sent_us = epoch_us(frame.item.get("AbsoluteTime"))
        if sent_us is not None:
            self._observed(min(sent_us // 1000, at))
        if not frame.is_typing:
            self._listener.heard(self, frame.item)

    def _observed(self, until: int | None) -> None:
        if until is not None and until > (self.observed_until or 0):
            self.observed_until = until

    def _end_of(self, error: Exception) -> End:
        was_open = self._beats is not None
        match error:
            case InvalidStatus():
                return End("refused", f"status {error.response.status_code}")
            case InvalidURI():
                return End("refused", "url")
            case ConnectionClosed() if error.sent is not None and error.sent.code == _TOO_BIG:
                self._listener.rejected(self)
                return End("lost", "error")
            case ConnectionClosed() if error.rcvd is not None:
                return End("lost" if was_open else "refused", "closed", clean=True)
            # One with a certificate is both.
            case ValueError() if not isinstance(error, OSError):
                return End("refused", "url")
            case _:
                return End("lost", "error")
