"""Chats that have something new are told of, all of them or with an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatlake.capture.publish_notifier import PublishNotifier
from chatlake.chat_state import NO_HINT, BatchHint
from chatlake.exceptions import MessageRefused

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


def send(queue: Queue, *chats: str) -> None:
    PublishNotifier(queue, URL).send(dict.fromkeys(chats, NO_HINT))  # type: ignore[arg-type]


@pytest.mark.parametrize(("chats", "requests"), [(0, 0), (1, 1), (10, 1), (11, 2), (25, 3)])
def test_every_chat_is_told_of_once_ten_at_a_time(chats: int, requests: int) -> None:
    queue = Queue()
    names = [f"chat-{number}" for number in range(chats)]
    send(queue, *names)
    assert [message["initial_contact_id"] for message in queue.taken] == names
    assert queue.requests == requests


def test_a_message_names_its_chat_and_nothing_else() -> None:
    queue = Queue()
    PublishNotifier(queue, URL).send({"chat ü": BatchHint(20_000, 9)})  # type: ignore[arg-type]
    assert queue.taken == [{"initial_contact_id": "chat ü"}]


def test_a_message_that_is_refused_is_an_error_and_the_others_are_sent() -> None:
    queue = Queue("chat-3")
    with pytest.raises(MessageRefused, match="InternalError; it will be sent again") as raised:
        send(queue, *(f"chat-{number}" for number in range(10)))
    assert len(queue.taken) == 9
    assert "canary" not in str(raised.value)


def test_batches_after_one_that_was_refused_wait_for_the_next_attempt() -> None:
    """Whoever sends them has not noted it then, and sends all of them again."""
    queue = Queue("chat-3")
    names = [f"chat-{number}" for number in range(15)]
    with pytest.raises(MessageRefused):
        send(queue, *names)
    queue.refused = ()
    send(queue, *names)
    assert {message["initial_contact_id"] for message in queue.taken} == set(names)
