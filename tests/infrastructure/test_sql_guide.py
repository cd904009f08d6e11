"""The guide to asking the tables says what the files of queries/ say."""

from __future__ import annotations

import re

import duckdb
import pytest

from chatlake.analytics.sql_files import ALWAYS, Query, load_named, load_views, to_duckdb
from tests.made_lake import made_lake
from tools.sql_guide import PAGE, title

GUIDE = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def empty() -> duckdb.DuckDBPyConnection:
    return made_lake({})


@pytest.mark.parametrize("query", load_named(), ids=lambda query: query.name)
def test_every_question_is_in_the_guide_as_it_is_asked(
    empty: duckdb.DuckDBPyConnection, query: Query
) -> None:
    start = GUIDE.index(f"<!-- query {query.name} -->")
    section = GUIDE[start : GUIDE.index("<!-- end -->", start)]
    assert f"### {title(query)}\n" in section
    assert f"```sql\n{query.sql}\n```" in section
    answer = empty.execute(to_duckdb(query.sql), ALWAYS.parameters)
    names = [name for name, *_ in answer.description or ()]
    assert f"| {' | '.join(names)} |\n|---|" in section, "python -m tools.sql_guide"
    assert len(re.findall(r"^\| ", section, re.MULTILINE)) > 1


def test_every_view_is_explained_in_the_guide() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE))
    assert {view.name for view in load_views()} - explained == set()


def test_the_guide_asks_nothing_that_is_not_there() -> None:
    asked = re.findall(r"<!-- query (\w+) -->", GUIDE)
    assert sorted(asked) == sorted(query.name for query in load_named())
