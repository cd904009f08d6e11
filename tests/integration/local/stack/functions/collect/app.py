"""Takes a contact event, and sends it on to the queue."""

from __future__ import annotations

import os
from typing import Any

from calls import call  # type: ignore[import-not-found]
from words import greet  # type: ignore[import-not-found]


def handler(event: dict[str, Any], _context: object) -> None:
    name = event["detail"]["contactId"]
    if name == "unlucky":
        raise ValueError("this one is never collected")
    call(
        "sqs",
        "AmazonSQS.SendMessage",
        "1.0",
        QueueUrl=os.environ["QUEUE_URL"],
        MessageBody=greet(os.environ["GREETING"], name),
    )
