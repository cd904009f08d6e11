"""Charts of how long messages take to be seen: at all, by day, by hour of the week and by queue.

Shapes and dashes tell series apart as well as colours, for eyes that colours do not.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from chatlake.analytics.report.charts.seen import ROLE_SCALE, ROLES, SHORTEST_S
from chatlake.analytics.report.drawing import WHOLE, Spec, day_axis, days_stand_apart, time_axis
from chatlake.analytics.report.wording import DAYS_OF_WEEK, queue_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.analytics.report.figures import Row

_PERCENTILES = {"seen_p50_s": "half", "seen_p90_s": "90%", "seen_p95_s": "95%"}
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
    """Bars of how many messages were reported as read after how long, on a log scale."""
    values = [
        {
            "from": 10 ** (row["step"] / _STEPS_PER_DECADE),
            "to": 10 ** ((row["step"] + 1) / _STEPS_PER_DECADE),
            "messages": row["messages"],
            "by": ROLES[row["recipient_role"]],
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
            "color": {"field": "by", "scale": ROLE_SCALE, "legend": None},
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
            # Without a value the line is broken there.
            "seconds": None if row[column] is None else max(row[column], SHORTEST_S),
            "by": ROLES[row["recipient_role"]],
            "percentile": name,
        }
        for row in rows
        for column, name in _PERCENTILES.items()
    ]
    shown = [value["seconds"] for value in values if value["seconds"] is not None]
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
                **time_axis("time until it was seen", shown),
            },
            "color": {"field": "by", "scale": ROLE_SCALE},
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
            "median": _HEAT_NAMES[bisect_right(_HEAT_STEPS_S, row["seen_p50_s"])],
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


def is_read_by_agents_or_customers(row: Row) -> bool:
    """Return whether a row is of messages for agents or customers, and says when half are seen."""
    return row["seen_p50_s"] is not None and row["recipient_role"] in ROLES


def is_from_customers_to_agents(row: Row) -> bool:
    """Return whether a row is of what agents see of customers, and says when half is seen."""
    return is_between_customers_and_agents(row) and row["recipient_role"] == "AGENT"


def is_between_customers_and_agents(row: Row) -> bool:
    """Return whether a row is of what both see of each other, and says when half is seen."""
    return (
        row["seen_p50_s"] is not None
        and {row["sender_role"], row["recipient_role"]} == ROLES.keys()
    )


def by_queue(rows: Sequence[Row]) -> Spec:
    """From the median to the 90th percentile in each queue, by who reads."""
    shown = list(dict.fromkeys(queue_name(row["queue_arn"]) for row in rows))[:_QUEUES_SHOWN]
    values = [
        {
            "queue": queue_name(row["queue_arn"]),
            "by": ROLES[row["recipient_role"]],
            "median": max(row["seen_p50_s"], SHORTEST_S),
            # Where 90% never were, there is the dot alone.
            "p90": max(row["seen_p90_s"] or row["seen_p50_s"], SHORTEST_S),
            "known": row["seen_p90_s"] is not None,
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
        "color": {"field": "by", "scale": ROLE_SCALE, "legend": {"columns": 1}},
    }
    x = {
        "type": "quantitative",
        **time_axis(
            "half (dot) to 90% (bar)",
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
        "scale": {"domain": list(ROLES.values()), "range": ["circle", "diamond"]},
    }
    return [
        {
            "mark": {"type": "rule", "strokeWidth": 3},
            "encoding": {**place, "x": median, "x2": {"field": "p90"}},
        },
        {
            "transform": [{"filter": "datum.known"}],
            "mark": {"type": "tick", "thickness": 3, "size": 12},
            "encoding": {**place, "x": p90},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {**place, "x": median, "shape": shape},
        },
    ]
