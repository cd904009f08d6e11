"""The views, on a small lake made by hand, with answers worked out by hand."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import parse

from chatlake.analytics.sql_files import Query, load_named, load_report, load_views
from tests.hand_lake import (
    EXPORTED,
    LATE,
    MONDAY,
    ROWS,
    SHARED,
    TOLD,
    TRANSFERRED,
    TUESDAY,
    at,
)
from tests.made_lake import ask, made_lake


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return made_lake(ROWS)


@pytest.mark.parametrize(
    "query", [*load_views(), *load_named(), *load_report().values()], ids=lambda query: query.name
)
def test_every_file_is_one_statement_of_athena(query: Query) -> None:
    [statement] = parse(query.sql, read="athena")
    assert statement is not None
    assert statement.sql(dialect="athena").startswith(("SELECT", "WITH"))


def test_each_reading_has_a_place_on_the_axis_of_time(lake: duckdb.DuckDBPyConnection) -> None:
    found = ask(
        lake,
        "SELECT initial_contact_id, message_id, read_state, step FROM observed_readings "
        "WHERE step IS NOT NULL ORDER BY sent_at",
    )
    # 70 times the power of two that a time is of half a minute, rounded up.
    assert [tuple(row.values()) for row in found] == [
        (TRANSFERRED, "b1", "read", -203),  # 4 s
        (TRANSFERRED, "s1", "read", -232),  # 3 s
        (TRANSFERRED, "m3", "read", -51),  # 18 s
        (TRANSFERRED, "a2", "read", -180),  # 5 s
        (TRANSFERRED, "a3", "not_seen", 30),  # 40 s
        (LATE, "m2", "read", -110),  # 10 s
        (LATE, "m3", "not_seen", -133),  # 8 s
    ]


def test_hours_have_counts_shares_and_percentiles(lake: duckdb.DuckDBPyConnection) -> None:
    found = ask(
        lake,
        "SELECT chat_day, hour, sender_role, recipient_role, queue_arn, messages, "
        "messages_read_implied, messages_replied, messages_not_seen, messages_unknown, "
        "messages_known, messages_read, share_known, seen_p50_s, seen_p90_s, seen_within_30s, "
        "seen_within_60s, reported_p50_s, reported_p90_s FROM read_latency_hourly "
        "ORDER BY hour, sender_role, queue_arn",
    )
    ten, eleven = at("10:00:00"), at("11:00:00")
    to_customer, to_agent = ("AGENT", "CUSTOMER"), ("CUSTOMER", "AGENT")
    nothing = (None, None, None, None, None, None)
    # Not m1 of the transferred chat, which waited for the agent.
    assert [tuple(row.values()) for row in found] == [
        # One is seen after 5 s, one is not seen for 40 s: whether it was within 60 nobody knows.
        (MONDAY, ten, *to_customer, "queue-1", 3, 1, 0, 1, 0, 2, 1, 1, 5, None, 0.5, None, 5, 5),
        (MONDAY, ten, *to_agent, "queue-1", 3, 1, 1, 0, 0, 1, 1, 1, 18, 18, 1, 1, 18, 18),
        (MONDAY, ten, "CUSTOM_BOT", "CUSTOMER", None, 1, 0, 0, 0, 0, 1, 1, 1, 4, 4, 1, 1, 4, 4),
        (MONDAY, ten, "SYSTEM", "CUSTOMER", None, 1, 0, 0, 0, 0, 1, 1, 1, 3, 3, 1, 1, 3, 3),
        (MONDAY, eleven, *to_customer, None, 1, 0, 0, 0, 1, 0, 0, 0, *nothing),
        (MONDAY, eleven, *to_agent, None, 1, 0, 1, 0, 0, 0, 0, 1, *nothing),
        (MONDAY, at("23:00:00"), *to_agent, None, 1, 1, 0, 0, 0, 0, 0, 1, *nothing),
        # After midnight, of a chat that began before it. What was not seen for 8 s stands behind
        # the estimate as long as that: the one that is left was seen after 10.
        (
            *(MONDAY, at("00:00:00", TUESDAY), *to_agent, None),
            *(2, 0, 0, 1, 0, 2, 1, 1, 10, 10, 1, 1, 10, 10),
        ),
        (
            *(TUESDAY, at("09:00:00", TUESDAY), *to_agent, None),
            *(2, 0, 0, 0, 2, 0, 0, 0, *nothing),
        ),
    ]


def test_answers_are_counted_from_the_first_message_that_waits(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    found = ask(
        lake,
        "SELECT initial_contact_id, asked_role, asked_message_id, answered_role, "
        "answered_message_id, is_first, response_ms, since_joined_ms, seen_after_ms, queue_arn "
        "FROM responses ORDER BY answered_at",
    )
    assert [tuple(row.values()) for row in found] == [
        # The agent came 50 s after m1, and read a later one 30 s after that.
        (TRANSFERRED, "CUSTOMER", "m1", "AGENT", "a1", True, 90_000, 40_000, 80_000, "queue-1"),
        (TRANSFERRED, "AGENT", "a1", "CUSTOMER", "m4", True, 80_000, 80_000, 10_000, "queue-1"),
        # That it was answered says that it was read, but not when.
        (TRANSFERRED, "CUSTOMER", "m4", "AGENT", "a3", False, 180_000, 180_000, None, "queue-1"),
        (EXPORTED, "CUSTOMER", "m1", "AGENT", "a1", True, 20_000, 20_000, None, None),
    ]


def test_a_conversation_is_summed_up_in_a_row(lake: duckdb.DuckDBPyConnection) -> None:
    rows = {
        row["initial_contact_id"]: row
        for row in ask(lake, "SELECT * FROM conversations ORDER BY initial_contact_id")
    }
    assert rows.keys() == {TRANSFERRED, EXPORTED, TOLD, LATE, SHARED}
    assert rows[TRANSFERRED] == {
        "chat_day": MONDAY,
        "initial_contact_id": TRANSFERRED,
        "started_at": at("09:59:50"),
        "ended_at": at("10:10:00"),
        "duration_ms": 610_000,
        "contacts_duration_ms": 610_000,
        "transcript_duration_ms": 400_000,
        "last_queue_arn": "queue-1",
        "last_agent_arn": "agent-1",
        "legs": 2,
        "transfers": 1,
        "participants": 4,
        "customer_messages": 4,
        "agent_messages": 3,
        "bot_messages": 1,
        "supervisor_messages": 0,
        "system_messages": 1,
        "wait_for_agent_ms": 50_000,
        "first_response_ms": 90_000,
        "first_response_since_joined_ms": 40_000,
        "first_response_queue_arn": "queue-1",
        "customer_reported_p50_ms": 4_000,
        "agent_reported_p50_ms": 18_000,
        "known_to_customer": 5,
        "known_to_agent": 4,
        "not_seen_by_customer": 1,
        "not_seen_by_agent": 0,
        "connect_first_response_ms": 41_000,
        "connect_messages": 9,
        "connect_customer_messages": 4,
        "connect_agent_messages": 3,
        "connect_bot_messages": 2,
        "sources": "event,participant",
        "receipts_available": True,
        "complete": True,
    }
    # Without a transcript there are no messages, without events no times but those of messages.
    assert rows[TOLD]["customer_messages"] == rows[TOLD]["participants"] == 0
    assert rows[TOLD]["duration_ms"] == rows[TOLD]["contacts_duration_ms"] == 600_000
    assert rows[LATE]["started_at"] == at("23:59:00")
    assert rows[LATE]["ended_at"] == at("00:00:20", TUESDAY)
    # Not seen for 8 s says little; of four in a chat nothing is known.
    assert (rows[LATE]["known_to_agent"], rows[LATE]["not_seen_by_agent"]) == (3, 0)
    assert (rows[SHARED]["known_to_agent"], rows[SHARED]["wait_for_agent_ms"]) == (0, 0)
    assert (rows[EXPORTED]["transfers"], rows[EXPORTED]["connect_messages"]) == (0, None)
    # Nobody answered.
    assert rows[LATE]["first_response_ms"] is None


def test_coverage_tells_what_each_day_was_read_from(lake: duckdb.DuckDBPyConnection) -> None:
    monday, tuesday = ask(lake, "SELECT * FROM archive_coverage ORDER BY chat_day")
    assert monday == {
        "chat_day": MONDAY,
        "contacts": 5,
        "chats": 4,
        "complete": 3,
        "complete_with_receipts": 2,
        "with_receipts": 3,
        "from_participant": 3,
        "from_export": 1,
        "events_alone": 1,
        "share_complete": 0.6,
        # 15, 6 and 20 minutes after the ends.
        "published_p50_min": 15.0,
        "published_p95_min": 20.0,
    }
    assert (tuesday["chats"], tuesday["share_complete"]) == (1, 1.0)
    assert tuesday["published_p50_min"] is None
