"""The figures of the report from a deployed lake: Athena aggregates, few rows come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.analytics.report.figures import BASE, ESTIMATES, SIZES, Figures, by_figure
from chatlake.analytics.sql_files import load_report

if TYPE_CHECKING:
    from chatlake.analytics.athena_engine import AthenaEngine
    from chatlake.analytics.report.figures import Row
    from chatlake.analytics.sql_files import Period
    from chatlake.progress import Progress


def gather_from_athena(engine: AthenaEngine, period: Period, progress: Progress) -> Figures:
    """Ask for all figures of a period; a query each, which reads what it needs of the readings.

    Raises
    ------
    QueryFailed
        Athena refused one.
    """
    queries = load_report()
    base = queries.pop(BASE).sql
    del queries[SIZES]
    rows: dict[str, list[Row]] = {}
    with progress.stage("Asking", len(queries)) as advance:
        for name, query in queries.items():
            # Those that have a period of their own ask no readings.
            sql = query.sql if "?" in query.sql else _with_readings(base, query.sql)
            rows[name] = engine.run(sql, period.parameters).read_all().to_pylist()
            advance(1)
    return Figures(rows | by_figure(rows.pop(ESTIMATES)))


def _with_readings(base: str, sql: str) -> str:
    before = f"WITH {BASE} AS (\n{base}\n)"
    return (
        f"{before},\n{sql.removeprefix('WITH ')}" if sql.startswith("WITH ") else f"{before}\n{sql}"
    )
