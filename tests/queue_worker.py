"""What Lambda does with a queue of a function: takes messages, hands them over, deletes them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from tests.functions import call


def records(*bodies: str, **members: str) -> dict[str, Any]:
    """Make the event of some messages, named m0, m1 and so on."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "r",
                "body": body,
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:queue",
                "awsRegion": "eu-central-1",
                **members,
            }
            for number, body in enumerate(bodies)
        ]
    }


def work_off(sqs: Any, url: str, function: ModuleType) -> int:
    """Hand what is in a queue to the function, batch by batch; return how many it is done with."""
    done = 0
    while messages := _received(sqs, url):
        event = records(*(message["Body"] for message in messages))
        failed = {one["itemIdentifier"] for one in call(function, event)["batchItemFailures"]}
        for number, message in enumerate(messages):
            if f"m{number}" not in failed:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                done += 1
    return done


def _received(sqs: Any, url: str) -> list[Any]:
    return list(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []))


@contextmanager
def working(sqs: Any, url: str, function: ModuleType) -> Iterator[None]:
    """Hand whatever comes into a queue to the function, as long as the block lasts."""
    over = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not over.is_set():
                work_off(sqs, url, function)
                over.wait(0.02)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]
