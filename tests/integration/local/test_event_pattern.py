"""Patterns of rules, and schedules, mean what EventBridge's documentation says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from local.cloud.event_pattern import check_pattern, matches
from local.cloud.exceptions import DeploymentFailed
from local.cloud.schedule import next_due

EVENT = {
    "source": "aws.s3",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "channel": "Chat",
        "object": {"key": "connect/ChatTranscripts/a.json", "size": 12},
        "reason": None,
        "retried": False,
    },
}


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.ec2", "aws.s3"]},
        {"resources": ["arn:b"]},
        {"detail": {"object": {"key": [{"prefix": "connect/"}]}}},
        {"detail": {"object": {"key": [{"suffix": ".json"}]}}},
        {"detail": {"object": {"key": [{"wildcard": "*/ChatTranscripts/*.json"}]}}},
        {"detail": {"channel": [{"equals-ignore-case": "CHAT"}]}},
        {"detail": {"channel": [{"prefix": {"equals-ignore-case": "cH"}}]}},
        {"detail": {"channel": [{"anything-but": ["VOICE"]}]}},
        {"detail": {"channel": [{"anything-but": {"prefix": "Vo"}}]}},
        {"detail": {"channel": [{"exists": True}]}},
        {"detail": {"Channel": [{"exists": False}]}},
        {"detail": {"object": {"size": [{"numeric": [">", 5, "<=", 12]}]}}},
        {"detail": {"object": {"size": [12]}}},
        {"detail": {"reason": [None], "retried": [False]}},
        {"detail": {"$or": [{"Channel": ["Chat"]}, {"channel": ["Chat"]}]}},
        {"$or": [{"source": ["none"]}, {"detail": {"channel": ["Chat"]}}]},
    ],
)
def test_a_pattern_that_matches(pattern: dict[str, Any]) -> None:
    check_pattern(pattern)
    assert matches(pattern, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.ec2"]},
        {"source": ["aws.s3"], "detail": {"channel": ["CHAT"]}},
        {"resources": ["arn:c"]},
        {"detail": {"object": {"key": [{"prefix": "ChatTranscripts/"}]}}},
        {"detail": {"object": {"key": [{"wildcard": "*.jso"}]}}},
        {"detail": {"channel": [{"anything-but": "Chat"}]}},
        {"detail": {"Channel": [{"anything-but": "VOICE"}]}},
        {"detail": {"channel": [{"exists": False}]}},
        {"detail": {"Channel": [{"exists": True}]}},
        {"detail": {"object": {"size": [{"numeric": ["<", 12]}]}}},
        {"detail": {"object": {"size": ["12"]}}},
        {"detail": {"retried": [0]}},
        {"detail": {"reason": [False]}},
        {"detail": {"object": ["connect/ChatTranscripts/a.json"]}},
        {"detail": {"$or": [{"Channel": ["Chat"]}, {"channel": ["Voice"]}]}},
        {"detail": {"missing": {"key": ["a"]}}},
    ],
)
def test_a_pattern_that_does_not_match(pattern: dict[str, Any]) -> None:
    check_pattern(pattern)
    assert not matches(pattern, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": "aws.s3"},
        {"source": []},
        {"source": [{"sounds-like": "a"}]},
        {"detail": {"$or": [{"a": [{"cidr": "10.0.0.0/24"}]}]}},
    ],
)
def test_what_is_no_pattern_is_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(DeploymentFailed):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("rate(1 minute)", "2026-11-22T10:00:30", "2026-11-22T10:01:30"),
        ("rate(2 hours)", "2026-11-22T10:00:00", "2026-11-22T12:00:00"),
        ("cron(15 3 * * ? *)", "2026-11-22T03:14:59", "2026-11-22T03:15:00"),
        ("cron(15 3 * * ? *)", "2026-11-22T03:15:00", "2026-11-23T03:15:00"),
        ("cron(0/20 * * * ? *)", "2026-11-22T10:41:00", "2026-11-22T11:00:00"),
        ("cron(0 8 ? * MON-FRI *)", "2026-11-20T09:00:00", "2026-11-23T08:00:00"),
        ("cron(0 8 1 JAN,JUL ? *)", "2026-11-22T00:00:00", "2027-01-01T08:00:00"),
        ("cron(30 10 29 2 ? 2028)", "2026-11-22T00:00:00", "2028-02-29T10:30:00"),
    ],
)
def test_a_schedule_is_next_due(expression: str, after: str, due: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    found = datetime.fromtimestamp(next_due(expression)(moment), UTC)
    assert found.isoformat() == f"{due}+00:00"


@pytest.mark.parametrize(
    "expression",
    [
        "rate(2 minute)",
        "rate(0 minutes)",
        "rate(1 fortnight)",
        "cron(0 8 * * * *)",
        "cron(0 8 ? * ? *)",
        "cron(61 8 * * ? *)",
        "cron(0 8 L * ? *)",
        "cron(0 8 * *)",
        "every minute",
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(DeploymentFailed):
        next_due(expression)
