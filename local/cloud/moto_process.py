"""The process that moto runs in: `python -m local.cloud.moto_process` prints its port, and serves.

The port is chosen by the system, so that any number of clouds may run at once.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from local.clock import Clock
from local.cloud import moto_athena, moto_patches, moto_speed
from local.cloud.call_record import FILE_VARIABLE, CallRecord
from local.cloud.lifeline import end_with_parent
from local.cloud.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable


_UNDISTURBED_S = 0.05
_RECORD = CallRecord(Path(os.environ[FILE_VARIABLE])) if FILE_VARIABLE in os.environ else None


class _Handler(MotoRequestHandler):
    """Answers with one write, and keeps the connection for the next request.

    werkzeug's own closes it after each, because requests that were not read to their end would
    spoil the next one: here each is read to its end first.
    """

    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        environ = self.make_environ()
        if not environ.get("wsgi.input_terminated"):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        else:
            body = environ["wsgi.input"].read()
            del environ["HTTP_TRANSFER_ENCODING"]
        path, _, query = self.path.partition("?")
        if refused := refusal(self.command, path, query, self.headers, body):
            status, headers, answer = refused
            self._send(f"{status} Refused", list(headers.items()), answer)
            return
        if _RECORD is not None:
            _RECORD.note(self.command, path, query, self.headers, body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)

        answered: list[tuple[str, list[tuple[str, str]]]] = []
        written = io.BytesIO()

        def start_response(
            status: str, headers: list[tuple[str, str]], _error: object = None
        ) -> Callable[[bytes], object]:
            answered.append((status, headers))
            return written.write

        for part in self.server.app(environ, start_response):
            written.write(part)
        self._send(*answered[-1], written.getvalue())

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, reason = status.split(None, 1)
        self.send_response_only(int(code), reason)
        bodiless = self.command == "HEAD" or code in {"204", "304"}
        for name, value in headers:
            # The length that a HEAD tells is that of the object.
            if name.lower() not in {"connection", "transfer-encoding"} and (
                bodiless or name.lower() != "content-length"
            ):
                self.send_header(name, value)
        if not bodiless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not bodiless:
            self.wfile.write(body)
        self.wfile.flush()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        if type == "error":
            super().log(type, message, *args)


def main() -> None:
    """Serve until killed."""
    end_with_parent()
    # A request takes some milliseconds and is best done in one go: a thread that is interrupted
    # while it holds a lock lets all others wait for it and for their turn.
    sys.setswitchinterval(_UNDISTURBED_S)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    clock = Clock.from_environment()
    moto_patches.apply(clock)
    moto_speed.apply()
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    moto_athena.apply(clock, url, os.environ["MOTO_ACCOUNT_ID"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
