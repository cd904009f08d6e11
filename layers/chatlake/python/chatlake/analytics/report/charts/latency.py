"""Charts of how long messages lie unread: at all, by day, by hour of the week and by queue.

Shapes and dashes tell series apart as well as colours, for eyes that colours do not.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from chatlake.analytics.report.drawing import WHOLE, Spec, day_axis, days_stand_apart, time_axis
from chatlake.analytics.report.wording import DAYS_OF_WEEK, queue_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.analytics.report.figures import Row

_ROLES = {"AGENT": "read by agents", "CUSTOMER": "read by customers"}
_ROLE_SCALE = {"domain": list(_ROLES.values()), "range": ["var(--agent)", "var(--customer)"]}
_PERCENTILES = {"p50_s": "median", "p90_s": "90%", "p99_s": "99%"}
# Where the colours of the heat map change.
_HEAT_STEPS_S = (5, 10, 20, 40, 80, 160)
_HEAT_NAMES = (
    f"below {_HEAT_STEPS_S[0]} s",
    *(f"{low} to {high} s" for low, high in pairwise(_HEAT_STEPS_S)),
    f"{_HEAT_STEPS_S[-1]} s and more",
)
_QUEUES_SHOWN = 12
_STEPS_PER_DECADE = 10


def distribution(rows: Sequence[Row]) -> Spec:
    """Bars of how many messages were read after how long, on a log scale."""
    values = [
        {
            "from": 10 ** (row["step"] / _STEPS_PER_DECADE),
            "to": 10 ** ((row["step"] + 1) / _STEPS_PER_DECADE),
            "messages": row["messages"],
            "by": _ROLES[row["recipient_role"]],
        }
        for row in rows
    ]
    edges = [value[edge] for value in values for edge in ("from", "to")]
    return {
        "data": {"values": values},
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": {
                "field": "from",
                "type": "quantitative",
                **time_axis("time until it was read", edges),
                "bin": {"binned": True},
            },
            "x2": {"field": "to"},
            "y": {
                "field": "messages",
                "type": "quantitative",
                "axis": {"title": "messages", "tickCount": 4, "titlePadding": 12, **WHOLE},
            },
            "color": {"field": "by", "scale": _ROLE_SCALE, "legend": None},
            "row": {
                "field": "by",
                "title": None,
                "header": {
                    "labelColor": "var(--ink)",
                    "labelOrient": "top",
                    "labelAnchor": "start",
                    "labelFontSize": 12,
                },
            },
        },
        "resolve": {"scale": {"y": "independent"}},
        "height": 130,
        "autosize": {"type": "pad"},
    }


def over_time(rows: Sequence[Row]) -> Spec:
    """Lines of percentiles, day by day."""
    values = [
        {
            "day": row["chat_day"].isoformat(),
            "seconds": max(row[column], 0.1),
            "by": _ROLES[row["recipient_role"]],
            "percentile": name,
        }
        for row in rows
        for column, name in _PERCENTILES.items()
    ]
    days = {row["chat_day"] for row in rows}
    apart = days_stand_apart(len(days))
    dashes = {
        "field": "percentile",
        "scale": {"domain": list(_PERCENTILES.values()), "range": [[1, 0], [6, 3], [2, 3]]},
        "legend": {
            "symbolType": "stroke",
            "symbolSize": 400,
            "symbolStrokeWidth": 2,
            "symbolStrokeColor": "var(--ink)",
        },
    }
    return {
        "data": {"values": values},
        "encoding": {
            "x": {
                "field": "day",
                "type": "temporal",
                "title": None,
                "scale": {"type": "utc"},
                "axis": day_axis(len(days)) | {"tickMinStep": 86_400_000},
            },
            "y": {
                "field": "seconds",
                "type": "quantitative",
                **time_axis("time until it was read", (value["seconds"] for value in values)),
            },
            "color": {"field": "by", "scale": _ROLE_SCALE},
            "detail": {"field": "percentile"},
        },
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"strokeDash": dashes}},
            # Of a single day there is no line.
            {"mark": {"type": "circle", "size": 24 if apart else 4, "opacity": 1}},
        ],
        "height": 260,
    }


def week(rows: Sequence[Row]) -> Spec:
    """A heat map of the median by hour of the week."""
    values = [
        {
            "day": DAYS_OF_WEEK[row["day_of_week"] - 1],
            "hour": row["hour_of_day"],
            "median": _HEAT_NAMES[bisect_right(_HEAT_STEPS_S, row["p50_s"])],
        }
        for row in rows
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "rect", "stroke": "var(--paper)", "strokeWidth": 1},
        "encoding": {
            "x": {
                "field": "hour",
                "type": "ordinal",
                "title": "hour (UTC)",
                "scale": {"domain": list(range(24))},
                "axis": {"labelAngle": 0, "labelOverlap": True},
            },
            "y": {
                "field": "day",
                "type": "ordinal",
                "title": None,
                "scale": {"domain": list(DAYS_OF_WEEK)},
            },
            "color": {
                "field": "median",
                "type": "ordinal",
                "scale": {
                    "domain": list(_HEAT_NAMES),
                    "range": [f"var(--heat-{step})" for step in range(len(_HEAT_NAMES))],
                },
                "legend": {"symbolType": "square"},
            },
        },
        "height": 190,
    }


def is_between_customers_and_agents(row: Row) -> bool:
    """Return whether a row is of what customers and agents read of each other, if anything."""
    return row["p50_s"] is not None and {row["sender_role"], row["recipient_role"]} == _ROLES.keys()


def by_queue(rows: Sequence[Row]) -> Spec:
    """From the median to the 90th percentile in each queue, by who reads."""
    shown = list(dict.fromkeys(queue_name(row["queue_arn"]) for row in rows))[:_QUEUES_SHOWN]
    values = [
        {
            "queue": queue_name(row["queue_arn"]),
            "by": _ROLES[row["recipient_role"]],
            "median": max(row["p50_s"], 0.1),
            "p90": max(row["p90_s"], 0.1),
        }
        for row in rows
        if queue_name(row["queue_arn"]) in shown
    ]
    place: Spec = {
        "y": {
            "field": "queue",
            "type": "nominal",
            "sort": shown,
            "title": None,
            "axis": {"labelLimit": 130},
        },
        "yOffset": {"field": "by"},
        "color": {"field": "by", "scale": _ROLE_SCALE, "legend": {"columns": 1}},
    }
    x = {
        "type": "quantitative",
        **time_axis(
            "median (dot) to 90% (bar)",
            [value[column] for value in values for column in ("median", "p90")],
        ),
    }
    return {
        "data": {"values": values},
        "layer": _from_dot_to_bar(place, {"field": "median", **x}, {"field": "p90", **x}),
        "height": {"step": 24},
    }


def _from_dot_to_bar(place: Spec, median: Spec, p90: Spec) -> list[Spec]:
    """Return the marks of a place: a line that begins with a dot and ends with a bar."""
    shape = {
        "field": "by",
        "scale": {"domain": list(_ROLES.values()), "range": ["circle", "diamond"]},
    }
    return [
        {
            "mark": {"type": "rule", "strokeWidth": 3},
            "encoding": {**place, "x": median, "x2": {"field": "p90"}},
        },
        {
            "mark": {"type": "tick", "thickness": 3, "size": 12},
            "encoding": {**place, "x": p90},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {**place, "x": median, "shape": shape},
        },
    ]
