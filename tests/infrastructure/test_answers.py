"""What no answer may say, and what no SQL of the project may do."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from sqlglot import expressions, parse_one

from chatlake.analytics.sql_files import Query, load_named, load_report, load_views, to_duckdb
from chatlake.aws_clients.metric_names import Metric
from chatlake.tables import schema
from tests.made_lake import made_lake

ROOT = Path(__file__).resolve().parents[2]
ANALYTICS = ROOT / "layers/chatlake/python/chatlake/analytics"
QUERIES = [*load_views(), *load_named(), *load_report().values()]
# What changed is told by its old names, too.
TELLING = [
    ROOT / "README.md",
    ROOT / "template.yaml",
    *(page for page in ROOT.glob("docs/*.md")),
    *ROOT.glob("queries/*/*.sql"),
    *(path for path in ANALYTICS.rglob("*") if path.suffix in {".css", ".html", ".js", ".py"}),
    *ROOT.glob("layers/chatlake/python/chatlake/cli/*.py"),
    *ROOT.glob("layers/chatlake/python/chatlake/tables/schema/*.py"),
    *ROOT.glob("tools/template_parts/*.py"),
    ROOT / "local/demo.py",
    ROOT / "local/verdict.py",
]
UNREAD = re.compile(r"unread(?!able)", re.IGNORECASE)

of_each_query = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)


@pytest.mark.parametrize("path", TELLING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_is_told_as_if_it_were_known_that_nobody_read_it(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if UNREAD.search(line)] == []


def test_no_name_says_so_either() -> None:
    names = [
        *Metric,
        *(metric.name for metric in Metric),
        *(query.name for query in QUERIES),
        *(f"{table.name} {column.name}" for table in schema.TABLES for column in table.columns),
    ]
    assert [name for name in names if UNREAD.search(name)] == []


@of_each_query
def test_percentiles_are_of_values_that_every_engine_finds(query: Query) -> None:
    names = set(re.findall(r"\b(\w+)\(", query.sql))
    assert {name for name in names if "approx" in name or "quantile" in name} == set()


@of_each_query
def test_no_time_has_or_gets_a_zone(query: Query) -> None:
    """Athena makes no view of such a one, and casts it otherwise than Trino."""
    tree = parse_one(query.sql, read="athena")
    assert not list(tree.find_all(expressions.AtTimeZone))
    assert not re.search(r"with_timezone|\btime zone\b|timestamptz", query.sql, re.IGNORECASE)
    cast_to = {cast.to.sql("athena").lower() for cast in tree.find_all(expressions.Cast)}
    assert {name for name in cast_to if "time" in name} == set()


PLAIN = {"BIGINT", "BOOLEAN", "DATE", "DOUBLE", "INTEGER", "TIMESTAMP", "VARCHAR"}


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return made_lake({})


@pytest.mark.parametrize("query", [*load_views(), *load_named()], ids=lambda query: query.name)
def test_columns_are_of_types_that_athena_has_views_of(
    lake: duckdb.DuckDBPyConnection, query: Query
) -> None:
    described = lake.execute(
        f"DESCRIBE {to_duckdb(query.sql)}", ("2026-11-01",) * query.sql.count("?")
    )
    types = {name: kind for name, kind, *_ in described.fetchall()}
    assert {name: kind for name, kind in types.items() if kind not in PLAIN} == {}


def test_no_column_of_a_table_has_a_zone() -> None:
    types = {column.type for table in schema.TABLES for column in table.columns}
    assert types <= {"string", "timestamp", "date", "int", "long", "boolean"}


@of_each_query
def test_a_table_or_view_is_read_once(query: Query) -> None:
    """Trino computes what is named twice twice, and Athena bills the bytes of it."""
    tree = parse_one(query.sql, read="athena")
    read = [table.name for table in tree.find_all(expressions.Table)]
    assert sorted(read) == sorted(set(read))


VIEWS = {view.name: view for view in load_views()}


@pytest.mark.parametrize("query", [*load_views(), *load_named()], ids=lambda query: query.name)
def test_a_table_is_read_once_by_all_views_of_a_question_together(query: Query) -> None:
    read = tables_of(query)
    assert sorted(read) == sorted(set(read))


def tables_of(query: Query) -> list[str]:
    """The tables that a question reads, its views put in, as often as it reads them."""
    tree = parse_one(query.sql, read="athena")
    named = {table.alias for table in tree.find_all(expressions.CTE)}
    found: list[str] = []
    for table in tree.find_all(expressions.Table):
        if table.name in VIEWS:
            found += tables_of(VIEWS[table.name])
        elif table.name not in named:
            found.append(table.name)
    return found
