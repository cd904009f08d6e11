"""What the services promise and moto does not: applied in moto's own process."""

from __future__ import annotations

import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Any

import moto.s3.models
from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.responses import DynamoHandler
from moto.glue.models import GlueBackend
from moto.glue.responses import GlueResponse
from moto.s3.responses import S3Response
from moto.sqs.models import SQSBackend

from local.cloud import moto_answers, moto_dead_letters, moto_named_queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.clock import Clock

_S3_OBJECT_CALLS = ("key_response", "_bucket_response_delete_keys")
_SQS_CALLS = (
    "send_message",
    "send_message_batch",
    "delete_message",
    "delete_message_batch",
    "change_message_visibility",
    "change_message_visibility_batch",
)
_POLL_S = 0.02


def apply(clock: Clock | None) -> None:
    """Make moto's Glue, DynamoDB, S3 and SQS atomic where the services are, and S3 on time.

    Athena gets the operations on named queries that moto lacks, SQS that of dead letters.
    """
    _compare_glue_versions()
    # Conditional writes look, then write; threads of the server may come between.
    _serialize(DynamoHandler, ("call_action",), threading.RLock())
    _serialize(S3Response, _S3_OBJECT_CALLS, threading.RLock())
    _receive_each_message_once()
    moto_answers.apply()
    moto_dead_letters.apply()
    moto_named_queries.apply()
    _serialize(AthenaResponse, moto_named_queries.OPERATIONS, threading.RLock())
    if clock is not None:
        # Who looks for the objects of the last hours does so by the cloud's clock.
        moto.s3.models.utcnow = lambda: clock.now().replace(tzinfo=None)  # type: ignore[attr-defined]


def _serialize(owner: type, names: tuple[str, ...], lock: threading.RLock) -> None:
    for name in names:
        setattr(owner, name, _locked(getattr(owner, name), lock))


def _locked(method: Callable[..., Any], lock: Any) -> Callable[..., Any]:
    @wraps(method)
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return method(*arguments, **named)

    return locked


def _compare_glue_versions() -> None:
    """UpdateTable with a VersionId that is not the table's fails, as the service says."""
    lock = threading.RLock()
    update = GlueResponse.update_table

    @wraps(update)
    def update_table(self: GlueResponse) -> Any:
        expected = self.parameters.get("VersionId")
        with lock:
            if expected is not None:
                name = self.parameters["TableInput"]["Name"]
                table = self.glue_backend.get_table(self.parameters["DatabaseName"], name)
                if table.as_dict()["VersionId"] != expected:
                    raise JsonRESTError(
                        "ConcurrentModificationException",
                        f"Update table failed due to concurrent modifications: {name}",
                    )
            return update(self)

    GlueResponse.update_table = update_table  # type: ignore[method-assign]
    _serialize(GlueBackend, ("create_table", "delete_table"), lock)


def _receive_each_message_once() -> None:
    """Receivers that wait let others in between, and no two are handed the same message."""
    lock = threading.RLock()
    _serialize(SQSBackend, _SQS_CALLS, lock)
    receive = SQSBackend.receive_message

    @wraps(receive)
    def receive_message(
        self: SQSBackend, queue_name: str, count: int, wait_s: int, *rest: Any, **named: Any
    ) -> Any:
        end = time.monotonic() + wait_s
        while True:
            with lock:
                messages = receive(self, queue_name, count, 0, *rest, **named)
            if messages or time.monotonic() >= end:
                return messages
            time.sleep(_POLL_S)

    SQSBackend.receive_message = receive_message  # type: ignore[assignment]
