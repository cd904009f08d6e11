"""Answers requests with what it was given."""

from __future__ import annotations

import json
from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return {
        "statusCode": 201,
        "headers": {"X-Route": event["routeKey"]},
        "body": json.dumps(
            {
                "name": event.get("pathParameters", {}).get("name"),
                "query": event.get("queryStringParameters"),
                "body": event.get("body"),
            }
        ),
    }
