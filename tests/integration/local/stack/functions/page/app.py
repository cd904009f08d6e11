"""Answers requests with what it was given."""

from __future__ import annotations

import json
import os
import time
from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    time.sleep(event.get("seconds", 0))
    return {
        "statusCode": 201,
        "headers": {"X-Route": event["routeKey"], "X-Process": str(os.getpid())},
        "body": json.dumps(
            {
                "name": event.get("pathParameters", {}).get("name"),
                "query": event.get("queryStringParameters"),
                "body": event.get("body"),
            }
        ),
    }
