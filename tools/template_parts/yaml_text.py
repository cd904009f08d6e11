"""Values as the template writes them: in one line where they fit, intrinsic functions by tags."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

type Value = str | Tagged | Sequence[Any] | Mapping[str, Any]

_LINE_LENGTH = 100
# What YAML takes for a text without quotes; in a line with brackets it takes fewer.
_PLAIN = re.compile(r"[A-Za-z/$][^\n\"'#]*?")
_PLAIN_IN_BRACKETS = re.compile(r"[A-Za-z/][\w./*-]*(?:[ :]{0,2}[\w./*-]+)*")
_WORDS = {"false", "no", "null", "off", "on", "true", "yes"}


@dataclass(frozen=True, slots=True)
class Tagged:
    """An intrinsic function in its short form: `!name argument`."""

    name: str
    argument: Value


def ref(name: str) -> Tagged:
    """Return what Ref gives of a parameter or resource."""
    return Tagged("Ref", name)


def attribute(path: str) -> Tagged:
    """Return an attribute of a resource: `Resource.Attribute`."""
    return Tagged("GetAtt", path)


def sub(text: str, **variables: Value) -> Tagged:
    """Return a text with names in `${…}`, some of which may be values of its own."""
    return Tagged("Sub", [text, variables] if variables else text)


def either(condition: str, value: Value, other: Value | None = None) -> Tagged:
    """Return a value if a condition of the template holds, else another one, or none at all."""
    return Tagged("If", [condition, value, other or ref("AWS::NoValue")])


def block(value: Value, indent: int) -> Iterator[str]:
    """Yield the lines of a mapping or list that stands below its name."""
    margin = " " * indent
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _entry(f"{margin}{_inline(name, in_brackets=False)}:", part, indent)
        return
    assert not isinstance(value, str | Tagged)
    for part in value:
        if isinstance(part, Mapping) and not _fits(f"{margin}- ", part):
            first, *rest = block(part, indent + 2)
            yield f"{margin}- {first.lstrip()}"
            yield from rest
        else:
            yield from _entry(f"{margin}-", part, indent)


def _entry(head: str, value: Value, indent: int) -> Iterator[str]:
    if isinstance(value, str) or _fits(head, value) or _is_scalar(value):
        yield f"{head} {_inline(value, in_brackets=False)}"
    elif isinstance(value, Tagged):
        yield f"{head} !{value.name}"
        yield from block(value.argument, indent + 2)
    else:
        yield head
        yield from block(value, indent + 2)


def _is_scalar(value: Value) -> bool:
    return isinstance(value, Tagged) and isinstance(value.argument, str)


def _fits(head: str, value: Value) -> bool:
    return len(head) + 1 + len(_inline(value, in_brackets=False)) <= _LINE_LENGTH


def _inline(value: Value, *, in_brackets: bool = True) -> str:
    match value:
        case Tagged(name, argument):
            return f"!{name} {_inline(argument, in_brackets=in_brackets)}"
        case str():
            plain = _PLAIN_IN_BRACKETS if in_brackets else _PLAIN
            is_plain = plain.fullmatch(value) and ": " not in value and value.lower() not in _WORDS
            return value if is_plain else json.dumps(value, ensure_ascii=False)
        case Mapping():
            return f"{{{', '.join(f'{_inline(n)}: {_inline(v)}' for n, v in value.items())}}}"
        case _:
            return f"[{', '.join(map(_inline, value))}]"
