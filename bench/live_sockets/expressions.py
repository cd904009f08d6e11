"""DynamoDB's condition and update expressions, as far as capture uses them.

An expression is parsed once into functions of an item and of the values that a request gives.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

type Value = dict[str, Any]
"""A value with its type, as `{"N": "1"}`."""
type Item = dict[str, Value]
type Operand = Callable[[Item, Request], Value | None]
type Condition = Callable[[Item, Request], bool]
type Change = Callable[[Item, Request], None]

_TOKEN = re.compile(r"\s*([#:]?\w+|<>|<=|>=|[=<>(),+-])")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Request:
    """The names and values that the expressions of a request speak of."""

    names: Mapping[str, str]
    values: Mapping[str, Value]

    def name(self, token: str) -> str:
        """Return the name of an attribute."""
        return self.names[token] if token.startswith("#") else token


@lru_cache(maxsize=1024)
def condition(expression: str) -> Condition:
    """Return whether an item fulfils a condition, as a function."""
    parser = _Parser(expression)
    parsed = parser.either()
    parser.end()
    return parsed


@lru_cache(maxsize=1024)
def update(expression: str) -> Change:
    """Return what an update does to an item, as a function."""
    parser = _Parser(expression)
    changes = list(parser.clauses())

    def change(item: Item, request: Request) -> None:
        # Every operand is of the item as it was.
        before = dict(item)
        for assign in changes:
            assign(before, item, request)

    return change


def plain(value: Value) -> Any:
    """Return a value without its type, so that two of one type compare."""
    [(kind, held)] = value.items()
    return float(held) if kind == "N" and "." in held else int(held) if kind == "N" else held


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, expression: str) -> None:
        self._tokens = _TOKEN.findall(expression)
        if re.sub(r"\s", "", expression) != "".join(self._tokens):
            message = f"not understood: {expression}"
            raise ValueError(message)
        self._at = 0

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str | None = None) -> str:
        token = self._next
        if not token or (wanted is not None and token.upper() != wanted):
            message = f"{wanted or 'more'} was expected, not {token or 'the end'}"
            raise ValueError(message)
        self._at += 1
        return token

    def _takes(self, wanted: str) -> bool:
        if self._next.upper() != wanted:
            return False
        self._at += 1
        return True

    def end(self) -> None:
        if self._next:
            message = f"the end was expected, not {self._next}"
            raise ValueError(message)

    def either(self) -> Condition:
        terms = [self._both()]
        while self._takes("OR"):
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else lambda i, r: any(term(i, r) for term in terms)

    def _both(self) -> Condition:
        terms = [self._single()]
        while self._takes("AND"):
            terms.append(self._single())
        return terms[0] if len(terms) == 1 else lambda i, r: all(term(i, r) for term in terms)

    def _single(self) -> Condition:
        if self._takes("NOT"):
            negated = self._single()
            return lambda i, r: not negated(i, r)
        if self._takes("("):
            inner = self.either()
            self._take(")")
            return inner
        match self._next.lower():
            case "attribute_exists" | "attribute_not_exists" | "begins_with" | "contains" as name:
                return self._function(name)
        return self._comparison()

    def _function(self, function: str) -> Condition:
        self._take()
        self._take("(")
        token = self._take()
        other = self._operand() if self._takes(",") else _none
        self._take(")")

        def holds(item: Item, request: Request) -> bool:
            found, value = item.get(request.name(token)), other(item, request)
            match function:
                case "attribute_exists":
                    return found is not None
                case "attribute_not_exists":
                    return found is None
            if found is None or value is None:
                return False
            if function == "contains":
                return bool(plain(value) in plain(found))
            return bool(plain(found).startswith(plain(value)))

        return holds

    def _comparison(self) -> Condition:
        left = self._operand()
        if self._takes("BETWEEN"):
            low = self._operand()
            self._take("AND")
            high = self._operand()
            return lambda i, r: (
                _ordered(">=", left(i, r), low(i, r)) and _ordered("<=", left(i, r), high(i, r))
            )
        sign, right = self._take(), self._operand()
        match sign:
            case "=":
                return lambda i, r: _equal(left(i, r), right(i, r))
            case "<>":
                return lambda i, r: not _equal(left(i, r), right(i, r))
        return lambda i, r: _ordered(sign, left(i, r), right(i, r))

    def _operand(self) -> Operand:
        token = self._take()
        if token == "if_not_exists":
            self._take("(")
            name = self._take()
            self._take(",")
            otherwise = self._operand()
            self._take(")")
            return lambda i, r: i.get(r.name(name)) or otherwise(i, r)
        if token.startswith(":"):
            return lambda _, request: request.values[token]
        return lambda item, request: item.get(request.name(token))

    def clauses(self) -> list[Callable[[Item, Item, Request], None]]:
        """Return the changes of all clauses; each takes the item before, and after."""
        changes = []
        while clause := self._next.upper():
            self._take()
            changes.append(self._change(clause))
            while self._takes(","):
                changes.append(self._change(clause))
        return changes

    def _change(self, clause: str) -> Callable[[Item, Item, Request], None]:
        token = self._take()
        match clause:
            case "SET":
                self._take("=")
                value = self._sum()
                return lambda before, after, r: _set(after, r.name(token), value(before, r))
            case "REMOVE":
                return lambda _, after, r: _set(after, r.name(token), None)
            case "ADD" | "DELETE":
                given = self._operand()
                return lambda before, after, r: _set(
                    after, r.name(token), _joined(clause, before.get(r.name(token)), given({}, r))
                )
        message = f"a clause was expected, not {clause}"
        raise ValueError(message)

    def _sum(self) -> Operand:
        first = self._operand()
        if self._next not in {"+", "-"}:
            return first
        sign, second = (1 if self._take() == "+" else -1), self._operand()
        return lambda i, r: {"N": str(_number(first(i, r)) + sign * _number(second(i, r)))}


def _none(_: Item, __: Request) -> Value | None:
    return None


def _equal(a: Value | None, b: Value | None) -> bool:
    return a is not None and b is not None and a.keys() == b.keys() and plain(a) == plain(b)


def _ordered(sign: str, a: Value | None, b: Value | None) -> bool:
    if a is None or b is None or a.keys() != b.keys():
        return False
    return _COMPARED[sign](plain(a), plain(b))


def _number(value: Value | None) -> Any:
    if value is None:
        message = "an attribute that is not there is no number"
        raise ValueError(message)
    return plain(value)


def _set(item: Item, name: str, value: Value | None) -> None:
    if value is None:
        item.pop(name, None)
    else:
        item[name] = value


def _joined(clause: str, before: Value | None, given: Value | None) -> Value | None:
    """Return a number or a set after something was added to it, or deleted from it."""
    assert given is not None
    if "N" in given:
        return {"N": str((0 if before is None else plain(before)) + plain(given))}
    [(kind, members)] = given.items()
    held = set() if before is None else set(before[kind])
    held = held | set(members) if clause == "ADD" else held - set(members)
    return {kind: sorted(held)} if held else None
