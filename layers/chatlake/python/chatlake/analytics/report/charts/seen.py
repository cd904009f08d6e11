"""The chart of how soon messages are seen, and how all charts show who was to see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.analytics.report.drawing import Spec, time_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.analytics.report.figures import Row

ROLES = {"AGENT": "by agents", "CUSTOMER": "by customers"}
ROLE_SCALE = {"domain": list(ROLES.values()), "range": ["var(--agent)", "var(--customer)"]}
SHORTEST_S = 0.1
"""Where axes of time begin: all that is shorter, or negative, is drawn there."""

_STEPS_PER_DOUBLING, _STEP_ZERO_S = 70, 30


def step_ends_s(step: int) -> float:
    """Return where a step of the axis of estimates ends, in seconds."""
    return float(_STEP_ZERO_S * 2 ** (step / _STEPS_PER_DOUBLING))


def seen(rows: Sequence[Row]) -> Spec:
    """Lines of the share that is seen, over the time since sending on a log scale."""
    values = [
        {
            "seconds": step_ends_s(row["step"]),
            "share": row["share"],
            "by": ROLES[row["recipient_role"]],
        }
        for row in rows
        if step_ends_s(row["step"]) >= SHORTEST_S
    ]
    dashes = {"domain": list(ROLES.values()), "range": [[1, 0], [6, 3]]}
    return {
        "data": {"values": values},
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {
            "x": {
                "field": "seconds",
                "type": "quantitative",
                **time_axis("time since it was sent", (value["seconds"] for value in values)),
            },
            "y": {
                "field": "share",
                "type": "quantitative",
                "scale": {"domain": [0, 1]},
                "axis": {"title": "seen by then", "format": ".0%", "titlePadding": 12},
            },
            "color": {"field": "by", "scale": ROLE_SCALE},
            "strokeDash": {
                "field": "by",
                "scale": dashes,
                "legend": {
                    "symbolType": "stroke",
                    "symbolSize": 400,
                    "symbolStrokeWidth": 2,
                },
            },
        },
        "height": 240,
    }
