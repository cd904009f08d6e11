"""Asynchronous invocations: their queue, their retries, and where those go that fail for good.

As https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html has it: an
error is tried again after one minute and then after two; what finds no free environment stays in
the queue until it is too old.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.exceptions import DeploymentFailed, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.clock import Clock
    from local.cloud.activity import Activity
    from local.cloud.environment import Answer
    from local.cloud.functions import Function
    from local.cloud.template import Json
    from local.cloud.timers import Timers

_LOG = logging.getLogger(__name__)
_RETRY_DELAYS_S = (60, 120)


@dataclass(frozen=True)
class Policy:
    """An AWS::Lambda::EventInvokeConfig, with the function's own dead letter queue."""

    max_retries: int = 2
    max_age_s: float = 21600
    on_failure_arn: str | None = None
    on_success_arn: str | None = None
    dead_letter_arn: str | None = None


@dataclass(frozen=True)
class _Event:
    request_id: str
    payload: bytes
    accepted_at: float
    scheduled: bool
    attempt: int = 1


class AsynchronousQueue:
    """The queue of one function, and as many workers as it may have environments."""

    def __init__(
        self,
        function: Function,
        clock: Clock,
        timers: Timers,
        activity: Activity,
        deliver: Callable[[str, Json], None],
    ) -> None:
        self.policy = Policy()
        self._function = function
        self._clock = clock
        self._timers = timers
        self._activity = activity
        self._deliver = deliver
        self._events: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._workers = 0
        self._closed = False

    def put(self, payload: bytes, *, scheduled: bool = False) -> str:
        """Accept an event; return its request id."""
        event = _Event(str(uuid.uuid4()), payload, self._clock.time(), scheduled)
        self._put(event)
        return event.request_id

    def close(self) -> None:
        """Let the workers end."""
        with self._lock:
            self._closed = True
            for _ in range(self._workers):
                self._events.put(None)

    def _put(self, event: _Event) -> None:
        with self._lock:
            if self._closed:
                return
            if not event.scheduled:
                self._activity.begin()
            self._events.put(event)
            if self._workers < max(1, self._function.concurrency):
                self._workers += 1
                threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while not self._closed and (event := self._events.get()) is not None:
            try:
                self._process(event)
            except (BotoCoreError, ClientError, DeploymentFailed):
                _LOG.exception("%s: a destination takes nothing", self._function.configuration.name)
            finally:
                if not event.scheduled:
                    self._activity.finish()

    def _process(self, event: _Event) -> None:
        policy = self.policy
        left_s = event.accepted_at + policy.max_age_s - self._clock.time()
        try:
            if left_s < 0:
                raise Throttled  # noqa: TRY301
            answer = self._function.invoke(
                event.payload, wait_s=left_s / self._clock.speed, request_id=event.request_id
            )
        except Throttled:
            if not self._closed:
                self._give_up(event, None)
            return
        if answer.outcome == "ok":
            if policy.on_success_arn:
                self._deliver(policy.on_success_arn, self._record(event, answer, "Success"))
        elif event.attempt > policy.max_retries:
            self._give_up(event, answer)
        else:
            self._retry(event)

    def _retry(self, event: _Event) -> None:
        delay_s = _RETRY_DELAYS_S[min(event.attempt, len(_RETRY_DELAYS_S)) - 1]
        again = replace(event, attempt=event.attempt + 1)
        if not event.scheduled:
            self._activity.begin()

        def put() -> None:
            self._put(again)
            if not event.scheduled:
                self._activity.finish()

        self._timers.at(self._clock.time() + delay_s, put)

    def _give_up(self, event: _Event, answer: Answer | None) -> None:
        policy = self.policy
        condition = "EventAgeExceeded" if answer is None else "RetriesExhausted"
        if policy.on_failure_arn:
            self._deliver(policy.on_failure_arn, self._record(event, answer, condition))
        if policy.dead_letter_arn:
            self._deliver(policy.dead_letter_arn, json.loads(event.payload))

    def _record(self, event: _Event, answer: Answer | None, condition: str) -> Json:
        """Return what Lambda sends to a destination."""
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        record: dict[str, Json] = {
            "version": "1.0",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": f"{self._function.configuration.arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": event.attempt - (answer is None),
            },
            "requestPayload": json.loads(event.payload),
        }
        if answer is not None:
            record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
            if answer.outcome != "ok":
                record["responseContext"]["functionError"] = "Unhandled"
            record["responsePayload"] = json.loads(answer.body or b"null")
        return record
