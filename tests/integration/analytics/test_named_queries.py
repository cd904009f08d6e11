"""What every named query says of a few chats, worked out by hand.

Percentiles are approximate: engines differ in what they give between two values. Where a group has
an even number of values, or the percentile is none of them, either neighbour will do.
"""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
from sqlglot import expressions, parse_one

from chatlake.analytics.sql_files import Query, load_named, load_views, to_duckdb
from tests import hand_lake
from tests.hand_lake import (
    EXPORTED,
    LATE,
    MONDAY,
    SHARED,
    TO_AGENT,
    TO_CUSTOMER,
    TOLD,
    TRANSFERRED,
    TUESDAY,
    at,
    item,
    moved,
    naive,
    receipt,
)
from tests.made_lake import Row, ask, made_lake

QUERIES = {query.name: query for query in load_named()}
ANSWERED = "answered"
ON_TUESDAY = {"chat_day": TUESDAY}
MONDAYS_CHATS, TUESDAYS_CHATS = {TRANSFERRED, EXPORTED, TOLD, LATE}, {SHARED, ANSWERED}

# A chat in which every message has a receipt, most are read, and texts are as long as can be for
# the one class of lengths or as short as can be for the next.
MESSAGES = [
    *hand_lake.MESSAGES,
    moved(ANSWERED, "joined", at("08:00:00", TUESDAY), "CUSTOMER", "cu", **ON_TUESDAY),
    moved(ANSWERED, "joined", at("08:00:30", TUESDAY), "AGENT", "ag", **ON_TUESDAY),
    *(
        item(
            ANSWERED,
            item_id,
            at(clock, TUESDAY),
            role,
            participant,
            content="x" * length,
            receipt_count=1,
            **ON_TUESDAY,
        )
        for item_id, clock, role, participant, length in (
            ("m1", "08:01:00", "CUSTOMER", "cu", 10),
            ("a1", "08:02:00", "AGENT", "ag", 500),
            ("m2", "08:03:00", "CUSTOMER", "cu", 49),
            ("a2", "08:03:30", "AGENT", "ag", 10),
            ("m3", "08:09:00", "CUSTOMER", "cu", 50),
            ("a3", "08:09:10", "AGENT", "ag", 10),
        )
    ),
]
RECEIPTS = [
    *hand_lake.RECEIPTS,
    *(
        receipt(
            ANSWERED,
            message_id,
            at(sent, TUESDAY),
            delivered_at=None if delivered is None else at(delivered, TUESDAY),
            read_at=None if read is None else at(read, TUESDAY),
            to=to | ON_TUESDAY,
        )
        for message_id, sent, delivered, read, to in (
            ("m1", "08:01:00", "08:01:00.25", "08:01:20", TO_AGENT),
            # Delivered before it was sent, by the clock of the customer.
            ("a1", "08:02:00", "08:01:59.9", "08:02:07", TO_CUSTOMER),
            # Read only after it was answered.
            ("m2", "08:03:00", None, "08:03:40", TO_AGENT),
            ("a2", "08:03:30", None, "08:03:39", TO_CUSTOMER),
            ("m3", "08:09:00", "08:09:00.5", "08:09:30", TO_AGENT),
            ("a3", "08:09:10", "08:09:12", None, TO_CUSTOMER),
        )
    ),
]
CONTACTS: list[Row] = [
    *hand_lake.CONTACTS,
    {
        "initial_contact_id": ANSWERED,
        "chat_day": TUESDAY,
        "contact_id": ANSWERED,
        "initiation_method": "API",
        "initiated_at": at("08:00:00", TUESDAY),
        "disconnected_at": at("08:10:00", TUESDAY),
        "queue_arn": "queue-1",
        "agent_arn": "agent-1",
        "sources": "event,participant",
        "receipts_available": True,
        "complete": True,
        "published_at": at("08:13:00", TUESDAY),
    },
]
ROWS = {"messages": MESSAGES, "receipts": RECEIPTS, "contacts": CONTACTS}
WHOLE = (MONDAY.isoformat(), TUESDAY.isoformat())


