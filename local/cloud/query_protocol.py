"""Requests and answers of the query protocol, which CloudFormation speaks: forms, and XML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

type Response = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


def fields(body: bytes) -> dict[str, str]:
    """Return what a request says, by the names of its fields."""
    return {name: of[0] for name, of in parse_qs(body.decode(), keep_blank_values=True).items()}


def pairs(asked: Mapping[str, str], what: str, name: str, value: str) -> dict[str, str]:
    """Return a list of named values; those that have no such value are left out."""
    found = {}
    number = 1
    while (key := asked.get(f"{what}.member.{number}.{name}")) is not None:
        if (of := asked.get(f"{what}.member.{number}.{value}")) is not None:
            found[key] = of
        number += 1
    return found


def members(name: str, values: Iterable[Mapping[str, str]]) -> str:
    """Write a list."""
    inner = "".join(f"<member>{elements(**value)}</member>" for value in values)
    return f"<{name}>{inner}</{name}>"


def elements(**values: str) -> str:
    """Write values, each in an element of its name."""
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def answered(action: str, inner: str) -> Response:
    """Answer an action."""
    result = f"<{action}Result>{inner}</{action}Result>"
    return _xml(200, f'<Response xmlns="{_NAMESPACE}">{result}</Response>')


def refused(message: str) -> Response:
    """Answer that a request is not valid, and why."""
    told = elements(Type="Sender", Code="ValidationError", Message=message)
    return _xml(400, f'<ErrorResponse xmlns="{_NAMESPACE}"><Error>{told}</Error></ErrorResponse>')


def _xml(status: int, text: str) -> Response:
    return status, {"Content-Type": "text/xml"}, text.encode()
