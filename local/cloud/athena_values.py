"""Values of Trino's protocol as Athena writes them: all of them are texts."""

from __future__ import annotations

import base64
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.trino.client import Answer, Column

# What Athena calls them, and the precision that it tells.
_NAMES = {"real": "float"}
_PRECISIONS = {
    "bigint": 19,
    "char": 0,
    "double": 17,
    "integer": 10,
    "real": 17,
    "smallint": 5,
    "timestamp": 3,
    "timestamp with time zone": 3,
    "tinyint": 3,
    "varchar": 2147483647,
}
_LEAST_PLAIN, _MOST_PLAIN = 1e-3, 1e7


def column_info(column: Column) -> dict[str, Any]:
    """Return a column as GetQueryResults describes it."""
    base, parameters = _base(column.type)
    precision, scale = _PRECISIONS.get(base, 0), 0
    if base == "decimal":
        precision, scale = parameters[0], parameters[1]
    if base in {"char", "varchar"} and parameters:
        precision = parameters[0]
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": _NAMES.get(base, base),
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": base in {"char", "varchar"},
    }


def as_text(value: Any, type_name: str) -> str | None:
    """Return a value as a text; None for null."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float() if _base(type_name)[0] in {"double", "real"}:
            return _of_double(value)
        case str() if _base(type_name)[0] == "varbinary":
            return base64.b64decode(value).hex(" ")
        case list() | dict():
            return _nested(value)
        case _:
            return str(value)


def csv_lines(answer: Answer) -> str:
    """Return the file of a result: names and values in quotes, nothing for null."""
    lines = [[column.name for column in answer.columns]]
    lines += [
        [as_text(v, c.type) for v, c in zip(row, answer.columns, strict=True)]  # type: ignore[misc]
        for row in answer.rows
    ]
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def _base(type_name: str) -> tuple[str, list[int]]:
    """Split `timestamp(6) with time zone` into its name and its parameters."""
    found = re.match(r"(\w+)(?:\(([\d, ]+)\))?(.*)", type_name)
    assert found is not None
    zone = found[3] if found[3].startswith(" with") else ""
    return found[1] + zone, [int(number) for number in (found[2] or "").split(",") if number]


def _of_double(value: float) -> str:
    """Write a double as Java does: with an exponent where it is very small or large."""
    if value == 0 or _LEAST_PLAIN <= abs(value) < _MOST_PLAIN:
        return repr(value)
    digits, exponent = f"{Decimal(repr(value)).normalize():e}".split("e")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def _nested(value: Any) -> str:
    match value:
        case None:
            return "null"
        case list():
            return f"[{', '.join(map(_nested, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}={_nested(part)}" for key, part in value.items()) + "}"
        case str():
            return value
        case _:
            return json.dumps(value)