def between(low: float, high: float) -> Any:
    return pytest.approx((low + high) / 2, abs=(high - low) / 2 + 1e-9)


# Readings, in seconds; "implied" if a later one was read, "?" if nobody knows.
#
#   Monday     customer to agent   m2 implied  m3 18  m4 unread (transferred)
#                                  m1 ? (exported)  m1 implied  m2 10 (late)
#              agent to customer   a1 implied  a2 5 (transferred)  a1 ? (exported)
#              bot, system         b1 4, s1 3 (transferred)
#   Tuesday    customer to agent   m1 unread, by two (shared)  m1 20  m2 40  m3 30 (answered)
#              agent to customer   a1 7  a2 9  a3 unread (answered)
#
# Answers, in seconds, and how many of them the message lay unread:
#
#   of agents     transferred 90 (m1: ?), 180 (m4: unread); exported 20 (?);
#                 answered 60 (20), 30 (30, as it was read later), 10 (10, likewise)
#   of customers  transferred 80 (10); answered 60 (7), 330 (9)
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "agents_whose_customers_wait": [
        # 10, 30, 60, 90, 180; unread 10, 20, 30.
        ("agent-1", 5, 3, 60, between(90, 180), 20, between(20, 30)),
        (None, 1, 0, 20, 20, None, None),
    ],
    "bot_against_agent": [
        # 5, 7, 9; of six messages one is unread, and of one nobody knows.
        ("AGENT", 6, 3, 7, between(7, 9), 1 / 5),
        ("CUSTOM_BOT", 1, 1, 4, 4, 0),
        ("SYSTEM", 1, 1, 3, 3, 0),
    ],
    "coverage_by_day": [
        # 6, 15 and 20 minutes after the ends.
        (MONDAY, 5, 4, 3, 2, 3, 3, 1, 1, 3 / 5, 15, between(15, 20)),
        (TUESDAY, 2, 2, 2, 2, 2, 2, 0, 0, 1, 3, 3),
    ],
    "delivered_never_read": [
        (MONDAY, "AGENT", "CUSTOMER", 2, 0, 0),  # a1: a later one was read.
        (MONDAY, "CUSTOMER", "AGENT", 3, 1, 1 / 3),  # Of m4 alone the delivery is known.
        (MONDAY, "CUSTOM_BOT", "CUSTOMER", 1, 0, 0),
        (MONDAY, "SYSTEM", "CUSTOMER", 1, 0, 0),
        (TUESDAY, "AGENT", "CUSTOMER", 3, 1, 1 / 3),
        (TUESDAY, "CUSTOMER", "AGENT", 3, 0, 0),
    ],
    "delivery_latency_by_role": [
        ("AGENT", "CUSTOMER", 3, 1, 1, between(1, 2), between(1, 2)),  # -0.1, 1, 2
        ("CUSTOMER", "AGENT", 3, 0, 0.5, between(0.5, 1), between(0.5, 1)),  # 0.25, 0.5, 1
        ("CUSTOM_BOT", "CUSTOMER", 1, 0, 1, 1, 1),
        ("SYSTEM", "CUSTOMER", 0, 0, None, None, None),
    ],
    "effect_of_transfers": [
        # First answers: exported 20, answered 60. Chats: 10, 30, 63, 600, 600 s. Of the three with
        # receipts the customer of one left a message unread, and the agents of another.
        (0, 5, between(20, 60), 1.05, 1 / 3, 1 / 3),
        (1, 1, 90, 610 / 60, 0, 1),
    ],
    "first_response_by_queue": [
        ("queue-1", 2, 2, between(60, 90), between(60, 90)),
        # Nobody said anything in the chat that only events tell of.
        (None, 3, 1, 20, 20),
    ],
    "longest_waits": [
        (*wait[:1], naive(wait[1], wait[2]), naive(wait[3], wait[2]), *wait[4:])
        for wait in (
            (TRANSFERRED, "10:03:00", MONDAY, "10:06:00", 180, None, "queue-1", "agent-1", False),
            (TRANSFERRED, "10:00:10", MONDAY, "10:01:40", 90, None, "queue-1", "agent-1", True),
            (ANSWERED, "08:01:00", TUESDAY, "08:02:00", 60, 20, "queue-1", "agent-1", True),
            (ANSWERED, "08:03:00", TUESDAY, "08:03:30", 30, 30, "queue-1", "agent-1", False),
            (EXPORTED, "11:00:10", MONDAY, "11:00:30", 20, None, None, None, True),
            (ANSWERED, "08:09:00", TUESDAY, "08:09:10", 10, 10, "queue-1", "agent-1", False),
        )
    ],
    "message_length_effect": [
        # Implied, unknown, 9 and unread.
        ("AGENT", "CUSTOMER", "1: below 50", 4, 9, 9, 1 / 3),
        ("AGENT", "CUSTOMER", "3: 150 to 499", 1, 5, 5, 0),
        ("AGENT", "CUSTOMER", "4: 500 and more", 1, 7, 7, 0),
        # All but m3 of Tuesday: 10, 18, 20, 40; of ten three are unread, of one nobody knows.
        ("CUSTOMER", "AGENT", "1: below 50", 10, between(18, 20), between(20, 40), 3 / 9),
        ("CUSTOMER", "AGENT", "2: 50 to 149", 1, 30, 30, 0),
        ("CUSTOM_BOT", "CUSTOMER", "1: below 50", 1, 4, 4, 0),
        ("SYSTEM", "CUSTOMER", "1: below 50", 1, 3, 3, 0),
    ],
    "messages_by_day": [
        # Nine of the transferred chat without that of an earlier one, two and two.
        (MONDAY, 3, 13, 0),
        (TUESDAY, 2, 7, 6),
    ],
    "read_latency_by_day": [
        (MONDAY, "AGENT", 2, between(10, 18), between(10, 18), 1 / 5),
        (MONDAY, "CUSTOMER", 3, 4, between(4, 5), 0),  # 3, 4, 5
        (TUESDAY, "AGENT", 3, 30, between(30, 40), 2 / 5),  # 20, 30, 40
        (TUESDAY, "CUSTOMER", 2, between(7, 9), between(7, 9), 1 / 3),
    ],
    "read_latency_by_hour_of_week": [
        (1, 10, 3, 18, 18),
        (1, 11, 1, None, None),
        (1, 23, 1, None, None),
        (2, 0, 1, 10, 10),  # Of a chat that began on Monday.
        (2, 8, 3, 30, between(30, 40)),  # 20, 30, 40
        (2, 9, 2, None, None),
    ],
    "read_latency_by_role": [
        # 10, 18, 20, 30, 40
        ("CUSTOMER", "AGENT", 11, 5, 20, *(between(30, 40) for _ in range(3)), 3 / 10),
        ("AGENT", "CUSTOMER", 6, 3, 7, *(between(7, 9) for _ in range(3)), 1 / 5),  # 5, 7, 9
        ("CUSTOM_BOT", "CUSTOMER", 1, 1, 4, 4, 4, 4, 0),
        ("SYSTEM", "CUSTOMER", 1, 1, 3, 3, 3, 3, 0),
    ],
    "read_states": [
        ("AGENT", "CUSTOMER", "read", 3),
        ("AGENT", "CUSTOMER", "read_implied", 1),
        ("AGENT", "CUSTOMER", "unknown", 1),
        ("AGENT", "CUSTOMER", "unread", 1),
        ("CUSTOMER", "AGENT", "read", 5),
        ("CUSTOMER", "AGENT", "read_implied", 2),
        ("CUSTOMER", "AGENT", "unknown", 1),
        ("CUSTOMER", "AGENT", "unread", 3),
        ("CUSTOM_BOT", "CUSTOMER", "read", 1),
        ("SYSTEM", "CUSTOMER", "read", 1),
    ],
    "slowest_queues": [
        # 18, 20, 30, 40; m4 of Monday is unread.
        ("queue-1", 6, between(20, 30), between(30, 40), 1 / 6),
        (None, 5, 10, 10, 2 / 4),
    ],
    "unread_at_end": [
        (SHARED, naive("09:00:10", TUESDAY), None, None, 2, 0, 1, 0),
        (TRANSFERRED, naive("10:10:00"), "queue-1", "agent-1", 1, 0, 4, 3),
        (ANSWERED, naive("08:10:00", TUESDAY), "queue-1", "agent-1", 0, 1, 3, 3),
    ],
    "waiting_unread_or_unanswered": [
        # Means of 90, 180, 20, 60, 30, 10; of 60, 30, 10; of 20, 30, 10; and of 40, 0, 0.
        ("AGENT", 6, 3, *map(pytest.approx, (65, 100 / 3, 20, 40 / 3))),
        # Means of 80, 60, 330; of 10, 7, 9; and of 70, 53, 321.
        ("CUSTOMER", 3, 3, *map(pytest.approx, (470 / 3, 470 / 3, 26 / 3, 148))),
    ],
}

