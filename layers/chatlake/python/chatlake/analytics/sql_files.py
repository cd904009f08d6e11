"""The project's SQL files: views and named queries, written once in Athena's dialect."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from chatlake.analytics.athena_functions import as_duckdb_has_it
from chatlake.exceptions import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.expressions import Expr

# sqlglot underlines what it does not understand, on a terminal or not.
_ANSI_STYLE = re.compile(r"\x1b\[\d*m")
_WORD = re.compile(r"\w+")
_HEADER = re.compile(r"\A(?:--[^\n]*\n)+")


@dataclass(frozen=True, slots=True)
class Period:
    """Days on which chats began, the last one included; named queries ask about one."""

    since: date = date.min
    until: date = date.max

    @property
    def parameters(self) -> tuple[str, str]:
        """What stands for the question marks of a named query, in their order."""
        return self.since.isoformat(), self.until.isoformat()


ALWAYS = Period()


@dataclass(frozen=True, slots=True)
class Query:
    """A SQL file: its name, the question that its header asks, and its one statement.

    `header` is that question as it stands in the file, a comment of whole lines.
    """

    name: str
    question: str
    sql: str
    header: str = ""


def load_named() -> list[Query]:
    """Return the named queries, by name; each has two parameters, the days of a `Period`."""
    return _load("named")


def load_views() -> list[Query]:
    """Return the views, each after those that it reads."""
    return in_dependency_order(_load("views"))


def load_report() -> dict[str, Query]:
    """Return the queries of the report, by name; `readings` makes the table of most others."""
    return {query.name: query for query in _load("report")}


def in_dependency_order(views: Sequence[Query]) -> list[Query]:
    """Order views so that each comes after those that it reads.

    Raises
    ------
    QueryFailed
        Some read each other.
    """
    names = {view.name for view in views}
    needs = {view.name: names & set(_WORD.findall(view.sql)) - {view.name} for view in views}
    ordered: dict[str, Query] = {}
    waiting = {view.name: view for view in sorted(views, key=lambda view: view.name)}
    while waiting:
        ready = [name for name in waiting if needs[name] <= ordered.keys()]
        if not ready:
            message = f"views read each other: {', '.join(waiting)}"
            raise QueryFailed(message)
        ordered |= {name: waiting.pop(name) for name in ready}
    return list(ordered.values())


@lru_cache
def to_duckdb(sql: str) -> str:
    """Translate a statement from Athena's dialect to DuckDB's.

    Raises
    ------
    QueryFailed
        It is no statement of that dialect, or not exactly one.
    """
    # Slow to import, and most commands run no SQL of the project's.
    from sqlglot import parse
    from sqlglot.errors import SqlglotError

    # What it warns of, the engine refuses.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        statements = parse(sql, read="athena")
        if len(statements) == 1 and statements[0] is not None:
            return _translated(statements[0]).sql("duckdb")
    except SqlglotError as error:
        raise QueryFailed(_ANSI_STYLE.sub("", str(error))) from error
    message = f"there are {len(statements)} statements in this SQL, and one can be run"
    raise QueryFailed(message)


def _translated(statement: Expr) -> Expr:
    """Replace from the leaves up, so that what replaces something holds what is replaced in it."""
    for node in reversed(list(statement.walk())):
        replacement = _as_athena_does(node)
        if replacement is not node:
            node.replace(replacement)
    return statement


def _as_athena_does(node: Expr) -> Expr:
    """Put what DuckDB knows by another name in the place of functions that differ there.

    Its date_diff counts how often a unit begins, not how many have passed, and the date_sub that
    counts those knows microseconds where Athena's takes whole milliseconds of either time; its
    count_if of nulls is null; its max_by and min_by pass over rows whose value is null.
    """
    from sqlglot import expressions

    match node:
        case expressions.DateDiff():
            unit = expressions.Literal.string(node.text("unit").lower())
            moments = [_whole_milliseconds(moment) for moment in (node.expression, node.this)]
            return expressions.Anonymous(this="date_sub", expressions=[unit, *moments])
        case expressions.ArgMax() | expressions.ArgMin() if not node.args.get("count"):
            name = "arg_max_null" if isinstance(node, expressions.ArgMax) else "arg_min_null"
            return expressions.Anonymous(this=name, expressions=[node.this, node.expression])
        case expressions.CountIf():
            counted = expressions.Where(this=node.this)
            return expressions.Filter(
                this=expressions.Count(this=expressions.Star()), expression=counted
            )
        case expressions.Cast(this=expressions.Literal() as literal) if node.is_type("timestamp"):
            # With the precision of the literal DuckDB would not compare it with other times.
            return expressions.cast(literal, "timestamp")
        case _:
            return as_duckdb_has_it(node)


def _whole_milliseconds(moment: Expr) -> Expr:
    from sqlglot import expressions

    unit = expressions.Literal.string("millisecond")
    return expressions.Anonymous(this="date_trunc", expressions=[unit, moment])


def _load(kind: str) -> list[Query]:
    return [_parse(path) for path in sorted((_folder() / kind).glob("*.sql"))]


def _folder() -> Path:
    """Find the files: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "queries"
    return installed if installed.is_dir() else package.parents[3] / "queries"


def _parse(path: Path) -> Query:
    text = path.read_text(encoding="utf-8")
    found = _HEADER.match(text)
    header = found[0] if found else ""
    question = " ".join(line.removeprefix("--").strip() for line in header.splitlines())
    return Query(path.stem, question, text[len(header) :].strip().rstrip(";"), header)
