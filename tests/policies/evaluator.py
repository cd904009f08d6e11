"""IAM's decision about a request, for as much of its language as the template uses.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

type Statement = Mapping[str, Any]


class NotOfTheTemplate(ValueError):
    """Part of IAM's language that no policy of the template uses: nobody guesses what it means."""


@dataclass(frozen=True)
class Request:
    """What somebody wants to do to one resource; `context` has one or several values by key."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        said = [f"{key}={','.join(values)}" for key, values in sorted(self.context.items())]
        return " ".join([self.action, "on", self.resource, *said])


def is_allowed(statements: Iterable[Statement], request: Request) -> bool:
    """Return whether a statement allows a request, and none denies it."""
    effects = {one["Effect"] for one in statements if applies(one, request)}
    return effects == {"Allow"}


def applies(statement: Statement, request: Request) -> bool:
    """Return whether a statement is about a request."""
    if unknown := statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}:
        raise NotOfTheTemplate(f"{', '.join(unknown)} of a statement")
    return (
        # Actions are compared without regard to their case, resources with.
        any(is_like(request.action.lower(), p.lower()) for p in several(statement["Action"]))
        and any(is_like(request.resource, pattern) for pattern in several(statement["Resource"]))
        and all(
            _holds(operator, request.context.get(key, ()), several(wanted))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def several(value: str | Sequence[str]) -> list[str]:
    """Return a value, or all of a list."""
    return [value] if isinstance(value, str) else list(value)


def is_like(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern with `*` and `?`."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": is_like,
    "ArnEquals": is_like,
    "ArnLike": is_like,
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
}


def _holds(operator: str, values: Sequence[str], wanted: list[str]) -> bool:
    if operator == "Null":
        return (not values) == (wanted == ["true"])
    all_of, name = operator.startswith("ForAllValues:"), operator.removeprefix("ForAllValues:")
    name, if_exists = name.removesuffix("IfExists"), name.endswith("IfExists")
    negated = name in _NEGATED
    name = _NEGATED.get(name, name)
    if name not in _COMPARISONS:
        raise NotOfTheTemplate(f"condition {operator}")
    if not values:
        # Of no value all are as wanted; else a missing key holds for what is negated alone.
        return all_of or if_exists or negated
    if not all_of and len(values) > 1:
        raise NotOfTheTemplate(f"several values without ForAllValues: {operator}")
    same = _COMPARISONS[name]
    return all(any(same(value, one) for one in wanted) is not negated for value in values)
