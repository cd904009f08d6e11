"""EventBridge's event patterns: checked when a rule is made, matched when an event comes.

The language is that of
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html; an
operator that is not here fails the deployment.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed, NotKnown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.template import Json

_OPERATORS = {
    "anything-but", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard",
}  # fmt: skip
_COMPARISONS = {
    "<": float.__lt__,
    "<=": float.__le__,
    "=": float.__eq__,
    ">": float.__gt__,
    ">=": float.__ge__,
}


def check_pattern(pattern: Json, path: str = "") -> None:
    """Fail if the pattern is not one, or has what `matches` would not understand."""
    if not isinstance(pattern, dict) or not pattern:
        raise DeploymentFailed(f"EventPattern{path}: must be an object that names something")
    for name, expected in pattern.items():
        if name == "$or":
            for alternative in expected:
                check_pattern(alternative, f"{path}.$or")
        elif isinstance(expected, dict):
            check_pattern(expected, f"{path}.{name}")
        elif not isinstance(expected, list) or not expected:
            raise DeploymentFailed(f"EventPattern{path}.{name}: must be a list of what may be")
        else:
            for one in expected:
                if isinstance(one, dict) and (len(one) != 1 or set(one) - _OPERATORS):
                    raise NotKnown(f"EventPattern{path}.{name}: {', '.join(one)}")


def matches(pattern: Mapping[str, Json], event: Json) -> bool:
    """Return whether an event, or an object within it, is what the pattern asks for."""
    if not isinstance(event, dict):
        event = {}
    return all(
        any(matches(alternative, event) for alternative in expected)
        if name == "$or"
        else _has(event, name, expected)
        for name, expected in pattern.items()
    )


def _has(event: Mapping[str, Json], name: str, expected: Json) -> bool:
    if isinstance(expected, dict):
        inner = event.get(name)
        parts = inner if isinstance(inner, list) else [inner]
        return any(matches(expected, part) for part in parts)
    if {"exists": False} in expected and name not in event:
        return True
    if name not in event:
        return False
    value = event[name]
    if isinstance(value, dict):
        return False  # only leaves are compared
    values = value if isinstance(value, list) else [value]
    return any(_fits(one, part) for one in expected for part in values)


def _fits(expected: Json, value: Json) -> bool:
    if not isinstance(expected, dict):
        return type(expected) is type(value) and bool(expected == value)
    ((operator, operand),) = expected.items()
    match operator:
        case "exists":
            return bool(operand)
        case "anything-but":
            if isinstance(operand, dict):
                return isinstance(value, str) and not _fits(operand, value)
            return value not in (operand if isinstance(operand, list) else [operand])
        case "numeric":
            return _compares(operand, value)
    return isinstance(value, str) and _text_fits(operator, operand, value)


def _text_fits(operator: str, operand: Json, value: str) -> bool:
    if isinstance(operand, list):
        return any(_text_fits(operator, one, value) for one in operand)
    if isinstance(operand, dict):  # {"prefix": {"equals-ignore-case": …}}
        operand, value = operand["equals-ignore-case"].casefold(), value.casefold()
    match operator:
        case "prefix":
            return value.startswith(operand)
        case "suffix":
            return value.endswith(operand)
        case "equals-ignore-case":
            return value.casefold() == str(operand).casefold()
        case _:
            expression = ".*".join(map(re.escape, operand.split("*")))
            return re.fullmatch(expression, value, re.DOTALL) is not None


def _compares(operand: Json, value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_COMPARISONS[sign](float(value), float(bound)) for sign, bound in pairs)
