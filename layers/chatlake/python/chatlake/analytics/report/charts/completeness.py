"""Charts of how much is known: what became of messages, and what the archive has of contacts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chatlake.analytics.report.drawing import WHOLE, Spec, day_axis, days_stand_apart
from chatlake.analytics.report.wording import role_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from chatlake.analytics.report.figures import Row

_STATES = {
    "messages_read": "read",
    "messages_read_implied": "read (implied)",
    "messages_replied": "replied",
    "messages_not_seen": "not seen",
    "messages_unknown": "unknown",
}
_STATE_COLOURS = [
    f"var(--{name})" for name in ("read", "implied", "replied", "not-seen", "unknown")
]
_KIND_COLOURS = [f"var(--{name})" for name in ("read", "implied", "not-seen", "unknown")]


def states(rows: Sequence[Row]) -> Spec:
    """What became of messages, as shares, by who sent them to whom."""
    values = [
        {"pair": _pair(row), "state": name, "messages": row[column], "order": order}
        for row in rows
        for order, (column, name) in enumerate(_STATES.items())
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": "var(--paper)", "strokeWidth": 1},
        "encoding": {
            "y": {
                "field": "pair",
                "type": "nominal",
                "sort": [_pair(row) for row in rows],
                "title": None,
                "axis": {"labelLimit": 170},
            },
            "x": {
                "field": "messages",
                "type": "quantitative",
                "stack": "normalize",
                "title": "share of messages",
                "axis": {"format": ".0%"},
            },
            "color": {
                "field": "state",
                "scale": {"domain": list(_STATES.values()), "range": _STATE_COLOURS},
                "legend": {"columns": 2},
            },
            "order": {"field": "order"},
        },
        "height": {"step": 30},
    }


def coverage(rows: Sequence[Row]) -> Spec:
    """Contacts of each day, by what is known of them."""
    names = ("with receipts", "messages alone", "not complete", "no transcript")
    values = [
        {"day": row["chat_day"].isoformat(), "kind": kind, "contacts": number, "order": order}
        for row in rows
        for order, (kind, number) in enumerate(zip(names, _kinds(row), strict=True))
    ]
    days = _every_day(row["chat_day"] for row in rows)
    # Days without any contact may be what is to be seen.
    nothing = {"kind": names[0], "contacts": 0, "order": 0}
    known = {value["day"] for value in values}
    values += [{"day": day.isoformat(), **nothing} for day in days if day.isoformat() not in known]
    apart = days_stand_apart(len(days))
    return {
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": "var(--paper)", "strokeWidth": 1 if apart else 0},
        "encoding": {
            "x": {
                "field": "day",
                "type": "ordinal",
                "timeUnit": "utcyearmonthdate",
                "title": None,
                "axis": day_axis(len(days)) | {"labelAngle": 0},
            },
            "y": {
                "field": "contacts",
                "type": "quantitative",
                "title": "contacts",
                "axis": WHOLE,
            },
            "color": {
                "field": "kind",
                "scale": {"domain": list(names), "range": _KIND_COLOURS},
                "legend": {"columns": 2},
            },
            "order": {"field": "order"},
        },
        "height": 200,
    }


def _every_day(shown: Iterable[date]) -> list[date]:
    """Return all days from the first to the last."""
    some = sorted(shown)
    if not some:
        return []
    return [some[0] + timedelta(days=number) for number in range((some[-1] - some[0]).days + 1)]


def _kinds(row: Row) -> tuple[int, int, int, int]:
    """Split the contacts of a day: each is of one kind."""
    with_receipts, nothing = row["complete_with_receipts"], row["events_alone"]
    incomplete = row["contacts"] - row["complete"] - nothing
    return with_receipts, row["complete"] - with_receipts, incomplete, nothing


def _pair(row: Row) -> str:
    return f"{role_name(row['sender_role'])} to {role_name(row['recipient_role'])}"
