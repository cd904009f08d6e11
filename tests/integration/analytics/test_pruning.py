"""A question of a period reads only the files that hold rows of that period's chats."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from chatlake.analytics.duckdb_engine import connect
from chatlake.analytics.sql_files import ALWAYS, Period, load_named, load_views, to_duckdb
from local.chats import scripts
from tests.lake_folder import TABLES, LakeFolder, message, new_lake, page
from tests.made_lake import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

DAYS, CHATS = 30, 600
FIRST = datetime(2026, 9, 1, tzinfo=UTC)
A_DAY = Period(date(2026, 9, 10), date(2026, 9, 10))
QUESTIONS = {query.name: to_duckdb(query.sql) for query in load_named()} | {
    view.name: f"SELECT * FROM {view.name} "
    "WHERE chat_day BETWEEN CAST(? AS date) AND CAST(? AS date)"
    for view in load_views()
}
# Of them some files have none, and their bounds say so.
OF_FEW_ROWS = {"not_seen_at_end"}
questions = pytest.mark.parametrize("name", QUESTIONS)

type Files = dict[str, dict[str, set[date | None]]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> LakeFolder:
    """A month of chats, imported ten days at a time and those in two halves."""
    lake = new_lake(tmp_path_factory.mktemp("pruning"))
    chats = sorted(
        scripts(seed=9, count=CHATS, start=FIRST, days=DAYS), key=lambda chat: chat.started_ms
    )
    times = ("2026-09-10T23:59:59Z", "2026-09-11T00:00:01Z")
    over_midnight = page("late", *(message(time, AbsoluteTime=time) for time in times))
    third = CHATS // 3
    for start in range(0, CHATS, third):
        for half in (0, 1):
            imported = chats[start : start + third][half::2]
            late = [over_midnight] if (start, half) == (third, 0) else []
            lake.take(*late, *(value for chat in imported for value in chat.pages()))
    return lake


@pytest.fixture(scope="module")
def connection(lake: LakeFolder) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(lake.path) as connection:
        yield connection


@pytest.fixture(scope="module")
def files(lake: LakeFolder) -> Files:
    """Which days' chats the rows of each file are of, by table."""
    return {
        name: {
            task.file.file_path.removeprefix("file://"): days_of(task.file.file_path)
            for task in table.scan().plan_files()
        }
        for name, table in lake.tables().items()
    }


def days_of(location: str) -> set[date | None]:
    rows = pq.ParquetFile(location.removeprefix("file://")).read(columns=["chat_day"])
    return set(rows["chat_day"].to_pylist())


def holding(period: Period, files: Files, table: str) -> set[str]:
    """The files of a table that have rows of chats of a period."""
    return {
        path
        for path, days in files[table].items()
        if any(day is not None and period.since <= day <= period.until for day in days)
    }


def scans(
    connection: duckdb.DuckDBPyConnection, name: str, period: Period
) -> list[tuple[str, int, set[str]]]:
    """The table, the number of files and some of their paths, of each scan that was really done."""
    explain = f"EXPLAIN (ANALYZE, FORMAT json) {QUESTIONS[name]}"
    [(_, plan)] = connection.execute(explain, period.parameters).fetchall()
    found = []
    for scan in iceberg_scans(json.loads(plan)):
        # Of more than a few the plan names only the first, and then an ellipsis.
        paths = {path for path in scan["Filename(s)"].split(", ") if path.endswith(".parquet")}
        [table] = {Path(path).parents[2].name for path in paths}
        found.append((table, int(scan["Total Files Read"]), paths))
    return found


def iceberg_scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node.get("operator_name") == "ICEBERG_SCAN":
        yield node["extra_info"]
    for child in node["children"]:
        yield from iceberg_scans(child)


def test_there_is_something_to_leave_out(files: Files) -> None:
    for table in ("messages", "read_latency", "contacts"):
        of_the_day = holding(A_DAY, files, table)
        assert len(of_the_day) >= 2
        assert len(files[table]) >= 3 * len(of_the_day) or table == "contacts"
        assert files[table].keys() != of_the_day
    # A chat over midnight: the rows of the day's chats are in files of two.
    assert len({Path(path).parent for path in holding(A_DAY, files, "messages")}) == 2
    # Items of earlier chats, which are of no day.
    assert {None} in files["messages"].values()


@questions
def test_a_question_of_a_day_reads_that_days_files(
    connection: duckdb.DuckDBPyConnection, files: Files, name: str
) -> None:
    found = scans(connection, name, A_DAY)
    assert found
    for table, count, paths in found:
        assert count == len(paths), table
        if name in OF_FEW_ROWS:
            assert paths <= holding(A_DAY, files, table), table
        else:
            assert paths == holding(A_DAY, files, table), table


@questions
def test_a_question_of_all_days_reads_all_files_of_chats(
    connection: duckdb.DuckDBPyConnection, files: Files, name: str
) -> None:
    found = scans(connection, name, ALWAYS)
    assert found
    for table, count, _ in found:
        wanted = len(holding(ALWAYS, files, table))
        assert count == wanted or (name in OF_FEW_ROWS and 0 < count < wanted), table


@pytest.mark.world
def test_the_answers_are_the_same_when_no_other_file_is_there(
    lake: LakeFolder, files: Files, tmp_path: Path
) -> None:
    others = {
        path for table in TABLES for path in files[table].keys() - holding(A_DAY, files, table)
    }
    assert others
    before = answers(lake)
    kept = {Path(path): tmp_path / str(number) for number, path in enumerate(sorted(others))}
    for path, away in kept.items():
        shutil.move(path, away)
    try:
        assert answers(lake) == before
    finally:
        for path, away in kept.items():
            shutil.move(away, path)


def answers(lake: LakeFolder) -> dict[str, Counter[str]]:
    """The rows of all answers about the day, in no order."""
    with connect(lake.path) as connection:
        # Percentiles are approximate: with several threads they depend on who comes first.
        connection.execute("SET threads = 1")
        return {
            name: Counter(str(row) for row in ask(connection, sql, A_DAY.parameters))
            for name, sql in QUESTIONS.items()
        }
