"""Drawing with Vega-Lite: how every chart looks, its axes, and the SVG that comes of it.

Colours are the page's CSS variables, so that one drawing serves a light and a dark page.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

import vl_convert

if TYPE_CHECKING:
    from collections.abc import Iterable

type Spec = dict[str, Any]
"""A chart or a part of one, in Vega-Lite's JSON."""

_VEGA_LITE = "6.4"
# Where axes of time have labels, as far as there is room, and where they begin and end.
_LABELLED_S = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 20, 30)),
    *(3600 * hours for hours in (1, 2, 5, 10, 24, 48, 100, 200)),
)
_MOST_DAYS_BY_NAME = 200
# With more of them, lines between bars would cover the bars.
_MOST_DAYS_APART = 70

_CONFIG: Spec = {
    "aria": False,
    "background": None,
    # Drawn with the metrics of Arial, which most machines have, or a font as wide.
    "font": "Arial, Liberation Sans, sans-serif",
    "padding": {"left": 24, "top": 4, "right": 12, "bottom": 4},
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink)",
        "gridColor": "var(--grid)",
        "domainColor": "var(--grid)",
        "tickColor": "var(--grid)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink)",
        "labelFontSize": 12,
        "labelLimit": 300,
        "orient": "top",
        "symbolOpacity": 1,
        "title": None,
    },
    "text": {"color": "var(--ink)"},
}
_COLUMN_OF_LEGENDS: Spec = {
    "legend": _CONFIG["legend"] | {"columns": 2, "layout": {"top": {"direction": "vertical"}}}
}
_COLUMN_OF_LEGENDS_BELOW = 500
_SECONDS_LABEL = (
    "datum.value < 60 ? datum.value + ' s' : datum.value < 3600 ? datum.value / 60 + ' min' "
    ": datum.value / 3600 + ' h'"
)

WHOLE: Spec = {"format": ",d", "tickMinStep": 1}
"""An axis of counts."""


def draw(chart: Spec, width: int) -> str:
    """Draw a chart as SVG, its plot so many pixels wide."""
    spec = {
        "width": width,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG if width > _COLUMN_OF_LEGENDS_BELOW else _CONFIG | _COLUMN_OF_LEGENDS,
        **chart,
    }
    drawn: str = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE)
    return drawn


def time_axis(title: str, seconds: Iterable[float]) -> Spec:
    """Return a logarithmic axis of durations: from the label below the shortest to that above."""
    shown = list(seconds)
    low, high = min(shown, default=1.0), max(shown, default=1.0)
    begin = max(bisect_right(_LABELLED_S, low) - 1, 0)
    end = min(max(bisect_left(_LABELLED_S, high), begin + 1), len(_LABELLED_S) - 1)
    labelled = list(_LABELLED_S[begin : end + 1])
    return {
        "scale": {"type": "log", "nice": False, "domain": [labelled[0], max(labelled[-1], high)]},
        "axis": {
            "title": title,
            "titlePadding": 12,
            "labelExpr": _SECONDS_LABEL,
            # Moved inwards, the last label would stand on the one before it.
            "labelFlush": False,
            "labelOverlap": "greedy",
            "labelSeparation": 6,
            "values": labelled,
        },
    }


def day_axis(days: int) -> Spec:
    """Return an axis of so many days."""
    by_name = days <= _MOST_DAYS_BY_NAME
    return {"format": "%-d %b" if by_name else "%b %Y", "labelOverlap": True, "labelSeparation": 6}


def days_stand_apart(days: int) -> bool:
    """Return whether marks of so many days are wide enough to be parted from each other."""
    return days <= _MOST_DAYS_APART
