"""The columns of the page's tables: their headings, and what each shows of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.analytics.report.charts import step_ends_s
from chatlake.analytics.report.wording import (
    DAYS_OF_WEEK,
    percent,
    queue_name,
    role_name,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.analytics.report.figures import Row


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table on the page: its heading, and a cell's text and value to sort by."""

    heading: str
    text: Callable[[Row], str]
    value: Callable[[Row], Any] | None = None

    def sort_key(self, row: Row) -> Any:
        """Return what the cell is sorted by: numbers for columns of numbers, None at the end."""
        return self.text(row) if self.value is None else self.value(row)


def number(heading: str, name: str) -> Column:
    """Return a column of counts."""
    return Column(heading, lambda row: f"{row[name]:,}", lambda row: row[name])


def duration(heading: str, name: str) -> Column:
    """Return a column of durations, which rows have in seconds."""
    return Column(heading, lambda row: seconds(row[name]), lambda row: row[name])


def part(heading: str, name: str) -> Column:
    """Return a column of shares."""
    return Column(heading, lambda row: percent(row[name]), lambda row: row[name])


def _share_known(row: Row) -> float | None:
    messages = row["messages"]
    return 1 - row["messages_unknown"] / messages if messages else None


DAY = Column("Day", lambda row: str(row["chat_day"]))
DAY_OF_WEEK = Column(
    "Day", lambda row: DAYS_OF_WEEK[row["day_of_week"] - 1], lambda row: row["day_of_week"]
)
HOUR_OF_DAY = Column("Hour", lambda row: f"{row['hour_of_day']}:00", lambda row: row["hour_of_day"])
QUEUE = Column("Queue", lambda row: queue_name(row["queue_arn"]))
SENT_BY = Column("Sent by", lambda row: role_name(row["sender_role"]))
READ_BY = Column("For", lambda row: role_name(row["recipient_role"]))
READ_AFTER = Column("From", lambda row: seconds(10 ** (row["step"] / 10)), lambda row: row["step"])
MESSAGES = number("Messages", "messages")
READ = number("Read", "messages_read")
OBSERVED = number("Estimated of", "messages_known")
KNOWN = Column("Known", lambda row: percent(_share_known(row)), _share_known)
SEEN_AFTER = Column("After", lambda row: seconds(step_ends_s(row["step"])), lambda row: row["step"])
SEEN = part("Seen", "share")
STILL_OBSERVED = number("Still observed", "observed")
HALF = duration("Half within", "seen_p50_s")
P90 = duration("90% within", "seen_p90_s")
P95 = duration("95% within", "seen_p95_s")
WITHIN_30_S = part("Within 30 s", "seen_within_30s")
WITHIN_60_S = part("Within 60 s", "seen_within_60s")
