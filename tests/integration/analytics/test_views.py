"""The views, on a small lake made by hand, with answers worked out by hand."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import parse

from chatlake.analytics.sql_files import Query, load_named, load_views
from tests.hand_lake import (
    CONTACTS,
    EXPORTED,
    LATE,
    MESSAGES,
    MONDAY,
    RECEIPTS,
    SHARED,
    TOLD,
    TRANSFERRED,
    TUESDAY,
    naive,
)
from tests.made_lake import ask, made_lake


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return made_lake({"messages": MESSAGES, "receipts": RECEIPTS, "contacts": CONTACTS})


@pytest.mark.parametrize("query", [*load_views(), *load_named()], ids=lambda query: query.name)
def test_every_file_is_one_statement_of_athena(query: Query) -> None:
    [statement] = parse(query.sql, read="athena")
    assert statement is not None
    assert statement.sql(dialect="athena").startswith(("SELECT", "WITH"))


def test_who_was_to_read_what_and_when_they_did(lake: duckdb.DuckDBPyConnection) -> None:
    found = ask(
        lake,
        "SELECT initial_contact_id, message_id, recipient_participant_id, recipients, "
        "read_latency_ms, read_by_latency_ms, read_state FROM read_latency "
        "ORDER BY sent_at, message_id, recipient_participant_id",
    )
    assert [tuple(row.values()) for row in found] == [
        (TRANSFERRED, "b1", "cu", 1, 4_000, 4_000, "read"),
        (TRANSFERRED, "s1", "cu", 1, 3_000, 3_000, "read"),
        # m1 was for nobody: the agent came later, and a bot is not one who reads.
        (TRANSFERRED, "m2", "ag", 1, None, 20_000, "read_implied"),
        (TRANSFERRED, "m3", "ag", 1, 18_000, 18_000, "read"),
        (TRANSFERRED, "a1", "cu", 1, None, 10_000, "read_implied"),
        (TRANSFERRED, "a2", "cu", 1, 5_000, 5_000, "read"),
        (TRANSFERRED, "m4", "ag", 1, None, None, "unread"),
        # a3 was sent when the customer had left.
        (EXPORTED, "m1", "ag", 1, None, None, "unknown"),
        (EXPORTED, "a1", "cu", 1, None, None, "unknown"),
        (LATE, "m1", "ag", 1, None, 15_000, "read_implied"),
        (LATE, "m2", "ag", 1, 10_000, 10_000, "read"),
        (SHARED, "m1", "ag", 2, None, None, "unread"),
        (SHARED, "m1", "ag2", 2, None, None, "unread"),
    ]


def test_a_row_of_read_latency_has_it_all(lake: duckdb.DuckDBPyConnection) -> None:
    [row] = ask(
        lake, "SELECT * FROM read_latency WHERE queue_arn = 'queue-1' AND message_id = 'a1'"
    )
    assert row == {
        "chat_day": MONDAY,
        "initial_contact_id": TRANSFERRED,
        "contact_id": "leg-2",
        "message_id": "a1",
        "queue_arn": "queue-1",
        "agent_arn": "agent-1",
        "sender_participant_id": "ag",
        "sender_role": "AGENT",
        "recipient_participant_id": "cu",
        "recipient_role": "CUSTOMER",
        "recipients": 1,
        "message_length": 10,
        "sent_at": naive("10:01:40"),
        "delivered_at": naive("10:01:41"),
        "read_at": None,
        "read_by_at": naive("10:01:50"),
        "delivery_latency_ms": 1_000,
        "read_latency_ms": None,
        "read_by_latency_ms": 10_000,
        "read_state": "read_implied",
    }


def test_hours_have_percentiles_and_shares(lake: duckdb.DuckDBPyConnection) -> None:
    found = ask(
        lake,
        "SELECT chat_day, hour, sender_role, recipient_role, queue_arn, messages, messages_read, "
        "messages_read_implied, messages_unread, messages_unknown, share_unread, read_p50_ms, "
        "read_p99_ms FROM read_latency_hourly ORDER BY hour, sender_role",
    )
    ten, eleven = naive("10:00:00"), naive("11:00:00")
    assert [tuple(row.values()) for row in found] == [
        (MONDAY, ten, "AGENT", "CUSTOMER", "queue-1", 2, 1, 1, 0, 0, 0.0, 5_000, 5_000),
        (MONDAY, ten, "CUSTOMER", "AGENT", "queue-1", 3, 1, 1, 1, 0, 1 / 3, 18_000, 18_000),
        (MONDAY, ten, "CUSTOM_BOT", "CUSTOMER", None, 1, 1, 0, 0, 0, 0.0, 4_000, 4_000),
        (MONDAY, ten, "SYSTEM", "CUSTOMER", None, 1, 1, 0, 0, 0, 0.0, 3_000, 3_000),
        (MONDAY, eleven, "AGENT", "CUSTOMER", None, 1, 0, 0, 0, 1, None, None, None),
        (MONDAY, eleven, "CUSTOMER", "AGENT", None, 1, 0, 0, 0, 1, None, None, None),
        (MONDAY, naive("23:00:00"), "CUSTOMER", "AGENT", None, 1, 0, 1, 0, 0, 0.0, None, None),
        # After midnight, of a chat that began before it.
        (
            MONDAY,
            naive("00:00:00", TUESDAY),
            "CUSTOMER",
            "AGENT",
            None,
            1,
            1,
            0,
            0,
            0,
            0.0,
            10_000,
            10_000,
        ),
        (
            TUESDAY,
            naive("09:00:00", TUESDAY),
            "CUSTOMER",
            "AGENT",
            None,
            2,
            0,
            0,
            2,
            0,
            1.0,
            None,
            None,
        ),
    ]


def test_answers_are_counted_from_the_first_message_that_waits(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    found = ask(
        lake,
        "SELECT initial_contact_id, asked_role, asked_message_id, answered_role, "
        "answered_message_id, is_first, response_ms, unread_ms, queue_arn FROM responses "
        "ORDER BY answered_at",
    )
    assert [tuple(row.values()) for row in found] == [
        # The agent was not there when m1 was sent: nothing is known of its reading.
        (TRANSFERRED, "CUSTOMER", "m1", "AGENT", "a1", True, 90_000, None, "queue-1"),
        (TRANSFERRED, "AGENT", "a1", "CUSTOMER", "m4", True, 80_000, 10_000, "queue-1"),
        (TRANSFERRED, "CUSTOMER", "m4", "AGENT", "a3", False, 180_000, None, "queue-1"),
        (EXPORTED, "CUSTOMER", "m1", "AGENT", "a1", True, 20_000, None, None),
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
        "started_at": naive("09:59:50"),
        "ended_at": naive("10:10:00"),
        "duration_ms": 610_000,
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
        "first_response_ms": 90_000,
        "customer_read_p50_ms": 4_000,
        "agent_read_p50_ms": 18_000,
        "unread_by_customer": 0,
        "unread_by_agent": 1,
        "sources": "event,participant",
        "receipts_available": True,
        "complete": True,
    }
    # Without a transcript there are no messages, without events no times but those of messages.
    assert rows[TOLD]["customer_messages"] == 0
    assert rows[TOLD]["duration_ms"] == 600_000
    assert rows[LATE]["started_at"] == naive("23:59:00")
    assert rows[LATE]["ended_at"] == naive("00:00:03", TUESDAY)
    assert rows[SHARED]["unread_by_agent"] == 2
    assert (rows[EXPORTED]["transfers"], rows[EXPORTED]["unread_by_agent"]) == (0, 0)


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
        "published_p95_min": pytest.approx(20, abs=1),
    }
    assert (tuesday["chats"], tuesday["share_complete"]) == (1, 1.0)
    assert tuesday["published_p50_min"] is None