queries = pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return made_lake(ROWS)


def answer(
    lake: duckdb.DuckDBPyConnection, query: Query, period: tuple[str, str]
) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in ask(lake, to_duckdb(query.sql), period)]


def lake_of(chats: set[str]) -> duckdb.DuckDBPyConnection:
    return made_lake(
        {
            table: [row for row in rows if row["initial_contact_id"] in chats]
            for table, rows in ROWS.items()
        }
    )


@queries
def test_the_answer_is_the_one_worked_out_by_hand(
    lake: duckdb.DuckDBPyConnection, query: Query
) -> None:
    assert answer(lake, query, WHOLE) == EXPECTED[query.name]


@pytest.mark.parametrize(
    ("day", "chats"), [(MONDAY, MONDAYS_CHATS), (TUESDAY, TUESDAYS_CHATS)], ids=["first", "last"]
)
def test_a_day_is_asked_about_as_if_it_were_the_only_one(
    lake: duckdb.DuckDBPyConnection, day: Any, chats: set[str]
) -> None:
    period = (day.isoformat(), day.isoformat())
    alone = lake_of(chats)
    for query in QUERIES.values():
        found = answer(lake, query, period)
        assert found == answer(alone, query, WHOLE), query.name
        assert found, query.name
        assert found != answer(lake, query, WHOLE), query.name


