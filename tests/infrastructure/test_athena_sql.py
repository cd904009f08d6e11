"""What Trino takes and Athena does not stays out of the SQL; docs/performance.md has why."""

from __future__ import annotations

import pytest
from sqlglot import expressions, parse_one

from chatlake.analytics.sql_files import Query, load_named, load_views

# Of a query string, in bytes.
MOST_BYTES = 262_144

every = pytest.mark.parametrize(
    "query", [*load_named(), *load_views()], ids=lambda query: query.name
)


def outside_where(sql: str) -> list[str]:
    """Return the clauses with a parameter that is not in a WHERE."""
    found = []
    for placeholder in parse_one(sql, read="athena").find_all(expressions.Placeholder):
        clause = placeholder.find_ancestor(
            expressions.Where, expressions.Select, expressions.Having, expressions.Join
        )
        if not isinstance(clause, expressions.Where):
            found.append(type(clause).__name__)
    return found


@every
def test_parameters_are_in_where_alone(query: Query) -> None:
    assert outside_where(query.sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ? FROM t",
        "SELECT a FROM t GROUP BY a HAVING count(*) > ?",
        "SELECT a FROM t JOIN u ON u.a = ?",
        "WITH w AS (SELECT CAST(? AS date) AS d) SELECT * FROM w WHERE d > ?",
    ],
)
def test_a_parameter_elsewhere_is_found(sql: str) -> None:
    assert outside_where(sql) != []


@every
def test_it_is_a_select_without_recursion(query: Query) -> None:
    statement = parse_one(query.sql, read="athena")
    assert isinstance(statement, expressions.Select)
    assert not any(found.args.get("recursive") for found in statement.find_all(expressions.With))


@every
def test_it_is_no_longer_than_a_query_may_be(query: Query) -> None:
    assert len(f"{query.header}{query.sql}".encode()) < MOST_BYTES
