"""The curve of textbooks, worked out by hand, and the questions' SQL beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.kaplan_meier import Curve, kaplan_meier, nearest_rank
from chatlake.analytics.sql_files import ALWAYS, load_named, to_duckdb
from tests.made_lake import Row, ask, made_lake, refill

DAY = date(2026, 11, 2)


def test_the_remissions_of_leukemia_have_the_curve_of_the_textbooks() -> None:
    """Freireich and others, 1963: weeks in remission under 6-MP."""
    relapsed = (6, 6, 6, 7, 10, 13, 16, 22, 23)
    lost = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
    curve = kaplan_meier(relapsed, lost)
    assert [(week, round(share, 3)) for week, share in curve.steps] == [
        (6, 0.857),
        (7, 0.807),
        (10, 0.753),
        (13, 0.690),
        (16, 0.627),
        (22, 0.538),
        (23, 0.448),
    ]
    assert (curve.percentile(0.5), curve.percentile(0.6)) == (23, None)
    assert (curve.waiting_after(5), round(curve.waiting_after(12), 3)) == (1, 0.753)


def test_who_is_lost_at_the_time_of_an_event_was_at_risk_of_it() -> None:
    # Four wait; at 2 one is seen and one lost; of the two others one is seen at 4, one at 5.
    assert kaplan_meier([2, 4, 5], [2]).steps == ((2, 0.75), (4, 0.375), (5, 0.0))


def test_without_anybody_lost_the_curve_is_the_share_that_still_waits() -> None:
    curve = kaplan_meier([5, 1, 3, 3], [])
    assert curve.steps == ((1, 0.75), (3, 0.25), (5, 0.0))
    assert curve.percentile(0.5) == nearest_rank([5, 1, 3, 3], 0.5) == 3


def test_nobody_has_no_curve() -> None:
    assert kaplan_meier([], []) == kaplan_meier([], [3, 4]) == Curve(())
    assert kaplan_meier([], [3, 4]).percentile(0.5) is None
    assert nearest_rank([], 0.5) is None


@given(st.lists(st.integers(-5, 40), min_size=1, max_size=30), st.sampled_from((0.1, 0.5, 0.9, 1)))
def test_without_anybody_lost_percentiles_are_those_by_nearest_rank(
    times: list[int], share: float
) -> None:
    assert kaplan_meier(times, []).percentile(share) == nearest_rank(times, share)


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    with made_lake({}) as connection:
        yield connection


def reading(number: int, state: str, seen_ms: int | None, unseen_ms: int | None) -> Row:
    return {
        "initial_contact_id": "c1",
        "chat_day": DAY,
        "contact_id": "c1",
        "message_id": f"m{number}",
        "sender_role": "CUSTOMER",
        "recipient_role": "AGENT",
        "read_state": state,
        "read_latency_ms": seen_ms,
        "not_seen_for_ms": unseen_ms,
    }


def asked(
    lake: duckdb.DuckDBPyConnection, seen: Sequence[int], unseen: Sequence[int], others: int
) -> Row:
    """What the question of how soon messages are seen says, of one sender and recipient."""
    states = [
        *(("read", ms, None) for ms in seen),
        *(("not_seen", None, ms) for ms in unseen),
        *((("read_implied", "replied", "unknown")[n % 3], None, None) for n in range(others)),
    ]
    rows = [reading(number, *state) for number, state in enumerate(states)]
    refill(lake, {"read_latency": rows})
    [query] = [query for query in load_named() if query.name == "read_latency_by_role"]
    [row] = ask(lake, to_duckdb(query.sql), ALWAYS.parameters)
    return row


# Steps of 3 %, so that no two times are in one bucket of 1 %.
apart = st.integers(0, 500).map(lambda step: int(1.03**step * 200))


def assert_the_same(row: Row, curve: Curve, seen: Sequence[int]) -> None:
    for name, share in (("seen_p50_s", 0.5), ("seen_p90_s", 0.9), ("seen_p95_s", 0.95)):
        expected = curve.percentile(share)
        assert row[name] == (None if expected is None else expected / 1e3), name
    for name, ms in (("seen_within_30s", 30_000), ("seen_within_60s", 60_000)):
        if row[name] is not None:
            assert row[name] == pytest.approx(1 - curve.waiting_after(ms), abs=1e-9), name
    for name, share in (("reported_p50_s", 0.5), ("reported_p90_s", 0.9)):
        expected = nearest_rank(seen, share)
        assert row[name] == (None if expected is None else expected / 1e3), name


@given(st.lists(apart, max_size=25), st.lists(apart, max_size=15), st.integers(0, 4))
def test_the_question_gives_the_curve_of_the_textbooks(
    lake: duckdb.DuckDBPyConnection, seen: list[int], unseen: list[int], others: int
) -> None:
    if not seen and not unseen and not others:
        return
    row = asked(lake, seen, unseen, others)
    assert_the_same(row, kaplan_meier(seen, unseen), seen)
    assert row["messages"] == len(seen) + len(unseen) + others
    assert row["messages_known"] == len(seen) + len(unseen)
