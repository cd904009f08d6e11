"""The charts of the report: which marks say what."""

from __future__ import annotations

from chatlake.analytics.report.charts.completeness import coverage, states
from chatlake.analytics.report.charts.latency import (
    by_queue,
    distribution,
    is_between_customers_and_agents,
    is_from_customers_to_agents,
    is_read_by_agents_or_customers,
    over_time,
    week,
)
from chatlake.analytics.report.charts.seen import seen, step_ends_s

__all__ = [
    "by_queue",
    "coverage",
    "distribution",
    "is_between_customers_and_agents",
    "is_from_customers_to_agents",
    "is_read_by_agents_or_customers",
    "over_time",
    "seen",
    "states",
    "step_ends_s",
    "week",
]
