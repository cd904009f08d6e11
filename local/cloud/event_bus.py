"""EventBridge's default bus: rules with patterns, rules with schedules, and their targets."""

from __future__ import annotations

import json
import re
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.cloud.event_pattern import check_pattern, matches
from local.cloud.exceptions import DeploymentFailed, NotKnown
from local.cloud.schedule import next_due

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.clock import Clock
    from local.cloud.template import Json
    from local.cloud.timers import Timers

_PLACEHOLDER = re.compile(r"<([^<>]+)>")
_ENTRY_PROPERTIES = {
    "Detail", "DetailType", "EventBusName", "Resources", "Source", "Time",
}  # fmt: skip
_TARGET_PROPERTIES = {
    "Arn", "DeadLetterConfig", "Id", "Input", "InputPath", "InputTransformer", "RetryPolicy",
}  # fmt: skip
_INPUTS = {"Input", "InputPath", "InputTransformer"}
_MAX_TARGETS = 5
"""Of a rule: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""


@dataclass(frozen=True)
class Rule:
    """A rule that its template enables: with a pattern, with a schedule, or with both."""

    arn: str
    pattern: Mapping[str, Json] | None
    schedule: str | None
    targets: Sequence[Mapping[str, Json]]


class EventBus:
    """Hands events to the targets of the rules that they match.

    `send(rule_arn, target, payload, scheduled)` does the handing over.
    """

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        send: Callable[[str, Mapping[str, Json], Json, bool], None],
        region: str,
        account_id: str,
    ) -> None:
        self.clock = clock
        self._timers = timers
        self._send = send
        self._region = region
        self._account_id = account_id
        self._lock = threading.Lock()
        self._rules: dict[str, Rule] = {}
        self._disabled: set[str] = set()

    def put_rule(self, rule: Rule) -> None:
        """Add a rule, or replace the one of that ARN."""
        if rule.pattern is not None:
            check_pattern(rule.pattern)
        _check_targets(rule)
        following = next_due(rule.schedule) if rule.schedule else None
        with self._lock:
            self._rules[rule.arn] = rule
            self._disabled.discard(rule.arn)
        if following:
            self._plan(rule, following, following(self.clock.time()))

    def remove_rule(self, arn: str) -> None:
        """Forget a rule."""
        with self._lock:
            self._rules.pop(arn, None)

    def switch(self, arn: str, *, enabled: bool) -> None:
        """Enable a rule, or disable it."""
        with self._lock:
            if enabled:
                self._disabled.discard(arn)
            else:
                self._disabled.add(arn)

    def state(self, arn: str) -> str | None:
        """Return EventBridge's word for the state of a rule; None if there is no such rule."""
        with self._lock:
            if arn not in self._rules:
                return None
            return "DISABLED" if arn in self._disabled else "ENABLED"

    def rules(self) -> set[str]:
        """Return the ARNs of the rules and schedules that there are."""
        with self._lock:
            return set(self._rules)

    def put_event(self, event: Mapping[str, Json]) -> int:
        """Pass an event to all targets of the rules that it matches; return how many these are.

        What EventBridge itself adds to an event is added where it is missing.
        """
        whole = {**self._envelope(), **event}
        with self._lock:
            rules = [rule for arn, rule in self._rules.items() if arn not in self._disabled]
        matched = [rule for rule in rules if rule.pattern and matches(rule.pattern, whole)]
        for rule in matched:
            self._hand_over(rule, whole, scheduled=False)
        return len(matched)

    def _plan(self, rule: Rule, following: Callable[[float], float], when: float) -> None:
        def call() -> None:
            with self._lock:
                if self._rules.get(rule.arn) is not rule:
                    return
                enabled = rule.arn not in self._disabled
            # A clock that runs faster than the machine can follow leaves out what it passed.
            due = following(when)
            self._plan(rule, following, due if due > self.clock.time() else self._after(following))
            event = self._envelope() | {
                "source": "aws.events",
                "detail-type": "Scheduled Event",
                "resources": [rule.arn],
                "time": _timestamp(when),
            }
            if enabled:
                self._hand_over(rule, event, scheduled=True)

        self._timers.at(when, call)

    def _after(self, following: Callable[[float], float]) -> float:
        return following(self.clock.time())

    def _hand_over(self, rule: Rule, event: Json, *, scheduled: bool) -> None:
        for target in rule.targets:
            self._send(rule.arn, target, _payload(target, event), scheduled)

    def _envelope(self) -> dict[str, Json]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "account": self._account_id,
            "region": self._region,
            "time": _timestamp(self.clock.time()),
            "resources": [],
            "detail": {},
        }


def put_entry(bus: EventBus, entry: Mapping[str, Json]) -> dict[str, str]:
    """Put an entry of PutEvents on the bus; return what the service says of it."""
    if unknown := set(entry) - _ENTRY_PROPERTIES:
        raise NotKnown(f"PutEvents: an entry's {', '.join(sorted(unknown))}")
    try:
        detail = json.loads(entry.get("Detail", ""))
    except ValueError:
        detail = None
    named = entry.get("Source"), entry.get("DetailType")
    if not all(named):
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": "Source and DetailType are missing"}
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    if entry.get("EventBusName", "default").rpartition("/")[2] != "default":
        return {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": "no such event bus"}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "a source of AWS"}
    event_id = str(uuid.uuid4())
    bus.put_event(
        {
            "id": event_id,
            "time": _timestamp(entry.get("Time") or bus.clock.time()),
            "source": entry["Source"],
            "detail-type": entry["DetailType"],
            "resources": entry.get("Resources", []),
            "detail": detail,
        }
    )
    return {"EventId": event_id}


def _check_targets(rule: Rule) -> None:
    """Fail for targets that EventBridge would refuse, or that are not known here."""
    for target in rule.targets:
        if unknown := set(target) - _TARGET_PROPERTIES:
            raise NotKnown(f"{rule.arn}: a target's {', '.join(sorted(unknown))}")
        if len(inputs := _INPUTS & set(target)) > 1:
            raise DeploymentFailed(f"{rule.arn}: a target has only one of {sorted(inputs)}")
        try:
            json.loads(target.get("Input", "null"))
        except ValueError:
            raise DeploymentFailed(f"{rule.arn}: the Input of a target is no JSON") from None
    if len({target["Id"] for target in rule.targets}) < len(rule.targets):
        raise DeploymentFailed(f"{rule.arn}: two targets have the same Id")
    if len(rule.targets) > _MAX_TARGETS:
        raise DeploymentFailed(f"{rule.arn}: a rule has {_MAX_TARGETS} targets at most")


def _payload(target: Mapping[str, Json], event: Json) -> Json:
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return _at(target["InputPath"], event)
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        found = {
            name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()
        }
        template = transformer["InputTemplate"]
        return json.loads(_PLACEHOLDER.sub(lambda part: json.dumps(found[part[1]]), template))
    return event


def _at(path: str, event: Json) -> Json:
    for name in path.removeprefix("$").strip(".").split("."):
        if name:
            event = event.get(name) if isinstance(event, dict) else None
    return event


def _timestamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
