"""What is told of readings is true, however seldom chats are read whose tokens die with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import pytest

from bench.truth import Row, answer, not_seen, rows_of
from chatlake.analytics.sql_files import ALWAYS, load_named, to_duckdb
from local.chats import Chat, scripts
from local.observed import Key, TrueReading, document_of, true_readings
from tests.made_lake import ask, made_lake

START = datetime(2026, 11, 2, tzinfo=UTC)
ENOUGH = 3_000
FEW = 150

pytestmark = pytest.mark.timeout(1_800)
long = pytest.mark.world
intervals = pytest.mark.parametrize("every_s", [10, 60, 120])
ways = pytest.mark.parametrize("way", [("CUSTOMER", "AGENT"), ("AGENT", "CUSTOMER")])


@cache
def scripted(count: int) -> tuple[Chat, ...]:
    return tuple(scripts(seed=3, count=count, start=START, days=30))


@cache
def told(count: int, every_s: int | None) -> list[Row]:
    """What the table tells of so many chats that were read so often; None is completely."""
    return rows_of(scripted(count), every_s)


def truth(count: int) -> dict[Key, TrueReading]:
    return dict(reading for chat in scripted(count) for reading in true_readings(chat))


def test_a_complete_observation_finds_all_that_was_ever_reported() -> None:
    read = {
        (row["initial_contact_id"], row["message_id"], row["recipient_participant_id"])
        for row in told(FEW, None)
        if row["read_state"] == "read"
    }
    reported = {key for key, one in truth(FEW).items() if one.reported_ms is not None}
    assert read == reported


def test_what_was_read_in_truth_was_read_before_it_was_reported() -> None:
    readings = [one for one in truth(FEW).values() if one.reported_ms is not None]
    assert readings
    late_ms = [one.reported_ms - one.read_ms for one in readings if one.read_ms and one.reported_ms]
    assert len(late_ms) == len(readings)
    assert 0 <= min(late_ms) <= max(late_ms) <= 5_000


def test_a_token_that_dies_loses_what_is_reported_after_the_last_read() -> None:
    [chat] = [chat for chat in scripted(FEW) if chat.index == 4]
    often, seldom = document_of(chat, 5), document_of(chat, 120)
    assert often.participant is not None
    assert seldom.participant is not None
    assert chat.ended_ms - 120_000 <= seldom.participant["read_at"] < chat.ended_ms
    assert often.participant["read_at"] >= chat.ended_ms - 5_000
    receipts = [
        sum(len(item.get("receipts", {})) for item in document.items.values())
        for document in (often, seldom)
    ]
    assert receipts[0] >= receipts[1]


@pytest.mark.parametrize("count", [FEW, pytest.param(ENOUGH, marks=long)])
@intervals
def test_nothing_is_told_as_not_seen_for_longer_than_it_was_unreported(
    count: int, every_s: int
) -> None:
    found = not_seen(told(count, every_s), truth(count), least_ms=0)
    assert found.messages > 0
    assert found.too_long == 0


@pytest.mark.parametrize("every_s", [10, 60])
def test_few_messages_that_are_not_seen_for_a_while_had_been_read_long_before(every_s: int) -> None:
    found = not_seen(told(FEW, every_s), truth(FEW))
    assert 0 < found.read_before < found.read < found.messages


@long
@intervals
@ways
def test_estimates_are_those_of_a_complete_observation(way: tuple[str, str], every_s: int) -> None:
    """Of messages whose recipient was there when they were sent.

    Those of before that are read when somebody comes, early in a chat, and hardly one is missed:
    with them, seldom reads make the waiting in the queue weigh more (docs/sql-guide.md).
    """
    complete, estimated = answer(told(ENOUGH, None), way), answer(told(ENOUGH, every_s), way)
    assert estimated.p50_ms == pytest.approx(complete.p50_ms, rel=0.05)
    assert estimated.p90_ms == pytest.approx(complete.p90_ms, rel=0.05)
    assert estimated.within_30s == pytest.approx(complete.within_30s, abs=0.01)


@long
@intervals
def test_the_question_tells_the_same_estimates(every_s: int) -> None:
    """The SQL leaves out itself whose recipient was not there."""
    rows = told(ENOUGH, every_s)
    found = dict(by_way(rows))
    assert len(found) == 2
    for way, row in found.items():
        expected = answer(rows, way)
        assert expected.p50_ms is not None
        assert expected.p90_ms is not None
        assert row["messages"] == expected.messages
        assert row["messages_known"] == expected.known
        assert row["share_known"] == pytest.approx(expected.share_known)
        assert row["seen_p50_s"] == pytest.approx(expected.p50_ms / 1e3, rel=0.01)
        assert row["seen_p90_s"] == pytest.approx(expected.p90_ms / 1e3, rel=0.01)
        assert row["seen_within_30s"] == pytest.approx(expected.within_30s, abs=0.001)


def by_way(rows: list[Row]) -> Iterator[tuple[tuple[str, str], Row]]:
    """What the question says of these rows, customers and agents alone."""
    [query] = [query for query in load_named() if query.name == "read_latency_by_role"]
    with made_lake({"read_latency": rows}) as lake:
        for row in ask(lake, to_duckdb(query.sql), ALWAYS.parameters):
            way = row["sender_role"], row["recipient_role"]
            if set(way) == {"CUSTOMER", "AGENT"}:
                yield way, row
