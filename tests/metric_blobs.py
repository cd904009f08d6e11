"""Lines of a log that CloudWatch makes metrics of, and what they may hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatlake.aws_clients.metric_names import Metric
from chatlake.tables.measures import SENDER_ROLES

MOST_VALUES = 100
_DECODER = json.JSONDecoder()
_UNITS = {"Count", "Milliseconds", "Percent", "Seconds"}


def blobs(log: str) -> list[dict[str, Any]]:
    """Those lines of a log that are metrics."""
    lines = (line for line in log.splitlines() if '"_aws"' in line)
    return [value for line in lines for value in _values(line) if "_aws" in value]


def _values(line: str) -> Iterator[dict[str, Any]]:
    """What a line holds: environments of the local cloud share a file, and may write at once."""
    end = 0
    while end < len(line):
        value, end = _DECODER.raw_decode(line, end)
        yield value


def values(written: Iterable[dict[str, Any]], metric: str, role: str | None = None) -> list[float]:
    """All values of a metric with that dimension, in order."""
    return [
        value
        for blob in written
        if metric in blob and blob.get("sender_role") == role
        for value in blob[metric]
    ]


def assert_they_hold_numbers_only(written: Iterable[dict[str, Any]], stack: str) -> None:
    """Whatever goes into a metric is a name of ours, a number, or one of few words."""
    names = set(Metric)
    for blob in written:
        [told] = blob["_aws"]["CloudWatchMetrics"]
        [dimensions] = told["Dimensions"]
        metrics = {metric["Name"] for metric in told["Metrics"]}
        assert blob["_aws"].keys() == {"Timestamp", "CloudWatchMetrics"}
        assert told["Namespace"] == "chatlake"
        assert metrics <= names
        assert {metric["Unit"] for metric in told["Metrics"]} <= _UNITS
        assert {"service"} <= set(dimensions) <= {"service", "sender_role"}
        assert blob.keys() == {"_aws", *dimensions, *metrics}
        assert blob["service"] == stack
        assert blob.get("sender_role", "OTHER") in SENDER_ROLES
        for metric in metrics:
            assert len(blob[metric]) <= MOST_VALUES
            assert all(type(value) is float for value in blob[metric])
