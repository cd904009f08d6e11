"""The figures of the report: aggregated by the SQL engine, so that few rows come out of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.engine import run
from chatlake.queries import load_report, to_duckdb

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from chatlake.import_files import Progress
    from chatlake.queries import Period

type Row = dict[str, Any]

_BASE = "readings"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the report shows: the rows of queries/report/*.sql, by the file's name."""

    rows: dict[str, list[Row]]

    @property
    def messages(self) -> int:
        """Messages, counted once for each recipient."""
        return sum(row["messages"] for row in self.rows["overview"])

    @property
    def chats(self) -> int:
        """Chats of which anything is known."""
        return sum(row["chats"] for row in self.rows["coverage"])

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day on which chats began; None without any."""
        days = [row["chat_day"] for row in self.rows["coverage"] if row["chat_day"]]
        return (min(days), max(days)) if days else None

    def read_by(self, role: str) -> Row | None:
        """Give the overview of messages for a role; None if nothing was for it."""
        return next((row for row in self.rows["overview"] if row["recipient_role"] == role), None)


def gather(connection: duckdb.DuckDBPyConnection, period: Period, progress: Progress) -> Figures:
    """Ask for all figures of a period."""
    queries = load_report()
    base = to_duckdb(queries.pop(_BASE).sql)
    rows: dict[str, list[Row]] = {}
    with progress.stage("Asking", len(queries) + 1) as advance:
        run(connection, f"CREATE TEMP TABLE {_BASE} AS {base}", period.parameters)
        advance(1)
        for name, query in queries.items():
            parameters = period.parameters if "?" in query.sql else ()
            answer = run(connection, to_duckdb(query.sql), parameters)
            rows[name] = answer.to_arrow_table().to_pylist()
            advance(1)
    return Figures(rows)
