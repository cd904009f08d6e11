"""An HTTP API of API Gateway on a loopback port: routes to functions, payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from local.cloud.exceptions import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.clock import Clock
    from local.cloud.api_definition import Definition, Route
    from local.cloud.environment import Answer
    from local.cloud.template import Json

_MAX_REQUEST_BYTES = 10 << 20
_TIMEOUT_S = 30


class HttpApi:
    """A served API. `invoke` runs the function of an ARN."""

    def __init__(
        self,
        api_id: str,
        definition: Definition,
        invoke: Callable[[str, bytes], Answer],
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

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return status, headers and body for a request; names of headers are lower case."""
        cors = _cors_headers(self.definition.cors, headers, preflight=False)
        if self.definition.cors and method == "OPTIONS" and "origin" in headers:
            return 204, _cors_headers(self.definition.cors, headers, preflight=True), b""
        url = urlsplit(target)
        route, names = self._route(method, unquote(url.path))
        if route is None:
            return self._message(404, "Not Found", cors)
        if route.signed and not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
            return self._message(403, "Forbidden", cors)
        event = self._event(route, names, method, target, headers, body)
        try:
            answer = self._invoke(route.function_arn, json.dumps(event).encode())
        except Throttled:
            return self._message(503, "Service Unavailable", cors)
        if answer.outcome != "ok":
            return self._message(500, "Internal Server Error", cors)
        return self._answered(json.loads(answer.body or b"null"), cors)

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

    def _event(
        self,
        route: Route,
        names: dict[str, str],
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Json:
        url = urlsplit(target)
        now = self._clock.time()
        moment = datetime.fromtimestamp(now, UTC)
        context: dict[str, Json] = {
            "accountId": "anonymous",
            "apiId": self.api_id,
            "domainName": headers.get("host", ""),
            "domainPrefix": self.api_id,
            "http": {
                "method": method,
                "path": unquote(url.path),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": uuid.uuid4().hex[:16],
            "routeKey": route.key,
            "stage": "$default",
            "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        }
        if route.signed:
            context["authorizer"] = {"iam": {"accessKey": "local", "principalOrgId": None}}
        event: dict[str, Json] = {
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": unquote(url.path),
            "rawQueryString": url.query,
            "headers": {name: value for name, value in headers.items() if name != "cookie"},
            "requestContext": context,
            "isBase64Encoded": False,
        }
        if "cookie" in headers:
            event["cookies"] = [part.strip() for part in headers["cookie"].split(";")]
        if names:
            event["pathParameters"] = names
        if url.query:
            query: dict[str, str] = {}
            for name, value in parse_qsl(url.query, keep_blank_values=True):
                query[name] = f"{query[name]},{value}" if name in query else value
            event["queryStringParameters"] = query
        if body:
            try:
                event["body"] = body.decode()
            except UnicodeDecodeError:
                event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        return event

    @staticmethod
    def _answered(
        answer: Json, cors: list[tuple[str, str]]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        if not isinstance(answer, dict) or "statusCode" not in answer:
            # What is not a response is the body of one.
            answer = {"statusCode": 200, "body": json.dumps(answer)}
            answer["headers"] = {"content-type": "application/json"}
        text = answer.get("body") or ""
        body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        given = {str(name).lower(): str(text) for name, text in answer.get("headers", {}).items()}
        # Where the API has a CORS configuration, what functions say about it is not passed on.
        headers = [
            (name, text)
            for name, text in {"content-type": "text/plain;charset=UTF-8", **given}.items()
            if not (cors and name.startswith("access-control-"))
        ]
        headers += [("set-cookie", cookie) for cookie in answer.get("cookies", [])]
        return int(answer["statusCode"]), headers + cors, body

    @staticmethod
    def _message(
        status: int, text: str, cors: list[tuple[str, str]]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        body = json.dumps({"message": text}).encode()
        return status, [("content-type", "application/json"), *cors], body


def _cors_headers(
    cors: Mapping[str, Json], headers: Mapping[str, str], *, preflight: bool
) -> list[tuple[str, str]]:
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
            status, found, body = api.answer(self.command, self.path, headers, body)
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
