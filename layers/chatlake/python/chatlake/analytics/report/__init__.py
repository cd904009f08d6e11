"""The report: a page of read latency that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.analytics.duckdb_engine import connect
from chatlake.analytics.report.athena_figures import gather_from_athena
from chatlake.analytics.report.figures import gather
from chatlake.analytics.report.page import render
from chatlake.atomic_write import whole_file
from chatlake.interrupts import temporary_folder

if TYPE_CHECKING:
    from pathlib import Path

    from chatlake.analytics.athena_engine import AthenaEngine
    from chatlake.analytics.report.figures import Figures
    from chatlake.analytics.sql_files import Period
    from chatlake.progress import Progress


def write_report(folder: Path, output: Path, period: Period, progress: Progress) -> int:
    """Write the report of a lake for a period; return the number of messages that it tells of.

    Raises
    ------
    LakeNotFound, LakeIncomplete, LakeMoved
        The folder holds no lake, or none whose tables can be read.
    """
    with temporary_folder() as spill, connect(folder) as connection:
        figures = gather(connection, spill, period, progress)
    return _write(figures, output)


def write_report_of_stack(
    engine: AthenaEngine, output: Path, period: Period, progress: Progress
) -> int:
    """Write the report of a deployed lake; return the number of messages that it tells of.

    Raises
    ------
    QueryFailed
        Athena refused a query.
    """
    return _write(gather_from_athena(engine, period, progress), output)


def _write(figures: Figures, output: Path) -> int:
    page = render(figures)
    with whole_file(output) as path:
        path.write_text(page, encoding="utf-8")
    return figures.messages
