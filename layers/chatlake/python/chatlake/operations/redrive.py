"""Dead letters of a stack back to work: chats to be published, and events to be tracked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatlake.aws_clients.clients import error_code
from chatlake.json_codec import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from chatlake.json_codec import JsonObject

type Invoke = Callable[[bytes], str | None]
"""Sends an event to Track; returns the type of its error, None if it took it."""

_MESSAGES_AT_ONCE = 10
# Long enough for Track to try a message of its own, and each is handed over within minutes.
_HIDDEN_S = 900
_WAITS_S = 1


@dataclass(slots=True)
class Tracked:
    """What became of dead letters of Track.

    Attributes
    ----------
    done
        How many events were tracked now, and are gone from the queue.
    failed
        The types of the errors with which others have failed again; they stay.
    unreadable
        How many messages are no event; they stay.
    """

    done: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0

    @property
    def left(self) -> int:
        """How many stay in the queue."""
        return sum(self.failed.values()) + self.unreadable


def count(sqs: SQSClient, queue_url: str) -> int:
    """Return about how many messages are in a queue, those that somebody works on included."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found: Any = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def move_back(sqs: SQSClient, queue_url: str, *, to: str | None = None) -> bool:
    """Let SQS move all dead letters back to where they came from.

    Parameters
    ----------
    to
        The queue they are moved to; SQS knows it itself of messages that it has put there.

    Returns
    -------
    bool
        False if it is moving them already.
    """
    destination: Any = {} if to is None else {"DestinationArn": _arn(sqs, to)}
    try:
        sqs.start_message_move_task(SourceArn=_arn(sqs, queue_url), **destination)
    except sqs.exceptions.UnsupportedOperation:
        return False
    except sqs.exceptions.ClientError as error:
        # So the service says that a task is under way.
        if error_code(error) != "InvalidParameterValue":
            raise
        return False
    return True


def letters(sqs: SQSClient, queue_url: str) -> Iterator[JsonObject]:
    """Yield what the dead letters of a queue say, which stay there."""
    for message in _received(sqs, queue_url):
        try:
            found = loads(message.get("Body", "").encode())
        except ValueError:
            found = None
        yield found if isinstance(found, dict) else {}


def _arn(sqs: SQSClient, queue_url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    return found["Attributes"]["QueueArn"]


def track_again(
    sqs: SQSClient, queue_url: str, invoke: Invoke, advance: Callable[[int], None]
) -> Tracked:
    """Send the events in dead letters to Track again, once each; `advance` is told of each."""
    outcome = Tracked()
    for message in _received(sqs, queue_url):
        event = _event(message.get("Body", ""))
        if event is None:
            outcome.unreadable += 1
        elif error := invoke(event):
            outcome.failed[error] = outcome.failed.get(error, 0) + 1
        else:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            outcome.done += 1
        advance(1)
    return outcome


def _received(sqs: SQSClient, queue_url: str) -> Iterator[MessageTypeDef]:
    """Yield the messages of a queue, each once; those that stay can be had again at the end."""
    kept: list[str] = []
    seen = set[str]()
    try:
        while messages := sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=_MESSAGES_AT_ONCE,
            VisibilityTimeout=_HIDDEN_S,
            WaitTimeSeconds=_WAITS_S,
        ).get("Messages"):
            kept += [message["ReceiptHandle"] for message in messages]
            fresh = [message for message in messages if message["MessageId"] not in seen]
            if not fresh:
                return
            for message in fresh:
                seen.add(message["MessageId"])
                yield message
    finally:
        _show_again(sqs, queue_url, kept)


def _show_again(sqs: SQSClient, queue_url: str, handles: list[str]) -> None:
    for start in range(0, len(handles), _MESSAGES_AT_ONCE):
        # Of those that were deleted SQS says that they are gone.
        sqs.change_message_visibility_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + _MESSAGES_AT_ONCE])
            ],
        )


def _event(body: str) -> bytes | None:
    """Return the event in a dead letter, which is the event itself, or Lambda's report of it."""
    try:
        found = loads(body.encode())
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    event = found.get("requestPayload", found)
    return dumps(event) if isinstance(event, dict) and event.get("detail") else None
