"""The Runtime API on a loopback port, which a function's process asks for its next invocation.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_API = "/2018-06-01/runtime"


class Invocations(Protocol):
    """What the API serves: the invocations of one function."""

    def next_work(self) -> tuple[str, bytes, int] | None:
        """Return request id, payload and deadline of the next invocation; None at the end."""

    def ended(self, request_id: str | None, outcome: Literal["ok", "error"], body: bytes) -> None:
        """Take an answer; one without a request id is of the initialization."""


class RuntimeApi(ThreadingHTTPServer):
    """A served API. `function_arn` is told with each invocation."""

    daemon_threads = True

    def __init__(self, function_arn: str, invocations: Invocations) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.function_arn = function_arn
        self.invocations = invocations
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        is_next = self.path == f"{_API}/invocation/next"
        work = self.server.invocations.next_work() if is_next else None
        if work is None:
            self.close_connection = True
            return
        request_id, payload, deadline_ms = work
        self._answer(
            200,
            payload,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": self.server.function_arn,
            },
        )

    def do_POST(self) -> None:
        invocations = self.server.invocations
        body = self._body()
        match self.path.removeprefix(_API).strip("/").split("/"):
            case ["invocation", request_id, "response"]:
                invocations.ended(request_id, "ok", body)
            case ["invocation", request_id, "error"]:
                invocations.ended(request_id, "error", body)
            case ["init", "error"]:
                invocations.ended(None, "error", body)
            case _:
                self._answer(404, b"", {})
                return
        self._answer(202, b"", {})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
