"""How long messages take to be seen: the SQL against the same estimate in plain Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from math import ceil, log2
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatlake.analytics.sql_files import (
    ALWAYS,
    Query,
    load_named,
    load_report,
    load_views,
    to_duckdb,
)
from tests.hand_lake import OF_CUSTOMER, TO_AGENT, at, reading
from tests.made_lake import Row, ask, made_lake, refill

FILES = {query.name: query for query in (*load_views(), *load_named(), *load_report().values())}
ESTIMATES = [query for query in FILES.values() if "at_risk" in query.sql]
BY_ROLE = to_duckdb(FILES["read_latency_by_role"].sql)

type Observation = tuple[str, int | None]
"""A state, and after how many milliseconds it was read, or for how long it was not seen."""

# --- the definition


def step_of(milliseconds: int) -> int:
    """The place of a time on the axis: a seventieth of a doubling, the 30 s at the end of one."""
    return ceil(round(70 * log2(max(milliseconds, 1) / 30_000), 6))


def estimate(observations: Sequence[Observation]) -> Row:
    """What is said of some messages."""
    timed = [(state, ms) for state, ms in observations if ms is not None]
    read = sorted(ms for state, ms in timed if state == "read")
    steps = sorted({step_of(ms) for _, ms in timed})
    curve: dict[int, Fraction] = {}
    not_yet = Fraction(1)
    for step in steps:
        at_risk = sum(step_of(ms) >= step for _, ms in timed)
        not_yet *= 1 - Fraction(sum(step_of(ms) == step for ms in read), at_risk)
        curve[step] = not_yet
    states = [state for state, _ in observations]
    return {
        "messages": len(states),
        "messages_known": states.count("read") + states.count("not_seen"),
        "share_known": pytest.approx(1 - states.count("unknown") / len(states)),
        "seen_p50_s": seen_within(Fraction(1, 2), curve, read),
        "seen_p90_s": seen_within(Fraction(9, 10), curve, read),
        "seen_p95_s": seen_within(Fraction(19, 20), curve, read),
        "seen_within_30s": share_by(0, curve),
        "seen_within_60s": share_by(70, curve),
        "messages_read": len(read),
        "reported_p50_s": nearest_rank(Fraction(1, 2), read),
        "reported_p90_s": nearest_rank(Fraction(9, 10), read),
    }


def seen_within(share: Fraction, curve: dict[int, Fraction], read: list[int]) -> float | None:
    """The last reading of the first step by which such a share is seen."""
    # As nine places show it.
    reached = [
        step for step, not_yet in curve.items() if not_yet <= 1 - share + Fraction(1, 2 * 10**9)
    ]
    return max(ms for ms in read if step_of(ms) == reached[0]) / 1e3 if reached else None


def share_by(edge: int, curve: dict[int, Fraction]) -> Any:
    """The share that is seen by the end of a step, if anybody knows."""
    if not any(step >= edge or not_yet == 0 for step, not_yet in curve.items()):
        return None
    by_then = [not_yet for step, not_yet in curve.items() if step <= edge]
    return pytest.approx(float(1 - min(by_then, default=1)), abs=1e-8)


def nearest_rank(share: Fraction, read: list[int]) -> float | None:
    return read[ceil(share * len(read)) - 1] / 1e3 if read else None


# --- the SQL


def rows_of(observations: Sequence[Observation]) -> list[Row]:
    rows = []
    for number, (state, ms) in enumerate(observations):
        sent = at("10:00:00")
        known = state == "read" and ms is not None
        rows.append(
            reading(
                "c",
                f"m{number}",
                sent,
                state,
                of=OF_CUSTOMER,
                to=TO_AGENT,
                read_at=sent + timedelta(milliseconds=ms or 0) if known else None,
                not_seen_for_ms=ms if state == "not_seen" else None,
            )
        )
    return rows


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return made_lake({})


def answer(lake: duckdb.DuckDBPyConnection, observations: Sequence[Observation]) -> Row:
    refill(lake, {"read_latency": rows_of(observations)})
    [row] = ask(lake, BY_ROLE, ALWAYS.parameters)
    return {name: value for name, value in row.items() if not name.endswith("_role")}


few = st.integers(-2_000, 100_000) | st.sampled_from([0, 1, 7_500, 15_000, 30_000, 30_001, 60_000])
observations = st.lists(
    st.tuples(st.just("read"), few)
    | st.tuples(st.just("not_seen"), few.filter(lambda ms: ms > 0))
    | st.tuples(st.sampled_from(["read", "read_implied", "replied", "unknown"]), st.none()),
    min_size=1,
    max_size=60,
)


@given(observed=observations)
@example(observed=[("read", 5_000), ("not_seen", 5_000)])
@example(observed=[("read", 5_000), ("read", 5_000)])
@example(observed=[("not_seen", 1)])
@example(observed=[("unknown", None)])
@example(observed=[("read", number * 1_000) for number in range(1, 41)])
def test_the_answer_is_that_of_the_definition(
    lake: duckdb.DuckDBPyConnection, observed: list[Observation]
) -> None:
    assert answer(lake, observed) == estimate(observed)


def test_what_was_not_seen_yet_counts_for_as_long_as_it_was_observed(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    """A textbook's example, by hand: of ten, seven are read, and three are lost sight of."""
    observed = [
        *(("read", second * 1_000) for second in (1, 2, 4, 8, 16, 32, 64)),
        *(("not_seen", second * 1_000) for second in (3, 6, 12)),
    ]
    found = answer(lake, observed)
    # 9/10, 8/10, then 6/7, 4/5, 2/3, 1/2 and 0 of what is left: 0.6857 after 4 s, 0.5486 after 8,
    # 0.3657 after 16.
    assert found["seen_p50_s"] == 16
    assert found["seen_within_30s"] == pytest.approx(1 - 0.8 * 6 / 7 * 4 / 5 * 2 / 3)
    assert found["seen_within_60s"] == pytest.approx(1 - 0.8 * 6 / 7 * 4 / 5 * 2 / 3 / 2)
    assert found["seen_p90_s"] == found["seen_p95_s"] == 64
    # Without the three, half are read within 8 s.
    assert found["reported_p50_s"] == 8


