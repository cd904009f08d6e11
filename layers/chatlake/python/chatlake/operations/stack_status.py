"""The state of a stack: its chats of late, its live chats, its queues and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chatlake.operations.redrive import count
from chatlake.operations.status import ended_chats, live_coverage
from chatlake.tables import schema
from chatlake.tables.lake.chat_rows import opened, summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatlake.operations.status import EndedChats, LiveCoverage
    from chatlake.tables.lake.chat_rows import TableSummary
    from chatlake.tables.lake.iceberg import Lake

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class StackStatus:
    """How a stack is.

    Attributes
    ----------
    day, week
        Chats that ended in the last day, and in the last week.
    live
        How live chats are followed now.
    queues
        What is in each queue, by what it holds.
    tables
        What the tables' metadata tell.
    alarms
        The alarms of the stack that are on, by their logical ids.
    republishing
        Whether all chats are being published again.
    """

    day: EndedChats
    week: EndedChats
    live: LiveCoverage
    queues: Mapping[str, int]
    tables: list[TableSummary]
    alarms: list[str]
    republishing: bool

    @property
    def last_published(self) -> datetime | None:
        """When rows were written last; None before the first."""
        return max(
            (table.last_commit for table in self.tables if table.last_commit and table.rows),
            default=None,
        )


@dataclass(frozen=True, slots=True)
class StackParts:
    """What is asked: clients of AWS, and the names of what they are asked about."""

    name: str
    schedule_table: str
    queue_urls: Mapping[str, str]
    cloudwatch: Any
    dynamodb: Any
    sqs: Any


def stack_status(parts: StackParts, lake: Lake, *, republishing: bool) -> StackStatus:
    """Ask how a stack is; reads metrics, metadata and notes, and no document or row."""
    now = datetime.now(UTC)
    return StackStatus(
        day=ended_chats(parts.cloudwatch, parts.name, until=now),
        week=ended_chats(parts.cloudwatch, parts.name, until=now, period=_WEEK),
        live=live_coverage(parts.dynamodb, parts.schedule_table, at=now),
        queues={what: count(parts.sqs, url) for what, url in parts.queue_urls.items()},
        tables=[summary(table, opened(lake, table)) for table in schema.TABLES],
        alarms=_alarms(parts),
        republishing=republishing,
    )


def _alarms(parts: StackParts) -> list[str]:
    pages = parts.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=parts.name, StateValue="ALARM"
    )
    # CloudFormation's own names; those of a stack whose name begins alike have more parts.
    ours = re.compile(rf"{re.escape(parts.name)}-(\w+)(?:-\w+)?")
    found = (
        ours.fullmatch(alarm["AlarmName"])
        for page in pages
        for alarm in page["MetricAlarms"]
        if alarm["StateValue"] == "ALARM"
    )
    return sorted(match[1] for match in found if match)
