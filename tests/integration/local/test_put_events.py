"""Events of functions on the default bus: what PutEvents takes, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.clock import Clock
from local.cloud import NotKnown
from local.cloud.event_bus import EventBus, Rule, put_entry
from local.cloud.timers import Timers

ENTRY = {"Source": "chatlake", "DetailType": "Message Waiting", "Detail": '{"queue": "q"}'}


class Heard(EventBus):
    """A bus with one rule, which hears what is of this source."""

    def __init__(self, timers: Timers, clock: Clock) -> None:
        self.events: list[Any] = []
        super().__init__(clock, timers, self._hear, "eu-west-1", "111122223333")
        self.put_rule(Rule("arn", {"source": ["chatlake"]}, None, [{"Id": "one", "Arn": "two"}]))

    def _hear(self, _rule: str, _target: Mapping[str, Any], payload: Any, _timed: bool) -> None:
        self.events.append(payload)


@pytest.fixture
def bus() -> Iterator[Heard]:
    clock = Clock(1_800_000_000.0)
    timers = Timers(clock)
    yield Heard(timers, clock)
    timers.close()


def test_an_event_of_a_function_finds_its_rules(bus: Heard) -> None:
    said = put_entry(bus, ENTRY | {"EventBusName": "default", "Time": 1_800_000_000})
    [event] = bus.events
    assert said == {"EventId": event["id"]}
    assert event["detail-type"] == "Message Waiting"
    assert event["detail"] == {"queue": "q"}
    assert event["account"] == "111122223333"
    assert event["time"] == "2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Source": "aws.connect"}, "NotAuthorizedForSourceException"),
        ({"Source": ""}, "InvalidArgument"),
        ({"Detail": "no JSON"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"EventBusName": "mine"}, "ResourceNotFoundException"),
    ],
)
def test_what_the_service_refuses_is_told_and_goes_nowhere(
    bus: Heard, change: dict[str, str], code: str
) -> None:
    assert put_entry(bus, ENTRY | change)["ErrorCode"] == code
    assert not bus.events


def test_what_is_not_known_fails(bus: Heard) -> None:
    with pytest.raises(NotKnown, match="TraceHeader"):
        put_entry(bus, ENTRY | {"TraceHeader": "x"})
