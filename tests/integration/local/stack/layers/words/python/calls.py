"""Requests to services without an SDK, which would be a large layer for small tests."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from typing import Any


def call(service: str, target: str, version: str, **members: Any) -> Any:
    """Call an operation of a service that speaks JSON."""
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"],
        json.dumps(members).encode(),
        {
            "Authorization": _authorization(service),
            "Content-Type": f"application/x-amz-json-{version}",
            "X-Amz-Target": target,
        },
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def put_object(bucket: str, key: str, body: bytes) -> None:
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}/{urllib.parse.quote(key)}"
    headers = {"Authorization": _authorization("s3"), "Content-Type": "text/plain"}
    request = urllib.request.Request(url, body, headers, method="PUT")
    with urllib.request.urlopen(request):
        pass


def _authorization(service: str) -> str:
    scope = f"20260101/{os.environ['AWS_REGION']}/{service}/aws4_request"
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=none"
