"""SQS's StartMessageMoveTask, which moto lacks: dead letters go back to where they came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.responses import SQSResponse

if TYPE_CHECKING:
    from moto.sqs.models import SQSBackend


def apply() -> None:
    """Give SQS the operation; it is done when it is answered."""
    SQSResponse.start_message_move_task = _start_message_move_task  # type: ignore[attr-defined]


def _start_message_move_task(response: SQSResponse) -> ActionResult:
    arn = response._get_param("SourceArn")
    backend = response.sqs_backend
    destination = response._get_param("DestinationArn")
    if destination:
        _move(backend, arn.rpartition(":")[2], destination.rpartition(":")[2])
        return ActionResult({"TaskHandle": json.dumps({"sourceArn": arn})})
    sources = [name for name, queue in backend.queues.items() if _dead_letters_of(queue) == arn]
    if len(sources) != 1:
        raise SQSException(
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn "
            "parameter doesn't exist or is the dead-letter queue of no queue.",
        )
    _move(backend, arn.rpartition(":")[2], sources[0])
    return ActionResult({"TaskHandle": json.dumps({"sourceArn": arn})})


def _dead_letters_of(queue: Any) -> str | None:
    policy = queue.redrive_policy
    return policy.get("deadLetterTargetArn") if policy else None


def _move(backend: SQSBackend, dead: str, source: str) -> None:
    for message in backend.get_queue(dead).messages:
        backend.send_message(source, message.body)
        backend.get_queue(dead)._messages.remove(message)
