"""What polls queues for functions: AWS::Lambda::EventSourceMapping of SQS queues."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.cloud.exceptions import Throttled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.clock import Clock
    from local.cloud.functions import Function
    from local.cloud.template import Json

_MAX_BATCH_BYTES = 6 << 20
_MAX_RECEIVED = 10
_LONGEST_PAUSE_S = 0.25
_THROTTLED_WAIT_S = 60


@dataclass(frozen=True)
class Source:
    """A queue and how messages are gathered from it."""

    queue_arn: str
    batch_size: int
    window_s: float
    max_concurrency: int
    reports_failures: bool


class QueuePoller:
    """Gathers batches in one thread, and hands each to the function in a thread of its own."""

    def __init__(self, source: Source, function: Function, sqs: Any, clock: Clock) -> None:
        self.source = source
        self._function = function
        self._sqs = sqs
        self._clock = clock
        self._url = sqs.get_queue_url(QueueName=source.queue_arn.rsplit(":", 1)[1])["QueueUrl"]
        self._stopped = threading.Event()
        # Two pollers at least are what Lambda has, whatever the concurrency.
        self._places = threading.Semaphore(source.max_concurrency)
        self._runs = ThreadPoolExecutor(source.max_concurrency)
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    @property
    def queue_url(self) -> str:
        """The queue that is polled."""
        return str(self._url)

    def close(self) -> None:
        """Stop polling; what is being worked on is finished."""
        self._stopped.set()
        self._thread.join()
        self._runs.shutdown()

    def _poll(self) -> None:
        while not self._stopped.is_set():
            # No message is held that no run is free for: others may want it meanwhile.
            if not self._places.acquire(timeout=0.2):
                continue
            batch = self._gather()
            if batch:
                self._runs.submit(self._run, batch, time.monotonic())
            else:
                self._places.release()

    def _gather(self) -> list[Json]:
        """Return messages until there are enough, or the window that the first one opened ends."""
        batch: list[Json] = []
        size = 0
        pause_s = 0.02
        closes_at = float("inf")
        while not self._stopped.is_set() and self._clock.time() < closes_at:
            wanted = min(_MAX_RECEIVED, self.source.batch_size - len(batch))
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=wanted,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if messages and not batch:
                closes_at = self._clock.time() + self.source.window_s
            batch += messages
            size += sum(len(message["Body"]) for message in messages)
            if len(batch) >= self.source.batch_size or size >= _MAX_BATCH_BYTES:
                break
            if len(messages) < wanted:
                left_s = (closes_at - self._clock.time()) / self._clock.speed
                pause_s = 0.02 if messages else min(pause_s * 1.5, _LONGEST_PAUSE_S)
                self._stopped.wait(max(0.0, min(pause_s, left_s)))
        return batch

    def _run(self, batch: list[Json], received_at: float) -> None:
        try:
            payload = json.dumps({"Records": [self._record(message) for message in batch]})
            try:
                answer = self._function.invoke(payload.encode(), wait_s=_THROTTLED_WAIT_S)
            except Throttled:
                failed = {message["MessageId"] for message in batch}
            else:
                failed = self._failed(batch, answer.outcome, answer.body)
            done = [message for message in batch if message["MessageId"] not in failed]
            self._delete(done)
            self._return([m for m in batch if m["MessageId"] in failed], received_at)
        finally:
            self._places.release()

    def _failed(self, batch: Sequence[Json], outcome: str, body: bytes) -> set[str]:
        """Return the ids of messages that the function did not get done."""
        every = {message["MessageId"] for message in batch}
        if outcome != "ok":
            return every
        if not self.source.reports_failures:
            return set()
        # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: what is
        # not a proper list of ids of this batch fails all of it.
        answer = json.loads(body or b"null")
        if not answer:
            return set()
        try:
            failures = answer["batchItemFailures"] or []
            ids = {failure["itemIdentifier"] for failure in failures}
        except (KeyError, TypeError):
            return every
        return min(ids, every)

    def _delete(self, messages: list[Json]) -> None:
        for start in range(0, len(messages), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + 10])
            ]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _return(self, messages: list[Json], received_at: float) -> None:
        """Let failed messages come again when their visibility timeout ends by our clock."""
        if not messages:
            return
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["VisibilityTimeout"]
        )
        timeout_s = int(answer["Attributes"]["VisibilityTimeout"]) / self._clock.speed
        left_s = max(0, round(timeout_s - (time.monotonic() - received_at)))
        for message in messages:
            self._sqs.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=left_s,
            )

    def _record(self, message: Json) -> Json:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {
                    "dataType": value["DataType"],
                    "stringValue": value.get("StringValue"),
                    "stringListValues": [],
                    "binaryListValues": [],
                }
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.source.queue_arn,
            "awsRegion": self.source.queue_arn.split(":")[3],
        }
