"""What a property of a template waits for: the resources that its expression names."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from local.cloud.intrinsics import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud.intrinsics import Scope
    from local.cloud.template import Json


def references(expression: Json, scope: Scope, among: set[str]) -> set[str]:
    """Return the resources that must exist before the expression has a value."""
    return set(_named(expression, scope)) & among


def _named(expression: Json, scope: Scope) -> Iterator[str]:
    """Yield every name that could be a resource's; of an Fn::If only those of its branch."""
    match expression:
        case {"Ref": str(name)} if len(expression) == 1:
            yield name
        case {"Fn::GetAtt": str(path)} if len(expression) == 1:
            yield path.split(".", 1)[0]
        case {"Fn::GetAtt": [name, *_]} if len(expression) == 1:
            yield name
        case {"Fn::If": [condition, yes, no]} if len(expression) == 1:
            yield from _named(yes if scope.holds(condition) else no, scope)
        case {"Fn::Sub": argument} if len(expression) == 1:
            yield from _named_in_text(argument, scope)
        case dict():
            yield from chain.from_iterable(_named(part, scope) for part in expression.values())
        case list():
            yield from chain.from_iterable(_named(part, scope) for part in expression)


def _named_in_text(argument: Json, scope: Scope) -> Iterator[str]:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    names = {name for literal, name in PLACEHOLDER.findall(text) if not literal}
    yield from (name.split(".", 1)[0] for name in names - set(own))
    yield from _named(own, scope)
