"""The columns of the page's tables: their headings, and what each shows of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.analytics.report.figures import messages_known
from chatlake.analytics.report.wording import DAYS_OF_WEEK, queue_name, role_name, seconds, share

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


def _unread_share(row: Row) -> float | None:
    known = messages_known(row)
    return row["messages_unread"] / known if known else None


DAY = Column("Day", lambda row: str(row["chat_day"]))
DAY_OF_WEEK = Column(
    "Day", lambda row: DAYS_OF_WEEK[row["day_of_week"] - 1], lambda row: row["day_of_week"]
)
HOUR_OF_DAY = Column("Hour", lambda row: f"{row['hour_of_day']}:00", lambda row: row["hour_of_day"])
QUEUE = Column("Queue", lambda row: queue_name(row["queue_arn"]))
SENT_BY = Column("Sent by", lambda row: role_name(row["sender_role"]))
READ_BY = Column("Read by", lambda row: role_name(row["recipient_role"]))
READ_AFTER = Column("From", lambda row: seconds(10 ** (row["step"] / 10)), lambda row: row["step"])
MESSAGES = number("Messages", "messages")
READ = number("Read", "messages_read")
UNREAD_SHARE = Column(
    "Unread", lambda row: share(row["messages_unread"], messages_known(row)), _unread_share
)
MEDIAN = duration("Median", "p50_s")
P90 = duration("90%", "p90_s")
P95 = duration("95%", "p95_s")
P99 = duration("99%", "p99_s")