@queries
def test_before_the_first_chat_and_after_the_last_there_is_nothing(
    lake: duckdb.DuckDBPyConnection, query: Query
) -> None:
    # The item of an earlier chat, shown again, is of none of these days.
    assert answer(lake, query, ("2026-10-01", "2026-11-01")) == []
    assert answer(lake, query, ("2026-11-04", "2026-11-30")) == []


def test_there_are_a_dozen_queries_and_each_is_worked_out() -> None:
    assert len(QUERIES) >= 12
    assert EXPECTED.keys() == QUERIES.keys()


@queries
def test_the_only_parameters_are_the_days_of_a_period(query: Query) -> None:
    assert query.sql.count("?") == 2
    assert re.search(r"\bchat_day BETWEEN CAST\(\? AS date\) AND CAST\(\? AS date\)", query.sql), (
        query.sql
    )


@pytest.mark.parametrize("query", [*load_views(), *load_named()], ids=lambda query: query.name)
def test_no_division_is_by_a_decimal(query: Query) -> None:
    # Athena takes 1000.0 for a decimal: a whole number by it keeps one digit, 0.25 s become 0.3.
    divisors = [
        division.expression.sql()
        for division in parse_one(query.sql, read="athena").find_all(expressions.Div)
    ]
    assert not [divisor for divisor in divisors if re.fullmatch(r"\d*\.\d*", divisor)]
