"""JSON in and out: fast for what is usual, complete for what is legal.

orjson refuses lone surrogates, which JSON allows and people paste. Where it gives up, the standard
library takes over with the same reading of numbers, so both paths give equal values.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

import orjson
import rfc8785

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type JsonObject = dict[str, Any]

_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64_LENGTH = 20
_EXACT_INTEGERS = 2**53
# orjson writes up to 254 levels, and a document has a few more than the inputs in it.
_ORJSON_LEVELS = 254
_MOST_LEVELS = 240
_TOO_DEEP = f"it nests deeper than {_MOST_LEVELS} levels"


def without_byte_order_mark(data: bytes) -> bytes:
    """Remove the mark that some programs put in front of UTF-8, and that is no JSON."""
    return data.removeprefix(codecs.BOM_UTF8)


def loads(data: bytes, *, any_depth: bool = False) -> Any:
    """Parse one JSON value from UTF-8 bytes without a byte-order mark.

    Integers of 64 bits stay whole, larger ones become floats.

    Raises
    ------
    ValueError
        The bytes are no JSON value, hold NaN or a number no double can hold, or nest too deep to
        be written again as part of a document; `any_depth` is for what was written before.
    """
    value = _parse(data)
    may_be_deep = not any_depth and data.count(b"{") + data.count(b"[") > _MOST_LEVELS
    if may_be_deep and _nests_too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def dumps(value: Json | JsonObject) -> bytes:
    """Write a value as compact UTF-8 JSON with sorted keys: equal values give equal bytes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def canonical_json(value: Json | JsonObject) -> str:
    r"""Write a value as canonical JSON (RFC 8785).

    Two things the RFC leaves out are settled: a lone surrogate is written as its lower-case
    escape (``\ud800``), an integer beyond 2**53 as the nearest double.
    """
    match value:
        case str():
            text = json.dumps(value, ensure_ascii=False)
            return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        case dict():
            members = sorted(value.items(), key=lambda member: _utf16(member[0]))
            return (
                "{" + ",".join(f"{canonical_json(k)}:{canonical_json(v)}" for k, v in members) + "}"
            )
        case list():
            return "[" + ",".join(map(canonical_json, value)) + "]"
        case int() if abs(value) >= _EXACT_INTEGERS:
            return rfc8785.dumps(float(value)).decode()
        case _:
            return rfc8785.dumps(value).decode()


def well_formed(text: str) -> str:
    """Put U+FFFD in the place of each lone surrogate."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _parse(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise ValueError(_TOO_DEEP) from None
        if b"\\u" not in data:
            raise
    try:
        return json.loads(
            data.decode(),
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_finite_float,
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def _nests_too_deep(value: Any) -> bool:
    deepened = value
    for _ in range(_ORJSON_LEVELS - _MOST_LEVELS):
        deepened = [deepened]
    try:
        orjson.dumps(deepened)
    except orjson.JSONEncodeError:
        # Too deep, or with a lone surrogate.
        level = [value]
        for _ in range(_MOST_LEVELS):
            level = [
                inner
                for outer in level
                if isinstance(outer, (dict, list))
                for inner in (outer.values() if isinstance(outer, dict) else outer)
            ]
        return any(isinstance(deepest, (dict, list)) for deepest in level)
    return False


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _no_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _integer(digits: str) -> int | float:
    whole = int(digits) if len(digits) <= _INT64_LENGTH else None
    if whole is not None and -(2**63) <= whole < 2**64:
        return whole
    return _finite_float(digits)


def _finite_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        message = "a number is too large"
        raise ValueError(message)
    return value
