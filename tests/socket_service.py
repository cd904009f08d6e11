"""The other end of a participant's websocket, small and obedient, for tests on loopback."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine

    from websockets.http11 import Request, Response

ANSWERS: dict[str, dict[str, Any]] = {
    "aws/subscribe": {"content": {"status": "success", "topics": ["aws/chat"]}},
    "aws/heartbeat": {},
    "aws/ping": {"statusCode": 200, "statusContent": "OK"},
}


@dataclass
class SocketService:
    """Websockets by the path of their URL, on an event loop in a thread of its own.

    Attributes
    ----------
    answers
        What it answers, by topic; without a topic it does not.
    status
        With which it refuses handshakes; None if it accepts.
    connections
        Those that are open, by path, the newest last.
    tls
        With which it serves; None for none.
    heard, headers
        The topics that came, by path, and the headers of each handshake.
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(ANSWERS))
    status: HTTPStatus | None = None
    connections: dict[str, list[ServerConnection]] = field(default_factory=dict)
    heard: dict[str, Counter[str]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    url: str = ""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self.do(self._serve())
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"{'wss' if self.tls else 'ws'}://{host}:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do[T](self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    def send(self, path: str, *data: str | bytes) -> None:
        async def send() -> None:
            for one in data:
                await self.connections[path][-1].send(one)

        self.do(send())

    def say(self, path: str, *items: dict[str, Any]) -> None:
        """Send items as frames of the chat."""
        self.send(path, *map(frame, items))

    def close(self, path: str, code: int = 1000) -> None:
        self.do(self.connections[path][-1].close(code))

    def cut(self, path: str) -> None:
        """Break a connection without a word."""

        async def cut() -> None:
            self.connections[path][-1].transport.abort()

        self.do(cut())

    def pause(self, path: str) -> None:
        """Read nothing more of a connection, and leave it open."""

        async def pause() -> None:
            self.connections[path][-1].transport.pause_reading()

        self.do(pause())

    def resume(self, path: str) -> None:
        async def resume() -> None:
            self.connections[path][-1].transport.resume_reading()

        self.do(resume())

    def until_left(self, but: set[str]) -> None:
        """Wait until nobody is connected but under these paths."""

        async def until_left() -> None:
            while {path for path, open_ones in self.connections.items() if open_ones} - but:
                await asyncio.sleep(0.01)

        self.do(until_left())

    async def _serve(self) -> Any:
        return await serve(
            self._listen,
            "127.0.0.1",
            0,
            process_request=self._handshake,
            ssl=self.tls,
            compression=None,
            ping_interval=None,
            max_size=None,
            close_timeout=0.2,
        )

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        self.headers.append(dict(request.headers.raw_items()))
        return None if self.status is None else connection.respond(self.status, "no\n")

    async def _listen(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        path = connection.request.path
        open_ones = self.connections.setdefault(path, [])
        open_ones.append(connection)
        heard = self.heard.setdefault(path, Counter())
        with suppress(ConnectionClosed):
            async for message in connection:
                topic = json.loads(message)["topic"]
                heard[topic] += 1
                if topic in self.answers:
                    await connection.send(json.dumps({"topic": topic, **self.answers[topic]}))
        open_ones.remove(connection)


def frame(item: object) -> str:
    """A frame of the chat with an item, as JSON text in JSON."""
    return json.dumps(
        {"topic": "aws/chat", "contentType": "application/json", "content": json.dumps(item)}
    )
