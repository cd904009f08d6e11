"""Figures in words, as the page shows them."""

from __future__ import annotations

DAYS_OF_WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NO_QUEUE = "no queue known"
NOTHING = "–"

_MINUTE_S = 60
_HOUR_S = 3600
_TENTHS_BELOW_S = 10
# No line ends between a number and its unit.
_UNIT_AFTER = "\N{NO-BREAK SPACE}"


def seconds(value: float | None) -> str:
    """Return a duration as one reads it: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min."""
    if value is None:
        return NOTHING
    if abs(value) < _TENTHS_BELOW_S:
        return f"{value:.1f}{_UNIT_AFTER}s".replace("-", "−")
    whole = round(abs(value))
    sign = "−" if value < 0 else ""
    if whole < _MINUTE_S:
        return f"{sign}{whole}{_UNIT_AFTER}s"
    if whole < _HOUR_S:
        return _joined(sign, (whole // _MINUTE_S, "min"), (whole % _MINUTE_S, "s"))
    return _joined(sign, (whole // _HOUR_S, "h"), (whole % _HOUR_S // _MINUTE_S, "min"))


def _joined(sign: str, *parts: tuple[int, str]) -> str:
    return sign + _UNIT_AFTER.join(f"{number}{_UNIT_AFTER}{unit}" for number, unit in parts)


def share(part: float, whole: float) -> str:
    """Return a part of a whole in percent."""
    return percent(part / whole) if whole else NOTHING


def percent(value: float | None) -> str:
    """Return a share in percent."""
    return NOTHING if value is None else f"{value:.0%}"


def queue_name(arn: str | None) -> str:
    """Return the last segment of a queue's ARN, which Connect's console shows, too."""
    return arn.rsplit("/", 1)[-1] if arn else NO_QUEUE


def role_name(role: str | None) -> str:
    """Return a role in words."""
    return role.replace("_", " ").lower() if role else "unknown"
