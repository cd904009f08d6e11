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
        key="seen",
        title="How soon messages are seen",
        meaning="Where a line crosses 50%, half of the messages have been seen. Here and below are "
        "those that were sent while their recipient was there: time in a queue is not in it. A "
        "line counts all whose reading was reported, and those that were not seen while they were "
        "observed, each for as long as it was. It ends where none was observed any longer, and "
        "below 100% if some were not seen by then.",
        query="seen",
        chart=charts.seen,
        columns=(columns.READ_BY, columns.SEEN_AFTER, columns.SEEN, columns.STILL_OBSERVED),
    ),
    Section(
        key="distribution",
        title="When readings were reported",
        meaning="Each bar counts the messages that were read after a time between its two edges; "
        "the first one, at 0.1 s, holds all shorter and negative times, too. The scale is "
        "logarithmic: equal steps multiply the time. Chat clients report once in five "
        "seconds, so the peak about 5 s is theirs, and those readers may have been faster. A "
        "second hump far to the right is people who had turned away. Only reported readings "
        "are here: what was not seen while it was observed is not, though it took longest.",
        query="distribution",
        chart=charts.distribution,
        columns=(columns.READ_BY, columns.READ_AFTER, columns.MESSAGES),
    ),
    Section(
        key="days",
        title="From day to day",
        meaning="The time within which half, 90% and 95% of the messages were seen. If only the "
        "upper lines rise, a few messages are left lying; if all rise, everybody is slower. A "
        "line has a gap where so many were never observed to be seen. A day is that on which the "
        "chats began, in UTC.",
        query="days",
        chart=charts.over_time,
        columns=(
            columns.DAY,
            columns.READ_BY,
            columns.OBSERVED,
            columns.KNOWN,
            columns.HALF,
            columns.P90,
            columns.P95,
            columns.WITHIN_30_S,
        ),
        shown=charts.is_read_by_agents_or_customers,
    ),
    Section(
        key="week",
        title="Hours of the week in which agents are slow to see messages",
        meaning="The time within which agents have seen half of the customers' messages, by the "
        "hour of sending. The stronger the colour, the longer. In hours without a field it is not "
        "known that half were seen.",
        query="hours_of_week",
        chart=charts.week,
        columns=(
            columns.DAY_OF_WEEK,
            columns.HOUR_OF_DAY,
            columns.OBSERVED,
            columns.HALF,
            columns.P90,
            columns.WITHIN_30_S,
        ),
        shown=charts.is_from_customers_to_agents,
    ),
    Section(
        key="queues",
        title="By queue",
        meaning="From the time within which half of the messages were seen (dot) to that for 90% "
        "(end of the bar), for messages between customers and agents, in the queues with the most "
        "messages. A dot alone: 90% were not observed to be seen.",
        query="queues",
        chart=charts.by_queue,
        columns=(
            columns.QUEUE,
            columns.SENT_BY,
            columns.READ_BY,
            columns.OBSERVED,
            columns.HALF,
            columns.P90,
            columns.WITHIN_30_S,
        ),
        shown=charts.is_between_customers_and_agents,
    ),
    Section(
        key="states",
        title="What is known of each reading",
        meaning="Clients report only the newest message of a burst: the ones before it count as "
        "read when it was, by implication. Replied: the recipient wrote something after it. Not "
        "seen: receipts were read for a while after it was sent, and nothing told of a reading. "
        "That does not mean that nobody ever read it: clients report up to five seconds late and "
        "not at all after the end, and tokens may die before. Unknown: there were no receipts to "
        "be had, as in chats of which only the export is there, and in those of three and more.",
        query="roles",
        chart=charts.states,
        columns=(
            columns.SENT_BY,
            columns.READ_BY,
            columns.READ,
            number("By implication", "messages_read_implied"),
            number("Replied", "messages_replied"),
            number("Not seen", "messages_not_seen"),
            number("Unknown", "messages_unknown"),
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
    columns.KNOWN,
    columns.OBSERVED,
    columns.HALF,
    columns.P90,
    columns.WITHIN_30_S,
    columns.WITHIN_60_S,
)
"""Of the table of all queues and roles, below the sections."""
