"""The charts of the report: which marks say what."""

from __future__ import annotations

from chatlake.analytics.report.charts.completeness import coverage, states
from chatlake.analytics.report.charts.latency import (
    by_queue,
    distribution,
    is_between_customers_and_agents,
    over_time,
    week,
)

__all__ = [
    "by_queue",
    "coverage",
    "distribution",
    "is_between_customers_and_agents",
    "over_time",
    "states",
    "week",
]
