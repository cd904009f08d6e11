"""The websockets of all participants: one server, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from local.participant_service.admission import FORBIDDEN, PATH, Admission
from local.participant_service.feeds import Feeds
from local.participant_service.listeners import Listener
from local.participant_service.tickets import SOCKET_LIFE_MS
from local.scripted.items import FOREVER_MS, JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

    from local.clock import Clock
    from local.participant_service.behaviour import Behaviour
    from local.participant_service.endings import Endings
    from local.participant_service.listeners import Push
    from local.participant_service.tickets import Tickets
    from local.participant_service.tokens import Holder
    from local.scripted.chat import Chat

_BACKLOG = 1024
_LARGEST = 1 << 16
_PATIENCE_S = 30
# It would write the URLs, which are secret.
_NO_LOGGER = logging.getLogger(__name__)
_NO_LOGGER.disabled = True


class Sockets:
    """The websockets of one instance; a context manager.

    The methods that break something apply to what is open at that moment, of one chat by its
    initial contact or of all; what was due by then is sent before, and they return when it is done.

    Attributes
    ----------
    opened
        How many sockets each chat has had.
    before_page
        The chats whose customer's socket was subscribed before the customer's page was there.
    kept_alive
        Those of them whose page never came, and which would have ended without the socket.
    failures
        The exceptions that nobody else was told of.
    """

    def __init__(
        self, clock: Clock, endings: Endings, tickets: Tickets, behaviour: Behaviour
    ) -> None:
        self.opened = Counter[str]()
        self.before_page: set[str] = set()
        self.kept_alive: set[str] = set()
        self.failures: list[Exception] = []
        self._clock = clock
        self._endings = endings
        self._admission = Admission(clock, endings, tickets, behaviour)
        self._feeds = Feeds(clock, endings, behaviour)
        self._listeners: dict[ServerConnection, Listener] = {}
        # Named as TCP's: else asyncio would leave Nagle's algorithm on, and frames wait 40 ms.
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(_BACKLOG)
        self._port: int = self._listening.getsockname()[1]
        self._ready = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="participant service websockets")

    @property
    def url(self) -> str:
        """Where they are, without a ticket."""
        return f"ws://127.0.0.1:{self._port}{PATH}"

    @property
    def most_open(self) -> Mapping[str, int]:
        """How many sockets a participant of each chat had at once, at most."""
        return self._admission.most_open

    @property
    def refused(self) -> Mapping[int, int]:
        """How many handshakes were refused, by the status of the answer."""
        return self._admission.refused

    @property
    def pushed(self) -> Mapping[str, list[Push]]:
        """What was sent of each chat, in order, each frame once for all sockets it went to."""
        return self._feeds.pushed

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()

    def open_now(self, contact: str | None = None) -> int:
        """Return how many sockets are open, of one chat or of all."""
        return self._each(contact, lambda _: None)

    def silence(self, contact: str | None = None) -> int:
        """Answer no heartbeats any more; frames go on."""
        return self._each(contact, partial(_set, "silent", True))

    def delay(self, contact: str | None = None, *, seconds: float) -> int:
        """Send frames so many seconds of the clock late, and answers to heartbeats as ever."""
        return self._each(contact, partial(_set, "delay_ms", int(seconds * 1000)))

    def restore(self, contact: str | None = None) -> int:
        """Answer heartbeats again, and send frames in time."""
        self.delay(contact, seconds=0)
        return self._each(contact, partial(_set, "silent", False))

    def cut(self, contact: str | None = None) -> int:
        """Break the connections."""
        return self._each(contact, Listener.cut)

    def half_open(self, contact: str | None = None) -> int:
        """Let nothing through any more in either way, with the connections as they are."""
        return self._each(contact, Listener.become_half_open)

    def junk(self, contact: str | None = None, *messages: str | bytes) -> int:
        """Send messages that no service would."""

        def send(listener: Listener) -> None:
            for message in messages:
                listener.send(message)

        return self._each(contact, send)

    def close(self, contact: str | None = None) -> int:
        """Close them in order, as a deployment of the service may at any time."""
        return self._each(contact, Listener.close)

    def disconnect(self, contact: str) -> int:
        """Let the customer of a chat go before its time: all its sockets close, and none opens."""
        self._admission.leave(contact)
        return self._each(contact, lambda one: one.close() if _is_customer(one.holder) else None)

    def refuse(self, contact: str | None = None, status: int = FORBIDDEN) -> None:
        """Refuse the handshakes to come, until they are accepted again."""
        self._admission.refuse(contact, status)

    def accept(self, contact: str | None = None) -> None:
        """Refuse no more what was refused by command."""
        self._admission.accept(contact)

    def _each(self, contact: str | None, act: Callable[[Listener], object]) -> int:
        async def on_all() -> int:
            self._feeds.run_due()
            listeners = [
                listener
                for listener in self._listeners.values()
                if contact in {None, listener.contact_id} and listener.is_open
            ]
            for listener in listeners:
                act(listener)
            return len(listeners)

        return asyncio.run_coroutine_threadsafe(on_all(), self._loop).result(_PATIENCE_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as failure:  # noqa: BLE001 -- the owner raises it
            self.failures.append(failure)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with serve(
            self._converse,
            sock=self._listening,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_size=_LARGEST,
            server_header=None,
            logger=_NO_LOGGER,
        ):
            self._ready.set()
            while not self._stopping:
                await asyncio.sleep(self._feeds.run_due())
            for listener in self._listeners.values():
                if listener.half_open:
                    listener.cut()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a handshake through, or answer it with the status of its refusal."""
        if "Upgrade" not in request.headers:
            return None  # the library says what it needs
        admitted = self._admission.admit(request.path)
        if isinstance(admitted, int):
            return connection.respond(admitted, "")
        self._listeners[connection] = listener = Listener(connection, admitted)
        self._admission.enter(listener)
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        listener = self._listeners[connection]
        self.opened[listener.contact_id] += 1
        self._feeds.at(self._clock.now_ms() + SOCKET_LIFE_MS, listener.close)
        try:
            async for message in connection:
                listener.has_heard()
                self._hear(listener, message)
        except ConnectionClosed:
            pass
        except Exception as failure:  # noqa: BLE001 -- the owner raises it
            self.failures.append(failure)
        finally:
            if connection.protocol.close_rcvd is not None:
                listener.has_heard()
            self._feeds.drop(listener)
            del self._listeners[connection]

    def _hear(self, listener: Listener, message: str | bytes) -> None:
        match _parsed(message):
            case {"topic": "aws/subscribe", "content": {"topics": [*topics]}}:
                if "aws/chat" in topics:
                    self._subscribe(listener)
                content = {"status": "success", "topics": topics}
                listener.send(json.dumps({"topic": "aws/subscribe", "content": content}))
            case {"topic": "aws/heartbeat"} if not listener.silent:
                listener.send(json.dumps({"topic": "aws/heartbeat"}))
            case {"topic": "aws/ping"} if not listener.silent:
                answer = {"topic": "aws/ping", "statusCode": 200, "statusContent": "OK"}
                listener.send(json.dumps(answer))

    def _subscribe(self, listener: Listener) -> None:
        """Subscribe a socket; it counts as the customer's page, be it that or not."""
        chat = listener.holder.chat
        page_ms = _page_connects_ms(chat)
        if _is_customer(listener.holder) and self._clock.now_ms() < page_ms:
            self.before_page.add(chat.initial_contact_id)
            if page_ms == FOREVER_MS:
                self.kept_alive.add(chat.initial_contact_id)
                self._endings.keep(chat)
        self._feeds.subscribe(listener)


def _parsed(message: str | bytes) -> JsonObject | None:
    try:
        parsed = json.loads(message)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _is_customer(holder: Holder) -> bool:
    return holder.participant.role == "CUSTOMER"


def _page_connects_ms(chat: Chat) -> int:
    """Return when the customer's page is there: with the first thing that the customer does."""
    customers = (
        item.sent_ms
        for item in chat.own_items
        if item.sender is not None and item.sender.role == "CUSTOMER"
    )
    return next(customers, FOREVER_MS)


def _set(name: str, value: object, listener: Listener) -> None:
    setattr(listener, name, value)
