"""Fills docs/sql-guide.md: each question with its SQL, and its answer on the example lake.

`python -m tools.sql_guide`; the page says by comments where each question goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from chatlake.analytics.duckdb_engine import connect, run
from chatlake.analytics.sql_files import Period, Query, load_named, to_duckdb
from local.example_lake import START, example_lake

PAGE = Path(__file__).parents[1] / "docs/sql-guide.md"
PLACE = re.compile(r"<!-- query (\w+) -->\n.*?<!-- end -->", re.DOTALL)

_CHATS, _DAYS = 2_000, 28
_ROWS_SHOWN = 8
_LONGEST_CELL = 40
# Of the moment at which the example was made, so other ones in every run.
_VARYING = "published_"


def main() -> None:
    with TemporaryDirectory() as folder:
        lake = Path(folder, "lake")
        example_lake(lake, chats=_CHATS, days=_DAYS)
        PAGE.write_text(filled(PAGE.read_text("utf-8"), lambda query: answer(lake, query)), "utf-8")


def filled(page: str, answer_of: Callable[[Query], str]) -> str:
    """Put every question in its place."""
    queries = {query.name: query for query in load_named()}

    def section(place: re.Match[str]) -> str:
        query = queries[place[1]]
        return (
            f"<!-- query {query.name} -->\n### {title(query)}\n\n"
            f"`{query.name}`\n\n```sql\n{query.sql}\n```\n\n{answer_of(query)}\n<!-- end -->"
        )

    return PLACE.sub(section, page)


def title(query: Query) -> str:
    """Return the question of a query, the first sentence of its header."""
    return query.question.partition("?")[0] + "?"


def answer(lake: Path, query: Query) -> str:
    """Return the first rows of an answer as a table."""
    period = Period(since=START.date())
    with connect(lake) as connection:
        rows = run(connection, to_duckdb(query.sql), period.parameters)
        names = [name for name, *_ in rows.description or ()]
        found = rows.fetchall()
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(map(_cell, names, row))} |" for row in found[:_ROWS_SHOWN]]
    if len(found) > _ROWS_SHOWN:
        lines.append(f"\n… and {len(found) - _ROWS_SHOWN:,} more rows.")
    return "\n".join(lines)


def _cell(column: str, value: object) -> str:
    if column.startswith(_VARYING):
        return "…"
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:,.1f}"
    text = str(value).rsplit("/", 1)[-1]
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


if __name__ == "__main__":
    main()
