"""The page of the report: figures, charts and what they mean, in one file of HTML."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from chatlake.analytics.report import charts
from chatlake.analytics.report.drawing import Spec, draw
from chatlake.analytics.report.wording import DAYS_OF_WEEK, queue_name, role_name, seconds, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatlake.analytics.report.figures import Figures, Row

# Drawn twice, because text in a picture that is scaled down cannot be read.
_WIDE, _NARROW = 860, 330


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table on the page: its heading, and a cell's text and value to sort by."""

    heading: str
    text: Callable[[Row], str]
    value: Callable[[Row], Any] | None = None

    def sort_key(self, row: Row) -> Any:
        """Give what the cell is sorted by: numbers for columns of numbers, None at the end."""
        return self.text(row) if self.value is None else self.value(row)


@dataclass(frozen=True, slots=True)
class Section:
    """A chart, the text under it, and its numbers as a table."""

    key: str
    title: str
    meaning: str
    wide: Markup
    narrow: Markup
    columns: Sequence[Column]
    rows: Sequence[Row]


def render(figures: Figures) -> str:
    """Make the page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    script = _file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.from_string(_file("page.html")).render(
        figures=figures,
        tiles=_tiles(figures),
        sections=_sections(figures),
        queue_columns=_QUEUE_COLUMNS,
        queues=figures.rows["queues"],
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        style=Markup(_file("page.css")),
        script=Markup(script),
        # Nothing but what is on the page may run, and nothing may be fetched.
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
    )


def _file(name: str) -> str:
    return files("chatlake.analytics.report").joinpath(name).read_text(encoding="utf-8")


def _tiles(figures: Figures) -> list[tuple[str, str, str]]:
    """Give the figures at the top: name, value, and what it is of."""
    tiles = [("Chats", f"{figures.chats:,}", "in the period")]
    for role, name in (("CUSTOMER", "customers"), ("AGENT", "agents")):
        row = figures.read_by(role)
        if row is None:
            continue
        known = row["messages"] - row["messages_unknown"]
        tiles += [
            (
                f"Read by {name}",
                seconds(row["p50_s"]),
                f"median of reported readings; 95% within {seconds(row['p95_s'])}",
            ),
            (
                f"Unread by {name}",
                share(row["messages_unread"], known),
                f"{row['messages_unread']:,} of {known:,} whose receipts could be had",
            ),
        ]
    return tiles


def _number(heading: str, name: str) -> Column:
    return Column(heading, lambda row: f"{row[name]:,}", lambda row: row[name])


def _duration(heading: str, name: str) -> Column:
    return Column(heading, lambda row: seconds(row[name]), lambda row: row[name])


def _unread(heading: str) -> Column:
    def known(row: Row) -> int:
        number: int = row["messages"] - row["messages_unknown"]
        return number

    return Column(
        heading,
        lambda row: share(row["messages_unread"], known(row)),
        lambda row: row["messages_unread"] / known(row) if known(row) else None,
    )


_DAY = Column("Day", lambda row: str(row["chat_day"]))
_READ_BY = Column("Read by", lambda row: role_name(row["recipient_role"]))
_SENT_BY = Column("Sent by", lambda row: role_name(row["sender_role"]))
_MESSAGES = _number("Messages", "messages")
_READ = _number("Read", "messages_read")
_MEDIAN = _duration("Median", "p50_s")
_P90 = _duration("90%", "p90_s")
_P95 = _duration("95%", "p95_s")
_P99 = _duration("99%", "p99_s")
_QUEUE = Column("Queue", lambda row: queue_name(row["queue_arn"]))
_QUEUE_COLUMNS = (
    _QUEUE,
    _SENT_BY,
    _READ_BY,
    _MESSAGES,
    _unread("Unread"),
    _MEDIAN,
    _P90,
    _P95,
    _P99,
)


def _sections(figures: Figures) -> list[Section]:
    rows = figures.rows
    made = [
        _section(
            "distribution",
            "How long messages lie unread",
            "Each bar counts the messages that were read after a time between its two edges; the "
            "first one, at 0.1 s, holds all shorter and negative times, too. The scale is "
            "logarithmic: equal steps multiply the time. Chat clients report once in five "
            "seconds, so the peak about 5 s is theirs, and those readers may have been faster. A "
            "second hump far to the right is people who had turned away. Only reported readings "
            "are here; the states below show how many messages that leaves out.",
            charts.distribution,
            rows["distribution"],
            (
                _READ_BY,
                Column(
                    "From", lambda row: seconds(10 ** (row["step"] / 10)), lambda row: row["step"]
                ),
                _MESSAGES,
            ),
        ),
        _section(
            "days",
            "From day to day",
            "The median is what is usual, 90% and 99% are how long the slow ones take. If only "
            "the upper lines rise, a few messages are left lying; if all rise, everybody is "
            "slower. A day is that on which the chats began, in UTC.",
            charts.over_time,
            rows["days"],
            (_DAY, _READ_BY, _number("Read", "messages_read"), _MEDIAN, _P90, _P99),
        ),
        _section(
            "week",
            "Hours of the week in which agents are slow to read",
            "The median time until an agent has read a customer's message, by the hour of sending. "
            "The stronger the colour, the longer. Hours without a field had no reading.",
            charts.week,
            rows["hours_of_week"],
            (
                Column(
                    "Day",
                    lambda row: DAYS_OF_WEEK[row["day_of_week"] - 1],
                    lambda row: row["day_of_week"],
                ),
                Column(
                    "Hour", lambda row: f"{row['hour_of_day']}:00", lambda row: row["hour_of_day"]
                ),
                _READ,
                _MEDIAN,
                _P90,
            ),
        ),
        _section(
            "queues",
            "By queue",
            "From the median (dot) to the time within which 90% were read (end of the bar), for "
            "messages between customers and agents, in the queues with the most messages.",
            charts.by_queue,
            charts.between_customers_and_agents(rows["queues"]),
            (_QUEUE, _SENT_BY, _READ_BY, _MESSAGES, _MEDIAN, _P90),
        ),
        _section(
            "states",
            "What became of messages",
            "Clients report only the newest message of a burst: the ones before it count as read "
            "when it was, by implication. Unread messages have neither a reported reading nor a "
            "later one, though receipts could be had. Unknown are those of chats without "
            "receipts, of which only the export is there. In chats of three and more people "
            "Connect has no receipts at all, and they look unread.",
            charts.states,
            rows["roles"],
            (
                _SENT_BY,
                _READ_BY,
                _READ,
                _number("Read by implication", "messages_read_implied"),
                _number("Unread", "messages_unread"),
                _number("Unknown", "messages_unknown"),
                _MEDIAN,
            ),
        ),
        _section(
            "coverage",
            "What the archive holds",
            "Contacts by the day on which their chats began: with receipts, with messages alone "
            "(from the export), not read to their end, and without any transcript.",
            charts.coverage,
            rows["coverage"],
            (
                _DAY,
                _number("Contacts", "contacts"),
                _number("Complete", "complete"),
                _number("With receipts", "with_receipts"),
                _number("From the export", "from_export"),
                _number("No transcript", "events_alone"),
            ),
        ),
    ]
    return [section for section in made if section.rows]


def _section(
    key: str,
    title: str,
    meaning: str,
    chart: Callable[[Sequence[Row]], Spec],
    rows: Sequence[Row],
    columns: Sequence[Column],
) -> Section:
    spec = chart(rows) if rows else {}
    wide, narrow = (Markup(draw(spec, width)) if rows else Markup() for width in (_WIDE, _NARROW))
    return Section(key, title, meaning, wide, narrow, columns, rows)
