"""The sections of the page: for each its chart, what that means, and its numbers as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.analytics.report import charts, columns
from chatlake.analytics.report.columns import number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatlake.analytics.report.columns import Column
    from chatlake.analytics.report.drawing import Spec
    from chatlake.analytics.report.figures import Figures, Row


@dataclass(frozen=True, slots=True)
class Section:
    """A chart, the text under it, and its numbers as a table.

    Attributes
    ----------
    key
        The section's name in links.
    query
        The figures that it shows, by the name of their query.
    shown
        Which rows of these; None for all.
    """

    key: str
    title: str
    meaning: str
    query: str
    chart: Callable[[Sequence[Row]], Spec]
    columns: Sequence[Column]
    shown: Callable[[Row], bool] | None = None

    def rows(self, figures: Figures) -> list[Row]:
        """Return the rows that the section shows."""
        rows = figures.rows[self.query]
        return rows if self.shown is None else [row for row in rows if self.shown(row)]


SECTIONS = (
    Section(
        key="distribution",
        title="How long messages lie unread",
        meaning="Each bar counts the messages that were read after a time between its two edges; "
        "the first one, at 0.1 s, holds all shorter and negative times, too. The scale is "
        "logarithmic: equal steps multiply the time. Chat clients report once in five "
        "seconds, so the peak about 5 s is theirs, and those readers may have been faster. A "
        "second hump far to the right is people who had turned away. Only reported readings "
        "are here; the states below show how many messages that leaves out.",
        query="distribution",
        chart=charts.distribution,
        columns=(columns.READ_BY, columns.READ_AFTER, columns.MESSAGES),
    ),
    Section(
        key="days",
        title="From day to day",
        meaning="The median is what is usual, 90% and 99% are how long the slow ones take. If only "
        "the upper lines rise, a few messages are left lying; if all rise, everybody is "
        "slower. A day is that on which the chats began, in UTC.",
        query="days",
        chart=charts.over_time,
        columns=(
            columns.DAY,
            columns.READ_BY,
            columns.READ,
            columns.MEDIAN,
            columns.P90,
            columns.P99,
        ),
    ),
    Section(
        key="week",
        title="Hours of the week in which agents are slow to read",
        meaning="The median time until an agent has read a customer's message, by the hour of "
        "sending. The stronger the colour, the longer. Hours without a field had no reading.",
        query="hours_of_week",
        chart=charts.week,
        columns=(
            columns.DAY_OF_WEEK,
            columns.HOUR_OF_DAY,
            columns.READ,
            columns.MEDIAN,
            columns.P90,
        ),
    ),
    Section(
        key="queues",
        title="By queue",
        meaning="From the median (dot) to the time within which 90% were read (end of the bar), "
        "for messages between customers and agents, in the queues with the most messages.",
        query="queues",
        chart=charts.by_queue,
        columns=(
            columns.QUEUE,
            columns.SENT_BY,
            columns.READ_BY,
            columns.MESSAGES,
            columns.MEDIAN,
            columns.P90,
        ),
        shown=charts.is_between_customers_and_agents,
    ),
    Section(
        key="states",
        title="What became of messages",
        meaning="Clients report only the newest message of a burst: the ones before it count as "
        "read when it was, by implication. Unread messages have neither a reported reading nor a "
        "later one, though receipts could be had. Unknown are those of chats without "
        "receipts, of which only the export is there. In chats of three and more people "
        "Connect has no receipts at all, and they look unread.",
        query="roles",
        chart=charts.states,
        columns=(
            columns.SENT_BY,
            columns.READ_BY,
            columns.READ,
            number("Read by implication", "messages_read_implied"),
            number("Unread", "messages_unread"),
            number("Unknown", "messages_unknown"),
            columns.MEDIAN,
        ),
    ),
    Section(
        key="coverage",
        title="What the archive holds",
        meaning="Contacts by the day on which their chats began: with receipts, with messages "
        "alone (from the export), not read to their end, and without any transcript.",
        query="coverage",
        chart=charts.coverage,
        columns=(
            columns.DAY,
            number("Contacts", "contacts"),
            number("Complete", "complete"),
            number("With receipts", "with_receipts"),
            number("From the export", "from_export"),
            number("No transcript", "events_alone"),
        ),
    ),
)
QUEUE_COLUMNS = (
    columns.QUEUE,
    columns.SENT_BY,
    columns.READ_BY,
    columns.MESSAGES,
    columns.UNREAD_SHARE,
    columns.MEDIAN,
    columns.P90,
    columns.P95,
    columns.P99,
)
"""Of the table of all queues and roles, below the sections."""
