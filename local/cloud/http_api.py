"""An HTTP API of API Gateway on a loopback port: routes to functions, signatures, and CORS."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from local.cloud.exceptions import Throttled
from local.cloud.payload import Request, event_of, response_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.clock import Clock
    from local.cloud.api_definition import Definition, Route
    from local.cloud.environment import Answer
    from local.cloud.payload import Headers, Response
    from local.cloud.template import Json

_MAX_REQUEST_BYTES = 10 << 20
_TIMEOUT_S = 30


class HttpApi:
    """A served API. `invoke` runs the function of an ARN for a part of the API's own ARN."""

    def __init__(
        self,
        api_id: str,
        definition: Definition,
        invoke: Callable[[str, str, bytes], Answer],
        clock: Clock,
    ) -> None:
        self.api_id = api_id
        self.definition = definition
        self._invoke = invoke
        self._clock = clock
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Response:
        """Return status, headers and body for a request."""
        headers = request.headers
        cors = _cors_headers(self.definition.cors, headers, preflight=False)
        if self.definition.cors and request.method == "OPTIONS" and "origin" in headers:
            return 204, _cors_headers(self.definition.cors, headers, preflight=True), b""
        route, names = self._route(request.method, request.path)
        if route is None:
            return _message(404, "Not Found", cors)
        event = event_of(request, route, names, api_id=self.api_id, now_s=self._clock.time())
        try:
            if not self._passes(event, route):
                return _message(403, "Forbidden", cors)
            part = f"$default/{request.method}{route.path}"
            answer = self._invoke(route.function_arn, part, json.dumps(event).encode())
        except Throttled:
            return _message(503, "Service Unavailable", cors)
        if answer.outcome != "ok":
            return _message(500, "Internal Server Error", cors)
        status, given, body = response_of(json.loads(answer.body or b"null"))
        # Where the API has a CORS configuration, what functions say about it is not passed on.
        passed = [
            (name, text)
            for name, text in given
            if not (cors and name.startswith("access-control-"))
        ]
        return status, passed + cors, body

    def _passes(self, event: dict[str, Json], route: Route) -> bool:
        """Return whether the request may pass; its event has what the route's authorizer said.

        What that is asked has no body:
        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
        """
        if route.signed:
            signature: str = event["headers"].get("authorization", "")
            return signature.startswith("AWS4-HMAC-SHA256")
        if route.authorizer_arn is None:
            return True
        asked = {name: value for name, value in event.items() if name != "body"}
        asked |= {"type": "REQUEST", "identitySource": None}
        payload = json.dumps(asked).encode()
        answer = self._invoke(route.authorizer_arn, "authorizers/local", payload)
        said = json.loads(answer.body or b"null")
        if answer.outcome != "ok" or not isinstance(said, dict):
            return False
        event["requestContext"]["authorizer"] = {"lambda": said.get("context")}
        return said.get("isAuthorized") is True

    def _route(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """Return the most exact route, and what stands for the {names} in its path."""
        for route in sorted(
            self.definition.routes, key=lambda found: ("{" in found.path, found.method == "ANY")
        ):
            pattern = re.sub(
                r"\\\{(\w+)(\\\+)?\\\}",
                lambda name: f"(?P<{name[1]}>{'.+' if name[2] else '[^/]+'})",
                re.escape(route.path),
            )
            found = re.fullmatch(pattern, path)
            if found and route.method in {method, "ANY"}:
                return route, found.groupdict()
        return None, {}


def _message(status: int, text: str, cors: Headers) -> Response:
    body = json.dumps({"message": text}).encode()
    return status, [("content-type", "application/json"), *cors], body


def _cors_headers(
    cors: Mapping[str, Json], headers: Mapping[str, str], *, preflight: bool
) -> Headers:
    origin = headers.get("origin")
    allowed = cors.get("AllowOrigins", [])
    if origin is None or not any(
        re.fullmatch(".*".join(map(re.escape, one.split("*"))), origin) for one in allowed
    ):
        return []
    found = {"access-control-allow-origin": "*" if "*" in allowed else origin}
    if str(cors.get("AllowCredentials", False)).lower() == "true":
        found["access-control-allow-credentials"] = "true"
    if not preflight:
        found["access-control-expose-headers"] = ",".join(cors.get("ExposeHeaders", []))
    else:
        found["access-control-allow-methods"] = ",".join(cors.get("AllowMethods", []))
        found["access-control-allow-headers"] = ",".join(cors.get("AllowHeaders", []))
        found["access-control-max-age"] = str(cors.get("MaxAge", ""))
    return [(name, value) for name, value in found.items() if value]


def _handler(api: HttpApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1
        timeout = _TIMEOUT_S

        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            headers: dict[str, str] = {}
            for name, value in self.headers.items():
                key = name.lower()
                headers[key] = f"{headers[key]},{value}" if key in headers else value
            if size > _MAX_REQUEST_BYTES:
                self.close_connection = True
                self.send_error(413)
                return
            body = self.rfile.read(size)
            request = Request(self.command, self.path, headers, body)
            status, found, body = api.answer(request)
            self.send_response_only(status)
            for name, value in found:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD" and status != 204:
                self.wfile.write(body)
            self.wfile.flush()

        do_GET = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_HEAD = do_PATCH = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
