"""Writes messages down; those that say so fail."""

from __future__ import annotations

import os
from typing import Any

from calls import call, put_object  # type: ignore[import-not-found]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    failures = []
    for record in event["Records"]:
        body = record["body"]
        call(
            "dynamodb",
            "DynamoDB_20120810.UpdateItem",
            "1.0",
            TableName=os.environ["TABLE"],
            Key={"key": {"S": body}},
            UpdateExpression="ADD times :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        if "bad" in body:
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            put_object(os.environ["BUCKET"], f"{body}.txt", body.encode())
    return {"batchItemFailures": failures}
