"""The answer to CloudFormation comes once, and in time."""

from __future__ import annotations

import json
import threading
from typing import Any

from chatlake.aws.custom_resource import answer

EVENT = {
    "RequestType": "Create",
    "ResponseURL": "https://answers.example",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Tables",
}
WHOSE = {
    "PhysicalResourceId": "chatlake-tables",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Tables",
}


class Answers:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.came = threading.Event()

    def __call__(self, url: str, body: bytes) -> None:
        assert url == EVENT["ResponseURL"]
        self.sent.append(json.loads(body))
        self.came.set()


def test_what_hangs_is_answered_for_in_time_and_only_once() -> None:
    answers = Answers()

    def hang() -> dict[str, str]:
        assert answers.came.wait(30)
        return {"Database": "lake"}

    given = answer(EVENT, hang, send=answers, within_s=0.01)
    assert answers.sent == [given]
    assert given["Status"] == "FAILED"
    assert "deploy again" in given["Reason"]
    assert given.items() >= WHOSE.items()


def test_what_fails_after_it_was_answered_for_is_not_answered_again() -> None:
    answers = Answers()

    def hang() -> dict[str, str]:
        assert answers.came.wait(30)
        raise ConnectionError

    # A function may be called with no time left at all.
    answer(EVENT, hang, send=answers, within_s=-5)
    assert len(answers.sent) == 1


def test_what_is_made_in_time_is_answered_at_once_and_nobody_waits_on() -> None:
    answers = Answers()
    answer(EVENT, lambda: {"Database": "lake"}, send=answers, within_s=600)
    assert answers.sent == [{"Status": "SUCCESS", **WHOSE, "Data": {"Database": "lake"}}]
    waiting = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for thread in waiting:
        thread.join(5)
    assert not [thread for thread in waiting if thread.is_alive()]
