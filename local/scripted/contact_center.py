"""The contact center in which scripted chats take place: its instance, queues, agents, hours."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from uuid import NAMESPACE_URL, uuid5

REGION = "eu-west-1"
ACCOUNT_ID = "111122223333"
INSTANCE_ALIAS = "example"
EXPORT_BUCKET = "example-connect-exports"
INSTANCE_ID = "5c0ffee5-1a7e-4000-8000-c4a71a4e0001"
INSTANCE_ARN = f"arn:aws:connect:{REGION}:{ACCOUNT_ID}:instance/{INSTANCE_ID}"

HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# Arrivals of one weekday by hour: quiet nights, a peak before noon, a second one in the evening.
# fmt: off
_HOUR_WEIGHTS = (
    2, 1, 1, 1, 1, 3, 8, 20, 45, 70, 80, 76, 60, 62, 66, 64, 60, 58, 52, 44, 34, 22, 12, 5,
)
# fmt: on
_WEEKDAY_WEIGHTS = (1.30, 1.15, 1.05, 1.0, 1.0, 0.55, 0.35)


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who answers; ``pace`` multiplies all of their delays, 1.0 being usual."""

    name: str
    arn: str
    pace: float


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with the median seconds that its agents take."""

    name: str
    arn: str
    wait_s: float
    reply_s: float
    read_s: float
    agents: tuple[Agent, ...]


def _arn(kind: str, name: str) -> str:
    return f"{INSTANCE_ARN}/{kind}/{uuid5(NAMESPACE_URL, f'{kind}/{name}')}"


def _queue(name: str, wait_s: float, reply_s: float, read_s: float, agents: str) -> Queue:
    staff = tuple(
        Agent(agent, _arn("agent", agent), pace=0.6 + 0.25 * number)
        for number, agent in enumerate(agents.split())
    )
    return Queue(name, _arn("queue", name), wait_s, reply_s, read_s, staff)


QUEUES = (
    _queue("Orders", 25, 22, 5, "Basalt Cobalt Garnet Jasper Onyx Opal"),
    _queue("Billing", 60, 40, 11, "Agate Beryl Citrine Topaz"),
    _queue("Technical help", 140, 55, 16, "Copper Nickel Pewter Zinc Bronze"),
    _queue("Cancellations", 90, 30, 8, "Amber Coral Pearl"),
    _queue("Premium", 8, 12, 3, "Indigo Saffron"),
)
QUEUE_SHARES = (0.42, 0.64, 0.84, 0.94, 1.0)
"""Where each queue's share of the chats ends, counted up."""


def pick_queue(rng: Random) -> Queue:
    """Return a queue, drawn by the queues' shares of the chats."""
    return QUEUES[bisect_right(QUEUE_SHARES, rng.random())]


def pick_agent(rng: Random, queue: Queue) -> Agent:
    """Return one agent of a queue."""
    return queue.agents[int(rng.random() * len(queue.agents))]


def epoch_ms(moment: datetime) -> int:
    """Return an aware moment as whole milliseconds since 1970 UTC, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


class Calendar:
    """When chats arrive within a period, by hour of the day and by weekday.

    Parameters
    ----------
    start
        The aware moment when the period begins; its time zone is that of the contact center.
    days
        The length of the period, at least 1.
    """

    def __init__(self, start: datetime, days: int) -> None:
        if days < 1:
            message = f"days is {days}, but a period has at least one day"
            raise ValueError(message)
        self.start_ms = epoch_ms(start)
        hours = (start + timedelta(hours=number) for number in range(days * 24))
        self._weights = list(accumulate(_weight(hour) for hour in hours))

    def arrival_ms(self, rng: Random) -> int:
        """Draw an arrival within the period."""
        return self._draw(rng, 0)

    def arrival_after_ms(self, rng: Random, after_ms: int) -> int | None:
        """Draw an arrival in a later hour than a moment; None if the period has none left."""
        first = max(0, (after_ms - self.start_ms) // HOUR_MS + 1)
        return self._draw(rng, first) if first < len(self._weights) else None

    def _draw(self, rng: Random, first: int) -> int:
        passed = self._weights[first - 1] if first else 0.0
        weight = passed + rng.random() * (self._weights[-1] - passed)
        # Rounding may lift the weight to the very last sum, which is past the last hour.
        hour = min(bisect_right(self._weights, weight), len(self._weights) - 1)
        return self.start_ms + hour * HOUR_MS + int(rng.random() * HOUR_MS)


def _weight(hour: datetime) -> float:
    return _HOUR_WEIGHTS[hour.hour] * _WEEKDAY_WEIGHTS[hour.weekday()]
