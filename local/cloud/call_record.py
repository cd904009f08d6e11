"""Which operations of AWS are called, by whom and on what: told from the requests that come here.

Who calls is who signed: each function has credentials of its own. What is the same but for ids is
written once, so that the record stays small.
"""

from __future__ import annotations

import json
import os
import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from pathlib import Path

    from local.cloud.template import Json

type Headers = Mapping[str, str] | Message

FILE_VARIABLE = "LOCAL_CLOUD_CALLS"
FILE_NAME = "calls.jsonl"
NOBODY = "local"
"""Who signs for whatever is no function."""

_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/[^/]+/([^/]+)/aws4_request")
_REGION = re.compile(r"Credential=[^/,]+/\d+/([^/]+)/")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,}")
_DIGITS = re.compile(r"\d+")
# Of tables with a sort key, whose items may have an attribute of the other's name, and of those
# without.
_PARTITION_KEYS = ("chat", "key")
_BUCKET_CALLS = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "versions"): "ListObjectVersions",
    ("GET", "location"): "GetBucketLocation",
    ("POST", "delete"): "DeleteObjects",
}
_OBJECT_CALLS = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
}


class CallRecord:
    """A file of calls, one JSON object a line, to which several processes may write at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._written: set[str] = set()

    def note(self, method: str, path: str, query: str, headers: Headers, body: bytes) -> None:
        """Note a request, if a function has signed it."""
        by, service = signer(headers)
        if by is not None:
            for operation, on in calls(service, method, path, query, headers, body):
                self.add(by, service, operation, on)

    def simulated(self, operation: str, headers: Headers) -> None:
        """Note a request to a service that is simulated elsewhere, if a function has signed it."""
        by, service = signer(headers)
        if by is not None:
            self.add(by, service, operation, {})

    def add(self, by: str, service: str, operation: str, on: Json) -> None:
        """Note a call that is known already."""
        self._write({"by": by, "service": service, "operation": operation, "on": on})

    def name(self, type_name: str, logical_id: str, physical_id: str) -> None:
        """Note what a resource is called in its template."""
        self._write({"type": type_name, "logical": logical_id, "physical": physical_id})

    def _write(self, value: Json) -> None:
        line = json.dumps(value, sort_keys=True)
        with self._lock:
            if line in self._written:
                return
            self._written.add(line)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                # In one go, so that lines of two processes do not mix.
                os.write(file, f"{line}\n".encode())
            finally:
                os.close(file)


def signer(headers: Headers) -> tuple[str | None, str]:
    """Return which function has signed a request, if one has, and for which service."""
    found = _CREDENTIAL.search(headers.get("Authorization") or headers.get("authorization") or "")
    if not found or found[1] == NOBODY:
        return None, ""
    return found[1], found[2]


def region_of(headers: Headers) -> str | None:
    """Return the Region that a request was signed for; None if it was not signed."""
    found = _REGION.search(headers.get("Authorization") or headers.get("authorization") or "")
    return found[1] if found else None


def calls(
    service: str, method: str, path: str, query: str, headers: Headers, body: bytes
) -> Iterator[tuple[str, Json]]:
    """Yield the operation of a request and what it is done to; twice if that is two tables."""
    if service == "s3":
        yield _s3(method, path, query)
        return
    target = headers.get("X-Amz-Target", "")
    if not target:
        fields = {name: of[0] for name, of in parse_qs(body.decode(errors="replace")).items()}
        yield fields.get("Action", f"{method} {general(path)}"), {}
        return
    operation = target.rpartition(".")[2]
    asked = json.loads(body or b"{}")
    for on in _of(service, operation, asked):
        yield operation, on


def general(text: str) -> str:
    """Return a text with 0 in the place of ids and numbers."""
    text = _UUID.sub("0", text)
    return _DIGITS.sub("0", _HEX.sub("0", text))


def _s3(method: str, path: str, query: str) -> tuple[str, Json]:
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    if key:
        unknown = set(asked) - {"versionId", "x-id", "partNumber"}
        operation = _OBJECT_CALLS.get(method, method)
        if unknown:
            operation = f"{method} {'&'.join(sorted(asked))}"
        elif method == "DELETE" and "versionId" in asked:
            operation = "DeleteObjectVersion"
        return operation, {"bucket": bucket, "key": general(key)}
    if method == "HEAD":
        return "HeadBucket", {"bucket": bucket}
    names = [name for (of, name) in _BUCKET_CALLS if of == method and name in asked]
    if not names:
        return f"{method} {'&'.join(sorted(asked))}", {"bucket": bucket}
    on = {"bucket": bucket}
    if "prefix" in asked:
        on["prefix"] = general(asked["prefix"])
    return _BUCKET_CALLS[method, names[0]], on


def _of(service: str, operation: str, asked: Json) -> Iterator[Json]:
    match service:
        case "dynamodb":
            yield from _dynamodb(asked)
        case "kms":
            yield {"key": asked.get("KeyId"), "context": sorted(asked.get("EncryptionContext", {}))}
        case "glue":
            named = asked.get("TableInput", {}).get("Name") or asked.get("Name")
            if operation in {"GetDatabase", "GetDatabases"}:
                yield {"database": asked.get("Name")}
            else:
                database = asked.get("DatabaseName")
                yield {"database": database, "table": asked.get("TableName") or named}
        case "athena":
            yield {"workgroup": asked.get("WorkGroup")}
        case "sqs":
            yield {"queue": asked.get("QueueUrl", "").rpartition("/")[2] or asked.get("QueueName")}
        case "events":
            for entry in asked.get("Entries", []):
                yield {
                    "bus": entry.get("EventBusName", "default"),
                    "source": entry.get("Source"),
                    "detail-type": entry.get("DetailType"),
                }
        case _:
            yield {}


def _dynamodb(asked: Json) -> Iterator[Json]:
    tables = asked.get("RequestItems")
    if tables is not None:
        for table, request in tables.items():
            keys = request["Keys"] if isinstance(request, dict) else [_written(w) for w in request]
            for key in {_leading(key) for key in keys}:
                yield {"table": table, "leading": key}
        return
    on = {"table": asked.get("TableName")}
    if "IndexName" in asked:
        on["index"] = asked["IndexName"]
    if "KeyConditionExpression" in asked:
        placed = re.search(r"=\s*(:\w+)", asked["KeyConditionExpression"])
        value = asked["ExpressionAttributeValues"][placed[1]]["S"] if placed else None
        on["leading"] = None if value is None else general(value)
    elif key := asked.get("Key") or asked.get("Item"):
        on["leading"] = _leading(key)
    yield on


def _written(request: Json) -> Any:
    found = request.get("DeleteRequest") or request["PutRequest"]
    return found.get("Key") or found["Item"]


def _leading(key: Json) -> str | None:
    for name in _PARTITION_KEYS:
        if name in key:
            return general(key[name]["S"])
    return None
