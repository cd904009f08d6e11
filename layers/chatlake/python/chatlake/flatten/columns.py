"""Arrow columns from lists of JSON objects.

Each column is made in one go, on the belief that its values are what they should be. Only when
Arrow refuses are they looked at one by one; what cannot be read becomes null and its raw value
goes to `Extras`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.json_codec import JsonObject, canonical_json, well_formed
from chatlake.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMESTAMP = pa.timestamp("us", "UTC")

# What Arrow reads just as parse_timestamp does; all else is left to that.
_PLAIN = r"^[12]\d{3}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z$"


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
            if not members.keys() <= known:
                for name in members.keys() - known:
                    if members[name] is not None:
                        self.add(row, name, members[name])

    def column(self, length: int) -> pa.Array:
        """Make the `extra` column: canonical JSON objects, null for rows without any."""
        texts: list[str | None] = [None] * length
        for row, members in self.by_row.items():
            texts[row] = canonical_json(members)
        return pa.array(texts, pa.string())


def strings(objects: Sequence[JsonObject], name: str, extras: Extras) -> pa.Array:
    """Make a string column of a member; lone surrogates become U+FFFD."""
    values = [members.get(name) for members in objects]
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        pass
    for row, value in enumerate(values):
        text = well_formed(value) if isinstance(value, str) else None
        if text != value:
            extras.add(row, name, value)
            values[row] = text
    return pa.array(values, pa.string())


def ids(objects: Sequence[JsonObject], name: str, extras: Extras) -> pa.Array:
    """Make a column of ids: as `strings`, but an empty one is null."""
    column = strings(objects, name, extras)
    return pc.if_else(pc.equal(column, ""), None, column)


def timestamps(objects: Sequence[JsonObject], name: str, extras: Extras) -> pa.Array:
    """Make a column of microseconds in UTC; see `parse_timestamp` for what is readable."""
    texts = strings(objects, name, extras)
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
        read = pc.cast(pc.if_else(plain, texts, None), TIMESTAMP)
    except pa.ArrowInvalid:  # the 30th of February
        plain = pc.and_(plain, pc.is_null(texts))
        read = pa.nulls(len(texts), TIMESTAMP)
    if pc.all(plain).as_py() is not False:
        return read
    others = pc.invert(plain)
    moments = [parse_timestamp(text) for text in texts.filter(others).to_pylist()]
    return pc.replace_with_mask(read, others, pa.array(moments, TIMESTAMP))


def latency_ms(later: pa.Array, earlier: pa.Array) -> pa.Array:
    """Subtract two columns of microseconds: whole milliseconds, rounded down, null where one is."""
    elapsed_us = pc.subtract(pc.cast(later, pa.int64()), pc.cast(earlier, pa.int64()))
    towards_zero = pc.divide(elapsed_us, 1000)
    short = pc.and_(
        pc.less(elapsed_us, 0), pc.not_equal(pc.multiply(towards_zero, 1000), elapsed_us)
    )
    return pc.subtract(towards_zero, pc.cast(short, pa.int64()))
