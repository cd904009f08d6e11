"""RFC 3339 timestamps, one by one and by the column, to the microsecond.

Both ways accept the same texts; docs/row-rules.md §3 has the grammar.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(text: object) -> datetime | None:
    """Read an RFC 3339 timestamp.

    Parameters
    ----------
    text
        Any JSON value. Without an offset it is taken as UTC; digits beyond microseconds are cut.

    Returns
    -------
    datetime | None
        In UTC; None if the value is no readable timestamp.
    """
    if not isinstance(text, str) or not (found := _RFC3339.fullmatch(text)):
        return None
    date, time, fraction, sign, hours, minutes = found.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time}+00:00")
        moment = moment.replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            moment = moment - offset if sign == "+" else moment + offset
    except (ValueError, OverflowError):
        return None
    return moment


def microseconds(moment: datetime) -> int:
    """Count microseconds since 1970-01-01T00:00:00Z, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def epoch_us(text: object) -> int | None:
    """Read an RFC 3339 timestamp in microseconds since 1970; None if it is unreadable."""
    moment = parse_timestamp(text)
    return None if moment is None else microseconds(moment)


def newest_us(texts: Iterable[object]) -> int | None:
    """Return the newest of some timestamps in microseconds since 1970; None if none is readable."""
    return max((at for at in map(epoch_us, texts) if at is not None), default=None)


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def now_ms() -> int:
    """Return the present moment in epoch milliseconds."""
    return time.time_ns() // 1_000_000
