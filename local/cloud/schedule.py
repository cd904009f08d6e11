"""Schedule expressions of EventBridge: when a rule is due next."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed, NotKnown

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS_S = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART = re.compile(r"(?:(\*)|(\d+)(?:-(\d+))?)(?:/(\d+))?")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 1, 7, _DAYS),
    ("year", 1970, 2199, ()),
)
_SEARCHED_DAYS = 366 * 5


def next_due(expression: str) -> Callable[[float], float]:
    """Return what finds, for a moment in epoch seconds, the next one at which the rule is due."""
    if rate := _RATE.fullmatch(expression):
        count, unit, plural = int(rate[1]), rate[2], rate[3]
        if not count or (count == 1) == bool(plural):
            raise DeploymentFailed(f"{expression}: one is singular, more are plural, none is none")
        return lambda after: after + count * _UNITS_S[unit]
    if expression.startswith("cron(") and expression.endswith(")"):
        return _cron(expression)
    raise NotKnown(f"The schedule {expression} is not known")


def _cron(expression: str) -> Callable[[float], float]:
    fields = expression[5:-1].split()
    if len(fields) != len(_FIELDS) or (fields[2] == "?") == (fields[4] == "?"):
        raise DeploymentFailed(f"{expression}: six fields, and exactly one of the days is a ?")
    minutes, hours, days, months, weekdays, years = (
        _values(field, *limits) for field, limits in zip(fields, _FIELDS, strict=True)
    )

    def following(after: float) -> float:
        first = datetime.fromtimestamp(after, UTC).replace(second=0, microsecond=0)
        first += timedelta(minutes=1)
        for offset in range(_SEARCHED_DAYS):
            day = first.date() + timedelta(days=offset)
            if not (
                day.year in years
                and day.month in months
                and day.day in days
                and day.isoweekday() % 7 + 1 in weekdays
            ):
                continue
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if moment >= first:
                        return moment.timestamp()
        raise DeploymentFailed(f"{expression} is never due")

    return following


def _values(field: str, name: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    if field == "?":
        field = "*"
    for number, word in enumerate(names, 1):
        field = re.sub(word, str(number), field, flags=re.IGNORECASE)
    values: set[int] = set()
    for part in field.split(","):
        found = _PART.fullmatch(part)
        if not found:
            raise NotKnown(f"cron(): {part} as {name} is not known")
        every, first, last, step = found.groups()
        start = low if every else int(first)
        stop = high if every or (step and not last) else int(last or first)
        if not low <= start <= stop <= high:
            raise DeploymentFailed(f"cron(): {part} is not within {low} and {high}")
        values.update(range(start, stop + 1, int(step or 1)))
    return values
