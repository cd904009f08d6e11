"""No question reads a table twice, or more than the columns that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from chatlake.analytics.sql_files import ALWAYS, Query, load_named, load_views
from chatlake.tables import schema
from local.chats import scripts
from local.deployed_lake import open_questions, write_lake
from local.scans import ColumnBytes, scans_of
from tests.trino.lakes import FIRST_DAY, Lakes

if TYPE_CHECKING:
    from local.questions import Questions

pytestmark = pytest.mark.trino

CHATS = 600
MOST = 1.5
# The end of each file, which says what is in it, is read apart, so many bytes of it at least.
FOOTER_BYTES = 48 * 1024

named = pytest.mark.parametrize("query", load_named(), ids=lambda query: query.name)


@dataclass(frozen=True)
class OneDay:
    """Chats of one day, in files as large as can be here."""

    questions: Questions
    stored: ColumnBytes


@pytest.fixture(scope="module")
def day(lakes: Lakes) -> OneDay:
    chats = scripts(seed=5, count=CHATS, start=FIRST_DAY, days=1)
    lake = write_lake(lakes.cloud, "day", chats)
    return OneDay(open_questions(lakes.cloud, "day"), ColumnBytes(lake, schema.TABLES))


@named
def test_a_question_reads_each_table_once(day: OneDay, query: Query) -> None:
    scans = scans_of(day.questions, query.sql, ALWAYS.parameters)
    assert scans.tables
    assert set(scans.tables.values()) == {1}


@pytest.mark.parametrize("view", [view.name for view in load_views()])
def test_a_view_reads_each_table_once(day: OneDay, view: str) -> None:
    scans = scans_of(day.questions, f"SELECT * FROM {view}")
    assert set(scans.tables.values()) == {1}


@named
def test_a_question_reads_little_more_than_the_columns_that_it_needs(
    day: OneDay, query: Query
) -> None:
    scans = scans_of(day.questions, query.sql, ALWAYS.parameters)
    answer = day.questions.ask(query.sql, ALWAYS.parameters)
    needed = day.stored.needed(scans)
    files = sum(day.stored.files[table] for table in scans.tables)
    assert 0.5 * needed < answer.bytes_read <= MOST * needed + files * FOOTER_BYTES


def test_a_table_that_is_named_twice_is_found(day: OneDay) -> None:
    sql = (
        "WITH w AS (SELECT chat_day, count(*) AS n FROM receipts GROUP BY chat_day) "
        "SELECT * FROM w JOIN w AS v ON v.n = w.n + 1"
    )
    assert scans_of(day.questions, sql).tables == {"receipts": 2}
