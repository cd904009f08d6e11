"""The reserve: GetTranscript calls that are kept for last reads, one token bucket for all of them.

Capture keeps its own pace in one process, and draws on what the reserve has to spare; last reads
are made by any number of processes at once. So the bucket is an item of DynamoDB that holds one
moment, by which all places that were taken are free again (the generic cell rate algorithm), and
taking one is a conditional update without a read before it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.participant_exceptions import ParticipantThrottled
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from chatlake.capture.rate_limiter import Pace

BURST = 5
"""Calls that may begin at once; the service itself takes 12 at once at first."""

LEFT = 3
"""Calls of the burst that capture leaves to last reads."""

_KEY: dict[str, AttributeValueTypeDef] = {"chat": {"S": "#reserve"}, "item": {"S": "bucket"}}
_MOST_TRIES = 4
_LONGEST_WAIT_US = 60_000_000


class Reserve:
    """The bucket of a stack, for any number of processes."""

    def __init__(
        self, dynamodb: DynamoDBClient, table: str, per_second: float, *, burst: int = BURST
    ) -> None:
        """Let so many calls begin a second, and at most `burst` of them at once."""
        self._dynamodb = dynamodb
        self._table = table
        # Whole milliseconds would make 3 a second of 3.003.
        self._step_us = round(1_000_000 / per_second)
        self._ahead_us = (burst - 1) * self._step_us
        # As it was last seen: which of two updates is worth trying first.
        self._free_at_us = 0

    def wait_for_turn(self, until_ms: int) -> bool:
        """Take a place and wait until its call may begin; False if that is after a moment.

        A place that is not to be had in time is not taken.
        """
        starts_at = self.take(until_ms)
        if starts_at is None:
            return False
        if (wait_ms := starts_at - now_ms()) > 0:
            time.sleep(wait_ms / 1000)
        return True

    def take(self, until_ms: int) -> int | None:
        """Take a place; return when its call may begin in epoch ms, None if there is none in time.

        A minute is the longest that anybody waits.

        Raises
        ------
        botocore.exceptions.ClientError
            DynamoDB refused.
        """
        until_us, free_at_us = until_ms * 1000, self._free_at_us
        for _ in range(_MOST_TRIES):
            at_us = now_ms() * 1000
            if at_us > until_us:
                return None
            until_us = min(until_us, at_us + _LONGEST_WAIT_US)
            # Nobody waits for longer: a clock that was wrong has put it further ahead.
            wrong_us = at_us + 2 * _LONGEST_WAIT_US + self._ahead_us
            if at_us <= free_at_us <= wrong_us:
                if free_at_us > until_us + self._ahead_us:
                    return None
                taken, free_at_us = self._join(at_us, until_us)
            else:
                taken, free_at_us = self._begin(at_us, wrong_us)
            self._free_at_us = free_at_us
            if taken:
                starts_at_us = max(at_us, free_at_us - self._step_us - self._ahead_us)
                return -(-starts_at_us // 1000)
        return None

    def _begin(self, at_us: int, wrong_us: int) -> tuple[bool, int]:
        """Take a place of a bucket that nobody uses, if that is so."""
        return self._update(
            "SET free_at = :free",
            "attribute_not_exists(free_at) OR free_at < :now OR free_at > :wrong",
            {":free": at_us + self._step_us, ":now": at_us, ":wrong": wrong_us},
        )

    def _join(self, at_us: int, until_us: int) -> tuple[bool, int]:
        """Take the next place of a bucket in use, if it is and the place comes in time."""
        return self._update(
            "SET free_at = free_at + :step",
            "free_at BETWEEN :now AND :latest",
            {":step": self._step_us, ":now": at_us, ":latest": until_us + self._ahead_us},
        )

    def _update(self, update: str, condition: str, values: dict[str, int]) -> tuple[bool, int]:
        """Return whether the condition held, and by when all places are free again."""
        request: Any = {
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {name: {"N": str(n)} for name, n in values.items()},
            "ReturnValues": "UPDATED_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            done: Any = self._dynamodb.update_item(TableName=self._table, Key=_KEY, **request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            found: Any = error.response.get("Item", {})
            return False, int(found["free_at"]["N"]) if "free_at" in found else 0
        return True, int(done["Attributes"]["free_at"]["N"])


class ReservedTurns:
    """The turns of one last read, by its deadlines; what `ParticipantClient` waits for."""

    is_busy = False

    def __init__(self, reserve: Reserve, *, first_until_ms: int, until_ms: int) -> None:
        """Let the first call begin until one moment, and the others until an earlier one.

        The first brings the newest messages, whose receipts nobody has yet: it is worth most.
        """
        self._reserve = reserve
        self._deadline_ms = first_until_ms
        self._later_ms = until_ms
        self._taken = False

    def take(self) -> bool:
        """Wait for the turn of the next call; return whether it comes in time."""
        self._taken = self._taken or self._reserve.wait_for_turn(self._deadline_ms)
        return self._taken

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make the call in one's turn, which may have been taken before.

        Raises
        ------
        ParticipantThrottled
            There is none in time, or what came before the call has used the time up.
        """
        if not self.take() or now_ms() > self._deadline_ms:
            raise ParticipantThrottled("GetTranscript", "no place in the reserve")
        self._taken = False
        self._deadline_ms = self._later_ms
        yield


class WithSpareTurns:
    """A pace of one's own, and besides what the reserve has to spare.

    It is asked once in the time in which it fills by one call, and gives one only if `LEFT` are
    left at once for last reads, which nobody can put off.
    """

    def __init__(self, own: Pace, spare: Reserve, per_second: float) -> None:
        """Take the pace, and the reserve with a burst that is less by `LEFT`."""
        self._own = own
        self._spare = spare
        self._every_ms = round(1000 / per_second)
        self._asked_at = 0
        self._lock = Lock()

    @property
    def is_busy(self) -> bool:
        """Whether callers wait for one's own turns."""
        return self._own.is_busy

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make the call at once if there is a call to spare, else in one's own turn."""
        if self._has_spare():
            yield
            return
        with self._own.call():
            yield

    def _has_spare(self) -> bool:
        with self._lock:
            at = now_ms()
            if at - self._asked_at < self._every_ms:
                return False
            self._asked_at = at
        try:
            return self._spare.take(at) is not None
        except (ClientError, BotoCoreError):
            # One's own pace needs nobody.
            return False
