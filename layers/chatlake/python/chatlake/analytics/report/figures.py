"""The figures of the report: aggregated by the SQL engine, so that few rows come out of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.analytics.duckdb_engine import run
from chatlake.analytics.sql_files import ALWAYS, Period, load_report, to_duckdb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from chatlake.progress import Progress

type Row = dict[str, Any]

BASE = "readings"
SIZES = "sizes"
ESTIMATES = "estimates"
_MOST_QUEUES = 500
_FILE = "report"
_MESSAGES_AT_ONCE = 500_000
_FIGURES = ("overview", "days", "hours_of_week", "queues", "roles")


@dataclass(frozen=True, slots=True)
class Figures:
    """What the report shows: the rows of queries/report/*.sql, by the file's name.

    Those of the estimates are by the figure that they are of: overview, days, hours_of_week,
    queues (at most 500) and roles.
    """

    rows: dict[str, list[Row]]

    @property
    def messages(self) -> int:
        """Messages, counted once for each recipient who was there when they were sent."""
        return sum(row["messages"] for row in self.rows["overview"])

    @property
    def chats(self) -> int:
        """Chats of which anything is known."""
        return sum(row["chats"] for row in self.rows["coverage"])

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day on which chats began; None without any."""
        days = [row["chat_day"] for row in self.rows["coverage"]]
        return (min(days), max(days)) if days else None

    def read_by(self, role: str) -> Row | None:
        """Return the overview of messages for a role; None if nothing was for it."""
        return next((row for row in self.rows["overview"] if row["recipient_role"] == role), None)


def gather(
    connection: duckdb.DuckDBPyConnection, folder: Path, period: Period, progress: Progress
) -> Figures:
    """Ask for all figures of a period.

    What every figure is made of goes to a file in a folder, a few days at a time: chats do not
    share days, so memory is enough for any number of them.
    """
    queries = load_report()
    base, sizes = to_duckdb(queries.pop(BASE).sql), to_duckdb(queries.pop(SIZES).sql)
    connection.execute(f"ATTACH '{_quoted(folder / 'readings.duckdb')}' AS {_FILE}")
    run(connection, f"CREATE TABLE {_FILE}.{BASE} AS {base} WITH NO DATA", ALWAYS.parameters)
    connection.execute(f"CREATE TEMP VIEW {BASE} AS SELECT * FROM {_FILE}.{BASE}")  # nosec B608 # our names
    parts = _parts(run(connection, sizes, period.parameters).fetchall())
    rows: dict[str, list[Row]] = {}
    with progress.stage("Reading", sum(messages for _, messages in parts)) as advance:
        for days, messages in parts:
            run(connection, f"INSERT INTO {_FILE}.{BASE} {base}", days.parameters)
            advance(messages)
    with progress.stage("Asking", len(queries)) as advance:
        for name, query in queries.items():
            parameters = period.parameters if "?" in query.sql else ()
            answer = run(connection, to_duckdb(query.sql), parameters)
            rows[name] = answer.to_arrow_table().to_pylist()
            advance(1)
    return Figures(rows | by_figure(rows.pop(ESTIMATES)))


def by_figure(estimates: Sequence[Row]) -> dict[str, list[Row]]:
    """Part the rows of the estimates by the figure that they are of."""
    rows: dict[str, list[Row]] = {name: [] for name in _FIGURES}
    for row in estimates:
        rows[row["figure"]].append(row)
    rows["queues"] = rows["queues"][:_MOST_QUEUES]
    return rows


def _parts(sizes: Sequence[tuple[date, int]]) -> list[tuple[Period, int]]:
    """Split days, which are in order, into periods of so many messages or of one day."""
    parts: list[tuple[Period, int]] = []
    for day, messages in sizes:
        if parts and parts[-1][1] + messages <= _MESSAGES_AT_ONCE:
            last, before = parts[-1]
            parts[-1] = (Period(last.since, day), before + int(messages))
        else:
            parts.append((Period(day, day), int(messages)))
    return parts


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
