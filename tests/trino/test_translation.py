"""What `chatlake query --dialect athena` makes of an expression gives what Athena's engine gives.

Each expression is asked of both engines, in one question a group, on rows that have nulls.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from chatlake.analytics.sql_files import to_duckdb
from chatlake.exceptions import QueryFailed
from local.questions import Questions
from tests.trino.engines import equal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud import LocalCloud

pytestmark = pytest.mark.trino

_AT = "TIMESTAMP '2026-03-29 01:59:59.999999'"
_LATER = "TIMESTAMP '2026-03-29 03:00:00.000001'"
_ROWS = (
    "(VALUES (1, 7, 2, 1.5e0, 'abc', DATE '2026-01-31'), (2, -7, 2, -0.5e0, 'A%c_', NULL), "
    "(3, 7, -2, 2.5e0, '', DATE '2024-02-29'), (4, NULL, 3, NULL, NULL, DATE '1969-12-31'), "
    "(5, 0, 1, 0e0, 'ü😀\"', DATE '2038-01-20')) AS t (k, i, j, x, s, d)"
)
_JSON = (
    '(VALUES (1, \'{"a": 1, "b": "x", "c": [1, 2.5, null], "d": {"e": true}}\'), '
    '(2, \'{"a": null, "b": ""}\'), (3, \'{}\'), (4, NULL), (5, \'{"A": 2}\')) AS t (k, s)'
)
GROUPS: dict[str, tuple[str, list[str]]] = {
    "integer division and remainders": (
        _ROWS,
        ["i / j", "-7 / 2", "7 / 2 * 1e0", "i % j", "mod(i, j)", "i / 2e0", "CAST(i AS double) / j",
         "1e3 / 3", "CAST(i AS bigint) / j", "round(x)", "round(i / 3e0, 2)", "floor(x)", "ceil(x)",
         "truncate(x)", "sign(i)", "abs(i)", "power(2, 3)", "CAST(x AS bigint)",
         "CAST(2.5e0 AS integer)", "CAST(-2.5e0 AS bigint)", "TRY_CAST(x AS integer)"],
    ),
    "how much time has passed": (
        _ROWS,
        [f"date_diff('{unit}', {one}, {other})"
         for unit in ("millisecond", "second", "minute", "hour", "day", "week", "month", "year")
         for one, other in ((_AT, _LATER), (_LATER, _AT))]
        + [f"date_diff('{unit}', d, DATE '2026-03-01')"
           for unit in ("day", "week", "month", "year")],
    ),
    "times and their parts": (
        _ROWS,
        [f"{part}({_AT})" for part in
         ("year", "quarter", "month", "week", "day", "day_of_week", "day_of_year", "hour", "minute",
          "second", "millisecond")]
        + [f"date_trunc('{unit}', {_AT})" for unit in
           ("second", "minute", "hour", "day", "week", "month", "quarter", "year")]
        + [f"EXTRACT(HOUR FROM {_AT})", f"CAST({_AT} AS date)", "CAST(d AS timestamp)",
           "day_of_week(d)", "date_add('day', 1, d)", "date_add('month', 1, d)",
           f"date_add('millisecond', -1, {_AT})", f"{_AT} + INTERVAL '1' DAY",
           "d + INTERVAL '1' MONTH", "d - INTERVAL '1' DAY", "CAST('2026-11-02' AS date)",
           "CAST('2026-11-02 10:00:00.123' AS timestamp)", f"{_AT} < {_LATER}",
           f"date_format({_AT}, '%Y-%m-%d %H:%i:%s')", "date_parse('2026-11-02', '%Y-%m-%d')",
           "from_iso8601_date('2026-11-02')", f"to_unixtime({_AT})", "last_day_of_month(d)",
           f"date_trunc('day', date_trunc('month', {_AT}))", f"hour({_AT}) * 60 + minute({_AT})",
           f"date_diff('day', date_trunc('day', {_AT}), "
           "CAST('2026-11-02 10:00:00.000' AS timestamp))",
           f"date_diff('second', {_AT}, "
           f"date_add('hour', date_diff('hour', {_AT}, {_LATER}), {_AT}))",
           f"CAST({_AT} AS varchar)", "CAST(d AS varchar)",
           "date(TIMESTAMP '2026-11-02 23:00:00')"],
    ),
    "hours of a place": (
        _ROWS,
        [f"hour({_AT} AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin')",
         f"hour(with_timezone({_AT}, 'UTC') AT TIME ZONE 'Europe/Berlin')",
         f"day_of_week(with_timezone({_LATER}, 'UTC') AT TIME ZONE 'America/New_York')",
         f"minute(with_timezone({_AT}, 'UTC') AT TIME ZONE 'Asia/Kolkata')"],
    ),
    "texts": (
        _ROWS,
        ["s LIKE 'a%'", "s LIKE 'A!%c!_' ESCAPE '!'", "s LIKE '%'", "s LIKE '_%'",
         "s NOT LIKE '%b%'", "length(s)", "upper(s)", "lower(s)", "substr(s, 2)",
         "substr(s, 1, 2)", "substr(s, -2)",
         "strpos(s, 'c')", "concat(s, '!')", "s || '!'", "replace(s, 'b', '')", "trim(' a ')",
         "split_part('a/b/c', '/', 2)", "split_part('a/b/c', '/', 9)", "regexp_like(s, '^a')",
         "regexp_extract(s, '(b)(c)', 2)", "regexp_replace(s, '[bc]', '-')", "reverse(s)",
         "starts_with(s, 'a')", "lpad('7', 3, '0')", "coalesce(s, 'none')", "nullif(s, '')",
         "s = ''", "s IS DISTINCT FROM NULL", "CAST(i AS varchar)", "TRY_CAST(s AS bigint)"],
    ),
    "choices and nulls": (
        _ROWS,
        ["if(i > 0, 1, 2)", "if(i > 0, 1)", "CASE WHEN i > 0 THEN 'p' WHEN i < 0 THEN 'n' END",
         "greatest(1, 2)", "least(1.5e0, 2)", "i IN (7, NULL)", "i NOT IN (7, 0)",
         "i BETWEEN 0 AND 7", "NOT (i > 0)", "i IS NULL", "i > 0 OR x > 0", "i > 0 AND x > 0",
         "coalesce(i, j)", "try(7 / (j - 2))"],
    ),
    "JSON": (
        _JSON,
        ["json_extract_scalar(s, '$.a')", "json_extract_scalar(s, '$.b')",
         "json_extract_scalar(s, '$.d.e')", "json_extract_scalar(s, '$.c')",
         "json_extract_scalar(s, '$.c[1]')", "json_extract_scalar(s, '$.none')",
         "CAST(json_extract_scalar(s, '$.a') AS bigint)", "json_extract_scalar(lower(s), '$.a')",
         "length(regexp_extract(json_extract_scalar(s, '$.b'), 'x|y'))",
         "json_array_length(json_extract(s, '$.c'))"],
    ),
}  # fmt: skip
AGGREGATES = [
    "count(*)", "count(i)", "count(DISTINCT j)", "count_if(i > 0)", "count_if(s LIKE 'a%')",
    "sum(i)", "sum(x)", "avg(i)", "min(d)", "max(s)", "min_by(s, k)", "max_by(s, k)",
    "max_by(s, i + k)", "max_by(s, x)",
    "min_by(k, s)", "bool_and(i > -100)", "bool_or(i > 5)", "every(x < 5)",
    "count(*) FILTER (WHERE i > 0)", "sum(i) FILTER (WHERE i > 100)", "stddev(i)", "variance(x)",
    "array_join(array_agg(s ORDER BY k), ',')", "array_join(array_agg(s ORDER BY k), ',', '-')",
    "count_if(split_part(s, 'b', 2) = 'c')", "cardinality(array_agg(i))",
    "element_at(array_agg(k ORDER BY k), 2)",
    "element_at(array_sort(array_agg(i) FILTER (WHERE i IS NOT NULL)), 2)",
    "element_at(array_agg(k ORDER BY k), CAST(ceil(0.9 * count(*)) AS bigint))",
    "element_at(flatten(array_agg(ARRAY[k, i] ORDER BY k)), 3)", "max(i) - min(i)",
    "count(*) / 2", "sum(i) / 2", "approx_distinct(k)", "geometric_mean(k)", "arbitrary(1)",
    "listagg(CAST(k AS varchar), '-') WITHIN GROUP (ORDER BY k)",
]  # fmt: skip
WINDOWS = [
    "row_number() OVER (ORDER BY i, k)", "row_number() OVER (ORDER BY i DESC, k)",
    "rank() OVER (ORDER BY j)", "lag(s) OVER (ORDER BY k)",
    "lead(i, 2, 99) OVER (ORDER BY k)", "first_value(s) OVER (ORDER BY k DESC)",
    "last_value(s) IGNORE NULLS OVER (ORDER BY k ROWS UNBOUNDED PRECEDING)",
    "sum(i) OVER (ORDER BY k)", "sum(j) OVER (PARTITION BY j % 2 ORDER BY k)",
    "exp(sum(ln(abs(x) + 1)) OVER (ORDER BY k))", "ntile(2) OVER (ORDER BY k)",
    "percent_rank() OVER (ORDER BY k)", "count(*) OVER ()", "log2(k)", "log(2, k)", "ln(k)",
    "round(exp(x), 9)", "sqrt(k)",
]  # fmt: skip
DIFFERENT = {
    # Half a unit goes to the even neighbour in DuckDB, and away from zero in Trino.
    "CAST(x AS bigint)", "CAST(2.5e0 AS integer)", "CAST(-2.5e0 AS bigint)",
    "TRY_CAST(x AS integer)",
    # A date stays a date in Trino, and becomes its midnight in DuckDB.
    "date_add('day', 1, d)", "date_add('month', 1, d)", "d + INTERVAL '1' MONTH",
    "d - INTERVAL '1' DAY",
    # Trino rounds to milliseconds before it formats.
    f"date_format({_AT}, '%Y-%m-%d %H:%i:%s')",
}  # fmt: skip
"""What is translated and gives something else; docs/performance.md tells of it."""

REFUSED: set[str] = set()
"""What DuckDB, or the translation, does not know: it says so, and gives no other answer."""

ORDERS = [
    "i",
    "i DESC",
    "s",
    "s DESC",
    "d NULLS FIRST",
    "x DESC NULLS FIRST",
    "i % 2, s",
    "s || 'x'",
]


@pytest.fixture(scope="module")
def questions(cloud: LocalCloud) -> Questions:
    place: Any = {"LocationConstraint": cloud.region}
    cloud.client("s3").create_bucket(Bucket="translated", CreateBucketConfiguration=place)
    return Questions(cloud.client("athena"), "default", output="s3://translated")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # As the command does for this dialect.
        connection.execute("SET integer_division = true")
        yield connection


CASES = [
    *(
        pytest.param(f"SELECT … FROM {rows} ORDER BY k", expressions, id=name)
        for name, (rows, expressions) in GROUPS.items()
    ),
    pytest.param(f"SELECT … FROM {_ROWS}", AGGREGATES, id="aggregates"),
    pytest.param(f"SELECT … FROM {_ROWS} ORDER BY k", WINDOWS, id="windows"),
]


@pytest.mark.parametrize(("sql", "expressions"), CASES)
def test_an_expression_means_on_duckdb_what_it_means_on_trino(
    sql: str,
    expressions: list[str],
    questions: Questions,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    mine: dict[str, list[Any]] = {}
    refused = set()
    for expression in expressions:
        try:
            rows = connection.execute(to_duckdb(sql.replace("…", expression))).fetchall()
        except (duckdb.Error, QueryFailed):
            refused.add(expression)
        else:
            mine[expression] = [row[0] for row in rows]
    columns = ", ".join(f"{expression} AS c{n}" for n, expression in enumerate(mine))
    answer = questions.ask(sql.replace("…", columns))
    theirs = dict(zip(mine, zip(*answer.rows, strict=True), strict=True))
    differing = {
        expression: f"{theirs[expression]} on Trino, {here} on DuckDB"
        for expression, here in mine.items()
        if not all(map(same, theirs[expression], here))
    }
    assert {name: told for name, told in differing.items() if name not in DIFFERENT} == {}
    assert differing.keys() == DIFFERENT & set(expressions)
    assert refused == REFUSED & set(expressions)


@pytest.mark.parametrize("order", ORDERS)
def test_rows_come_in_the_same_order(
    order: str, questions: Questions, connection: duckdb.DuckDBPyConnection
) -> None:
    sql = f"SELECT k FROM {_ROWS} ORDER BY {order}, k"
    assert connection.execute(to_duckdb(sql)).fetchall() == questions.ask(sql).rows


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same; whole numbers and decimals have many types."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return equal(float(one), float(other))
    return equal(one, other)
