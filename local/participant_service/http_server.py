"""HTTP/1.1 on loopback, in a thread: requests go to one function, which answers them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, cast


@dataclass(frozen=True, slots=True)
class Request:
    """A request; the names of its headers are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A response; a ``cut`` one ends in the middle of its body, and the connection with it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


type Answer = Callable[[Request], Response]


class HttpServer:
    """A server on a port that the system chooses; it listens from the start, to be asked later.

    Parameters
    ----------
    answer
        Called in a thread of the connection. An exception ends the connection and is kept.
    """

    def __init__(self, answer: Answer) -> None:
        self._server = _Server(answer)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="participant service"
        )

    @property
    def port(self) -> int:
        """The port on loopback."""
        return self._server.server_address[1]

    @property
    def failures(self) -> list[Exception]:
        """The exceptions that no response told of."""
        return self._server.failures

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


# In socketserver's words; only datagram servers have the second form.
type _Accepted = socket.socket | tuple[bytes, socket.socket]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    # Ended in order instead: idle clients are hung up on, then the threads are waited for.
    daemon_threads = False

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.failures: list[Exception] = []
        self._connections: set[_Accepted] = set()
        self._lock = threading.Lock()

    def process_request(self, request: _Accepted, client_address: object) -> None:
        # Before the connection has its thread, so that none can be missed at the end.
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Accepted) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # the client was faster
                    cast("socket.socket", connection).shutdown(socket.SHUT_RD)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    @property
    def _owner(self) -> _Server:
        return cast("_Server", self.server)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # a client may give up at any time
            self.close_connection = True
        except Exception as failure:  # noqa: BLE001 -- the owner raises it
            self._owner.failures.append(failure)

    def log_message(self, *_: object) -> None:
        """Print nothing: request lines may hold what must not be seen."""

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self._owner.answer(Request(self.command, path, query, headers, body))
        self.send_response(response.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if response.cut:
            self.close_connection = True
            self.wfile.write(response.body[: len(response.body) // 2])
        else:
            self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = _respond  # noqa: N815 -- the names are the library's
