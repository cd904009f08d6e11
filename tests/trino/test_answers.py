"""Views and questions give on Trino, which Athena is built on, what they give on DuckDB."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from chatlake.analytics.sql_files import ALWAYS, Period, load_named, load_views
from chatlake.tables import schema
from tests.trino.engines import differences

if TYPE_CHECKING:
    from tests.trino.lakes import AskedLake

pytestmark = pytest.mark.trino

QUESTIONS = {query.name: query.sql for query in load_named()}
RELATIONS = [*(table.name for table in schema.TABLES), *(view.name for view in load_views())]
PERIODS = {
    "always": ALWAYS,
    "a day": Period(date(2026, 11, 3), date(2026, 11, 3)),
    "a day without chats": Period(date(2026, 1, 1), date(2026, 1, 1)),
}


@pytest.mark.parametrize("name", RELATIONS)
def test_tables_and_views_have_the_same_rows(lake: AskedLake, name: str) -> None:
    sql = f"SELECT * FROM {name}"
    answer = lake.trino(sql)
    assert differences(answer, lake.duckdb(sql), ordered=False) == []
    assert answer.rows


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_have_the_same_answers(lake: AskedLake, name: str, period: str) -> None:
    sql, parameters = QUESTIONS[name], PERIODS[period].parameters
    answer = lake.trino(sql, parameters)
    assert differences(answer, lake.duckdb(sql, parameters), ordered=True) == []
    assert answer.rows or period != "always"
