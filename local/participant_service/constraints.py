"""What a value violates of a shape in a service's model.

botocore's own validator leaves enums, maxima and patterns to the service, which this is; and its
messages repeat the values, which here may be tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from botocore.model import ListShape, MapShape, Shape, StructureShape

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str, datetime),
}


def violations(shape: Shape, value: object, *, strict: bool = True, at: str = "") -> Iterator[str]:
    """Yield what is wrong with a value, in words that do not repeat it.

    Parameters
    ----------
    shape
        The shape that the value should have.
    value
        Parsed JSON.
    strict
        False lets unknown members and unknown words of an enum pass: the service itself is
        ahead of its model.
    at
        The name of the value.
    """
    numeric_boolean = isinstance(value, bool) and shape.type_name != "boolean"
    if not isinstance(value, _TYPES[shape.type_name]) or numeric_boolean:
        yield f"{at or 'the request'} is not a {shape.type_name}"
        return
    yield from _beyond_limits(shape, value, at, strict=strict)
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        yield from _of_members(shape, value, at, strict=strict)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for place, element in enumerate(value):
            yield from violations(shape.member, element, strict=strict, at=f"{at}[{place}]")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for place, (key, element) in enumerate(value.items()):
            yield from violations(shape.key, key, strict=strict, at=f"{at} key {place}")
            yield from violations(shape.value, element, strict=strict, at=f"{at} value {place}")


def _of_members(
    shape: StructureShape, value: dict[str, object], at: str, *, strict: bool
) -> Iterator[str]:
    prefix = f"{at}." if at else ""
    for name in shape.required_members:
        if name not in value:
            yield f"{prefix}{name} is required"
    for name, element in value.items():
        if name in shape.members:
            yield from violations(shape.members[name], element, strict=strict, at=f"{prefix}{name}")
        elif strict:
            yield f"{at or 'the request'} has a member that the model does not know"


def _beyond_limits(shape: Shape, value: object, at: str, *, strict: bool) -> Iterator[str]:
    limits = shape.metadata
    if isinstance(value, str | list | dict):
        size: float | None = len(value)
        what = "length"
    else:
        size = value if isinstance(value, int | float) else None
        what = "value"
    if size is not None and "min" in limits and size < limits["min"]:
        yield f"{at} has a {what} below {limits['min']}"
    if size is not None and "max" in limits and size > limits["max"]:
        yield f"{at} has a {what} above {limits['max']}"
    if not isinstance(value, str):
        return
    if strict and "enum" in limits and value not in limits["enum"]:
        yield f"{at} is none of {', '.join(limits['enum'])}"
    if "pattern" in limits and not _pattern(limits["pattern"]).search(value):
        yield f"{at} does not match the pattern of a {shape.name}"


@lru_cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
