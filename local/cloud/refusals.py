"""Credentials that are refused, so that a command can be run by somebody who may not do all.

What a key id says, is refused: `expired` everything, `without.s3.GetBucketNotification` this one
action, as IAM names it. Answers are in the words and the protocol of the service that is asked.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from local.cloud.call_record import calls

if TYPE_CHECKING:
    from local.cloud.call_record import Headers
    from local.cloud.query_protocol import Response

EXPIRED = "expired"
"""A key id whose credentials are over."""

_WITHOUT = "without"
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/[^/]+/([^/]+)/aws4_request")
_OF_XML = {"s3", "cloudformation", "sts"}
# Where IAM's word is not that of the request.
_SERVICES = {"monitoring": "cloudwatch"}
_ACTIONS = {
    "GET encryption": "GetEncryptionConfiguration",
    "GET notification": "GetBucketNotification",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PUT notification": "PutBucketNotification",
}


def without(service: str, action: str) -> str:
    """Return a key id of credentials that may do all but this."""
    return f"{_WITHOUT}.{service}.{action}"


def refusal(method: str, path: str, query: str, headers: Headers, body: bytes) -> Response | None:
    """Return what is answered to credentials that may not do this; None if they may."""
    found = _CREDENTIAL.search(headers.get("Authorization") or "")
    if found is None or not found[1].startswith((EXPIRED, _WITHOUT)):
        return None
    service = found[2]
    if found[1] == EXPIRED:
        code = "ExpiredToken" if service in _OF_XML else "ExpiredTokenException"
        return _answer(service, method, 400, code, "The security token is expired")
    named = headers.get("X-Amz-Target", "").rpartition(".")[2]
    # What is done to nothing that is recorded has its name nevertheless.
    operation, _ = next(calls(service, method, path, query, headers, body), (named, {}))
    action = f"{_SERVICES.get(service, service)}:{_ACTIONS.get(operation, operation)}"
    if found[1] != without(*action.split(":")):
        return None
    code = "AccessDenied" if service in _OF_XML else "AccessDeniedException"
    message = f"User: arn:aws:iam::111122223333:user/x is not authorized to perform: {action}"
    return _answer(service, method, 403, code, message)


def _answer(service: str, method: str, status: int, code: str, message: str) -> Response:
    if method == "HEAD":
        return status, {}, b""
    if service in _OF_XML:
        told = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
        inner = f"<Error>{told}</Error>"
        text = inner if service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
        return status, {"Content-Type": "text/xml"}, text.encode()
    body = json.dumps({"__type": code, "message": message}).encode()
    return status, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}, body
