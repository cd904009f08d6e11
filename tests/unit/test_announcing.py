"""Chats that have something new are told of, all of them or with an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatlake.capture.publish_notifier import AnnouncementRefused, PublishNotifier

URL = "https://sqs.example/queue"


class Queue:
    """A queue of SQS, which takes ten messages at most; it refuses those of some chats."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.taken: list[dict[str, str]] = []
        self.requests = 0

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        assert request.keys() == {"QueueUrl", "Entries"}
        assert request["QueueUrl"] == URL
        entries = request["Entries"]
        assert 1 <= len(entries) <= 10
        assert len({entry["Id"] for entry in entries}) == len(entries)
        self.requests += 1
        failed = []
        for entry in entries:
            message = json.loads(entry["MessageBody"])
            if message["initial_contact_id"] in self.refused:
                said = {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
                failed.append({**said, "Message": "canary"})
            else:
                self.taken.append(message)
        return {"Successful": [], "Failed": failed} if failed else {"Successful": []}


def announce(queue: Queue, revisions: dict[str, str]) -> None:
    PublishNotifier(queue, URL)(revisions)  # type: ignore[arg-type]


@pytest.mark.parametrize(("chats", "requests"), [(0, 0), (1, 1), (10, 1), (11, 2), (25, 3)])
def test_every_chat_is_told_of_once_ten_at_a_time(chats: int, requests: int) -> None:
    queue = Queue()
    revisions = {f"chat-{number}": f"revision-{number}" for number in range(chats)}
    announce(queue, revisions)
    told = {message["initial_contact_id"]: message["revision"] for message in queue.taken}
    assert told == revisions
    assert (len(queue.taken), queue.requests) == (chats, requests)


def test_a_revision_that_nobody_knows_is_empty() -> None:
    queue = Queue()
    announce(queue, {"chat ü": ""})
    assert queue.taken == [{"initial_contact_id": "chat ü", "revision": ""}]


def test_a_message_that_is_refused_is_an_error_and_the_others_are_sent() -> None:
    queue = Queue("chat-3")
    with pytest.raises(AnnouncementRefused, match="InternalError; it will be sent again") as raised:
        announce(queue, {f"chat-{number}": "" for number in range(10)})
    assert len(queue.taken) == 9
    assert "canary" not in str(raised.value)


def test_batches_after_one_that_was_refused_wait_for_the_next_attempt() -> None:
    """Whoever announces has not noted it then, and announces all of them again."""
    queue = Queue("chat-3")
    revisions = {f"chat-{number}": "" for number in range(15)}
    with pytest.raises(AnnouncementRefused):
        announce(queue, revisions)
    queue.refused = ()
    announce(queue, revisions)
    assert {message["initial_contact_id"] for message in queue.taken} == revisions.keys()
