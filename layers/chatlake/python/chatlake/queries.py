"""The project's SQL files: views and named queries, written once in Athena's dialect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from chatlake.exceptions import QueryFailed

VIEWS = "views"
NAMED = "named"

# sqlglot underlines what it does not understand, on a terminal or not.
_ANSI_STYLE = re.compile(r"\x1b\[\d*m")
_HEADER = re.compile(r"\A(?:--[^\n]*\n)+")


@dataclass(frozen=True, slots=True)
class Query:
    """A SQL file: its name, the question that its header asks, and its one statement."""

    name: str
    question: str
    sql: str


def load_queries(kind: str) -> list[Query]:
    """Give all views or all named queries, by name."""
    return [_parse(path) for path in sorted((_folder() / kind).glob("*.sql"))]


def to_duckdb(sql: str) -> str:
    """Translate a statement from Athena's dialect to DuckDB's.

    Raises
    ------
    QueryFailed
        It is no statement of that dialect, or not exactly one.
    """
    # Slow to import, and most commands run no SQL of the project's.
    from sqlglot import transpile
    from sqlglot.errors import SqlglotError

    try:
        statements = transpile(sql, read="athena", write="duckdb")
    except SqlglotError as error:
        raise QueryFailed(_ANSI_STYLE.sub("", str(error))) from error
    if len(statements) != 1 or not statements[0]:
        message = f"there are {len(statements)} statements in this SQL, and one can be run"
        raise QueryFailed(message)
    return statements[0]


def _folder() -> Path:
    """Find the files: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).parent
    installed = package / "queries"
    return installed if installed.is_dir() else package.parents[3] / "queries"


def _parse(path: Path) -> Query:
    text = path.read_text(encoding="utf-8")
    header = _HEADER.match(text)
    lines = header[0].splitlines() if header else []
    question = " ".join(line.removeprefix("--").strip() for line in lines)
    return Query(path.stem, question, text[header.end() if header else 0 :].strip().rstrip(";"))
