"""Payload format 2.0: the event that a function gets for a request, and what its answer means.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.api_definition import Route
    from local.cloud.template import Json

type Headers = list[tuple[str, str]]
type Response = tuple[int, Headers, bytes]
"""Status, headers and body."""


@dataclass(frozen=True)
class Request:
    """A request to an API; names of headers are lower case, `target` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> str:
        """The query string as it came."""
        return urlsplit(self.target).query


def event_of(
    request: Request, route: Route, names: Mapping[str, str], *, api_id: str, now_s: float
) -> Json:
    """Return the event for a request at a moment; `names` has what stands in the route's path."""
    headers = request.headers
    event: dict[str, Json] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": {name: value for name, value in headers.items() if name != "cookie"},
        "requestContext": _context(request, route, api_id, now_s),
        "isBase64Encoded": False,
    }
    if "cookie" in headers:
        event["cookies"] = [part.strip() for part in headers["cookie"].split(";")]
    if names:
        event["pathParameters"] = names
    if request.query:
        event["queryStringParameters"] = _parameters(request.query)
    if request.body:
        try:
            event["body"] = request.body.decode()
        except UnicodeDecodeError:
            event |= {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
    return event


def _context(request: Request, route: Route, api_id: str, now_s: float) -> dict[str, Json]:
    context: dict[str, Json] = {
        "accountId": "anonymous",
        "apiId": api_id,
        "domainName": request.headers.get("host", ""),
        "domainPrefix": api_id,
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": uuid.uuid4().hex[:16],
        "routeKey": route.key,
        "stage": "$default",
        "time": datetime.fromtimestamp(now_s, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now_s * 1000),
    }
    if route.signed:
        context["authorizer"] = {"iam": {"accessKey": "local", "principalOrgId": None}}
    return context


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def response_of(answer: Json) -> Response:
    """Return the response that a function's answer stands for."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        # What is not a response is the body of one.
        answer = {"statusCode": 200, "body": json.dumps(answer)}
        answer["headers"] = {"content-type": "application/json"}
    text = answer.get("body") or ""
    body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    given = {str(name).lower(): str(text) for name, text in answer.get("headers", {}).items()}
    headers = list({"content-type": "text/plain;charset=UTF-8", **given}.items())
    headers += [("set-cookie", cookie) for cookie in answer.get("cookies", [])]
    return int(answer["statusCode"]), headers, body