def test_where_too_few_were_observed_for_so_long_there_is_no_answer(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    found = answer(lake, [("read", 1_000), ("not_seen", 2_000), ("not_seen", 29_000)])
    assert (found["messages_known"], found["seen_p50_s"], found["seen_within_30s"]) == (
        3,
        None,
        None,
    )
    longer = answer(lake, [("read", 1_000), ("not_seen", 2_000), ("not_seen", 30_000)])
    assert longer["seen_within_30s"] == pytest.approx(1 / 3)
    assert longer["seen_within_60s"] is None


@given(read=st.lists(st.integers(1, 10**8), min_size=1, max_size=50))
def test_a_percentile_is_at_most_a_hundredth_too_long(
    lake: duckdb.DuckDBPyConnection, read: list[int]
) -> None:
    found = answer(lake, [("read", ms) for ms in read])
    for percent in (50, 90):
        exact, seen = found[f"reported_p{percent}_s"], found[f"seen_p{percent}_s"]
        assert exact <= seen <= 1.01 * exact


def test_no_whole_millisecond_is_where_engines_could_round_differently() -> None:
    """Six places round up half a millionth after an edge; logarithms differ by 1e-12."""
    for step in range(-1040, 1050):  # ten days, where chats last seven at the most
        for past_edge in (0, 5e-7):
            edge = 30_000 * 2 ** ((step + past_edge) / 70)
            for ms in {int(edge), int(edge) + 1} - {0}:
                assert abs(70 * log2(ms / 30_000) - step - 5e-7) > 1e-10, (step, ms)


# --- the files


@pytest.mark.parametrize("query", ESTIMATES, ids=lambda query: query.name)
def test_every_estimate_is_made_in_the_same_way(query: Query) -> None:
    [curve] = re.findall(r"round\(\s*exp\(.*?AS not_yet_seen", query.sql, re.DOTALL)
    [form] = re.findall(
        r"round\(\s*exp\(.*?AS not_yet_seen", FILES["read_latency_by_role"].sql, re.DOTALL
    )
    assert without_groups(curve) == without_groups(form)
    # Every window is of the same group.
    groups = set(re.findall(r"PARTITION BY\s+(.*?)\s+ORDER BY", query.sql, re.DOTALL))
    assert len({re.sub(r"\s+", " ", as_named(group)) for group in groups}) == 1


def without_groups(sql: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"PARTITION BY.*?ORDER BY", "GROUP", sql, flags=re.DOTALL))


def as_named(group: str) -> str:
    """The names that a question gives to what it groups by."""
    named = {
        "day_of_week(sent_at)": "day_of_week",
        "hour(sent_at)": "hour",
        "date_trunc('hour', sent_at)": "hour",
    }
    for expression, name in named.items():
        group = group.replace(expression, name)
    return group


def test_there_are_estimates_in_views_questions_and_the_report() -> None:
    names = {query.name for query in ESTIMATES}
    assert {"read_latency_hourly", "read_latency_by_role", "estimates", "seen"} <= names
