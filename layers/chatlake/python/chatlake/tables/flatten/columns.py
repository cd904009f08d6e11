"""Arrow columns from lists of JSON objects.

Columns are made all at once, on the belief that their values are what they should be. Only when
Arrow refuses are the values of a column looked at one by one; what cannot be read becomes null
and its raw value goes to `Extras`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.json_codec import JsonObject, canonical_json, well_formed
from chatlake.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMESTAMP = pa.timestamp("us")
"""Of all times: UTC, without a zone."""

_ZONED = pa.timestamp("us", "UTC")

# What Arrow reads just as parse_timestamp does; all else is left to that.
_PLAIN = r"^[12]\d{3}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z$"
_REFUSALS = (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError)


class Extras:
    """Members without a column of their own, by row; nearly always empty."""

    def __init__(self) -> None:
        self.by_row: dict[int, JsonObject] = {}

    def add(self, row: int, name: str, value: Any) -> None:
        """Keep the raw value of a member."""
        self.by_row.setdefault(row, {})[name] = value

    def add_unknown(self, objects: Sequence[JsonObject], known: frozenset[str]) -> None:
        """Keep the members, null ones aside, whose names are not known."""
        for row, members in enumerate(objects):
            if not known.issuperset(members):
                for name in members.keys() - known:
                    if members[name] is not None:
                        self.add(row, name, members[name])

    def column(self, length: int) -> pa.Array:
        """Make the `extra` column: canonical JSON objects, null for rows without any."""
        texts: list[str | None] = [None] * length
        for row, members in self.by_row.items():
            texts[row] = canonical_json(members)
        return pa.array(texts, pa.string())


def strings(
    objects: Sequence[JsonObject], names: Sequence[str], extras: Extras
) -> dict[str, pa.Array]:
    """Make string columns of some members; lone surrogates become U+FFFD."""
    try:
        structs = pa.array(objects, pa.struct([(name, pa.string()) for name in names]))
        return dict(zip(names, structs.flatten(), strict=True))
    except _REFUSALS:
        return {name: _string(objects, name, extras) for name in names}


def ids(column: pa.Array) -> pa.Array:
    """Make empty ids null."""
    return pc.if_else(pc.equal(column, ""), None, column)


def timestamps(
    texts: pa.Array, objects: Sequence[JsonObject], name: str, extras: Extras
) -> pa.Array:
    """Read the string column of a member; see `parse_timestamp` for what is readable."""
    read = parse_timestamps(texts)
    if read.null_count > texts.null_count:
        unread = pc.and_(pc.is_valid(texts), pc.is_null(read))
        for row in pc.indices_nonzero(unread).to_pylist():
            extras.add(row, name, objects[row][name])
    return read


def parse_timestamps(texts: pa.Array) -> pa.Array:
    """Read a string column of RFC 3339 timestamps; unreadable ones become null."""
    plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN), fill_value=True)
    try:
        read = pc.cast(pc.cast(pc.if_else(plain, texts, None), _ZONED), TIMESTAMP)
    except pa.ArrowInvalid:  # the 30th of February
        plain = pc.is_null(texts)
        read = pa.nulls(len(texts), TIMESTAMP)
    others = pc.invert(plain)
    if not pc.any(others).as_py():
        return read
    moments = [parse_timestamp(text) for text in texts.filter(others).to_pylist()]
    return pc.replace_with_mask(read, others, pa.array(moments, TIMESTAMP))


def latency_ms(later: pa.Array, earlier: pa.Array) -> pa.Array:
    """Subtract two columns of microseconds: whole milliseconds, rounded down, null where one is."""
    elapsed_us = pc.subtract(pc.cast(later, pa.int64()), pc.cast(earlier, pa.int64()))
    towards_zero = pc.divide(elapsed_us, 1000)
    exact = pc.equal(pc.multiply(towards_zero, 1000), elapsed_us)
    rounds_up = pc.and_(pc.less(elapsed_us, 0), pc.invert(exact))
    return pc.subtract(towards_zero, pc.cast(rounds_up, pa.int64()))


def _string(objects: Sequence[JsonObject], name: str, extras: Extras) -> pa.Array:
    values = [members.get(name) for members in objects]
    try:
        return pa.array(values, pa.string())
    except _REFUSALS:
        pass
    for row, value in enumerate(values):
        text = well_formed(value) if isinstance(value, str) else None
        if text != value:
            extras.add(row, name, value)
            values[row] = text
    return pa.array(values, pa.string())
