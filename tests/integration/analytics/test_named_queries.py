"""What every named query says of a few chats, worked out by hand."""

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
    OF_AGENT,
    OF_CUSTOMER,
    SHARED,
    TO_AGENT,
    TO_CUSTOMER,
    TOLD,
    TRANSFERRED,
    TUESDAY,
    at,
    item,
    moved,
    reading,
)
from tests.made_lake import Row, ask, made_lake

QUERIES = {query.name: query for query in load_named()}
ANSWERED = "answered"
ON_TUESDAY: Row = {"chat_day": TUESDAY}
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
OF_THE_AGENT: Row = {
    "of": OF_AGENT,
    "to": TO_CUSTOMER,
    "recipient_joined_at": at("08:00:00", TUESDAY),
}
OF_THE_CUSTOMER: Row = {
    "of": OF_CUSTOMER,
    "to": TO_AGENT,
    "recipient_joined_at": at("08:00:30", TUESDAY),
}
READ_LATENCY = [
    *hand_lake.READ_LATENCY,
    *(
        reading(
            ANSWERED,
            message_id,
            at(sent, TUESDAY),
            "read" if read else "not_seen",
            delivered_at=None if delivered is None else at(delivered, TUESDAY),
            read_at=None if read is None else at(read, TUESDAY),
            not_seen_for_ms=None if read else 50_000,
            observed_to_end=None if read else True,
            message_length=length,
            queue_arn="queue-1",
            agent_arn="agent-1",
            **pair,
            **ON_TUESDAY,
        )
        for message_id, sent, delivered, read, length, pair in (
            ("m1", "08:01:00", "08:01:00.25", "08:01:20", 10, OF_THE_CUSTOMER),
            # Delivered before it was sent, by the clock of the customer.
            ("a1", "08:02:00", "08:01:59.9", "08:02:07", 500, OF_THE_AGENT),
            # Read only after it was answered.
            ("m2", "08:03:00", None, "08:03:40", 49, OF_THE_CUSTOMER),
            ("a2", "08:03:30", None, "08:03:39", 10, OF_THE_AGENT),
            ("m3", "08:09:00", "08:09:00.5", "08:09:30", 50, OF_THE_CUSTOMER),
            ("a3", "08:09:10", "08:09:12", None, 10, OF_THE_AGENT),
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
        "enqueued_at": at("08:00:05", TUESDAY),
        "connected_to_agent_at": at("08:00:30", TUESDAY),
        "disconnected_at": at("08:10:00", TUESDAY),
        "chat_metrics": '{"AgentMetrics":{"MessagesSent":3},"ChatContactMetrics":'
        '{"AgentFirstResponseTimeInMillis":62000,"TotalBotMessages":0,"TotalMessages":6},'
        '"CustomerMetrics":{"MessagesSent":3}}',
        "queue_arn": "queue-1",
        "agent_arn": "agent-1",
        "sources": "event,participant",
        "receipts_available": True,
        "complete": True,
        "published_at": at("08:13:00", TUESDAY),
    },
]
ROWS = {"messages": MESSAGES, "read_latency": READ_LATENCY, "contacts": CONTACTS}
WHOLE = (MONDAY.isoformat(), TUESDAY.isoformat())


def about(value: float) -> Any:
    return pytest.approx(value, abs=1e-8)


def alone(seconds: float) -> tuple[Any, ...]:
    """What is said of a single message that was read within half a minute."""
    return 1, 1, 1, *(seconds,) * 3, 1, 1, 1, *(seconds,) * 2


def nothing(messages: int, share_known: float) -> tuple[Any, ...]:
    """What is said of messages of which none was read or observed."""
    return messages, 0, share_known, *(None,) * 5, 0, None, None


# Readings, in seconds; "implied" if a later one was read, "replied" if the recipient wrote after
# it, + if it was not seen for so long, "?" if nothing is known. In brackets: sent before the agent
# was there, and in no estimate.
#
#   Monday     customer to agent   (m1) m2 implied  m3 18  m4 replied (transferred)
#                                  m1 replied (exported)  m1 implied  m2 10  m3 8+ (late)
#              agent to customer   a1 implied  a2 5  a3 40+ (transferred)  a1 ? (exported)
#              bot, system         b1 4, s1 3 (transferred)
#   Tuesday    customer to agent   m1 ?, of two (shared)  m1 20  m2 40  m3 30 (answered)
#              agent to customer   a1 7  a2 9  a3 50+ (answered)
#
# Of n that are left, each reading leaves n - 1: of 8+, 10, 18, 20, 30, 40 that is 4/5 after 10, 3/5
# after 18, 2/5 after 20, 1/5 after 30 and none after 40.
#
# Answers, in seconds, since the agent was there, and when the message was seen:
#
#   of agents     transferred 90, 40, 80 (m1) and 180, 180, ? (m4); exported 20, 20, ?;
#                 answered 60, 60, 20, then 30, 30, 30 and 10, 10, 10, as both were read later
#   of customers  transferred 80 (10); answered 60 (7), 330 (9)
TO_CUSTOMERS = (7, 5, about(6 / 7), 9, None, None, about(0.6), None, 3, 7, 9)
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "agents_whose_customers_wait": [
        # 10, 30, 60, 90, 180; since joined 10, 30, 40, 60, 180; seen after 10, 20, 30, 80.
        ("agent-1", 5, 60, 180, 40, 180, 4, 20, 80),
        (None, 1, 20, 20, 20, 20, 0, None, None),
    ],
    "beside_connect": [
        (ANSWERED, "queue-1", 62, 60, 60, 6, 6, 3, 3, 3, 3, 0, 0, 10, about(550 / 60)),
        (
            *(TRANSFERRED, "queue-1", 41, 40, 90, 9, 9, 4, 4, 3, 3, 2, 2),
            *(about(610 / 60), about(400 / 60)),
        ),
    ],
    "bot_against_agent": [
        ("AGENT", *TO_CUSTOMERS),
        ("CUSTOM_BOT", *alone(4)),
        ("SYSTEM", *alone(3)),
    ],
    "coverage_by_day": [
        # 6, 15 and 20 minutes after the ends.
        (MONDAY, 5, 4, 3, 2, 3, 3, 1, 1, 3 / 5, 15, 20),
        (TUESDAY, 2, 2, 2, 2, 2, 2, 0, 0, 1, 3, 3),
    ],
    "delivered_not_seen": [
        (MONDAY, "AGENT", "CUSTOMER", 2, 0, 0),  # Of a3 no delivery is known.
        (MONDAY, "CUSTOMER", "AGENT", 3, 0, 0),  # m4 was answered.
        (MONDAY, "CUSTOM_BOT", "CUSTOMER", 1, 0, 0),
        (MONDAY, "SYSTEM", "CUSTOMER", 1, 0, 0),
        (TUESDAY, "AGENT", "CUSTOMER", 3, 1, 1 / 3),
        (TUESDAY, "CUSTOMER", "AGENT", 3, 0, 0),
    ],
    "delivery_latency_by_role": [
        ("AGENT", "CUSTOMER", 3, 1, 1, 2, 2),  # -0.1, 1, 2
        ("CUSTOMER", "AGENT", 3, 0, 0.5, 1, 1),  # 0.25, 0.5, 1
        ("CUSTOM_BOT", "CUSTOMER", 1, 0, 1, 1, 1),
        ("SYSTEM", "CUSTOMER", 0, 0, None, None, None),
    ],
    "effect_of_transfers": [
        # First answers: exported 20, answered 60. Chats: 10, 30, 80, 600, 600 s. Of three messages
        # customers did not see one; of seven agents saw all, or were not observed for 10 s.
        (0, 5, 20, 20, about(80 / 60), 3, about(1 / 3), 7, 0),
        (1, 1, 90, 40, about(610 / 60), 5, about(1 / 5), 4, 0),
    ],
    "first_response_by_queue": [
        # 60, 90; since joined 40, 60; waited for 0, 50.
        ("queue-1", 2, 2, 60, 90, 40, 60, 0),
        # Nobody said anything in the chat that only events tell of.
        (None, 3, 1, 20, 20, 20, 20, 0),
    ],
    "longest_waits": [
        (chat, at(asked, day), at(answered, day), *wait)
        for chat, asked, day, answered, *wait in (
            (
                *(TRANSFERRED, "10:03:00", MONDAY, "10:06:00", 180, 180, None),
                *("queue-1", "agent-1", False),
            ),
            (
                *(TRANSFERRED, "10:00:10", MONDAY, "10:01:40", 90, 40, 80),
                *("queue-1", "agent-1", True),
            ),
            (
                *(ANSWERED, "08:01:00", TUESDAY, "08:02:00", 60, 60, 20),
                *("queue-1", "agent-1", True),
            ),
            (
                *(ANSWERED, "08:03:00", TUESDAY, "08:03:30", 30, 30, 30),
                *("queue-1", "agent-1", False),
            ),
            (*(EXPORTED, "11:00:10", MONDAY, "11:00:30", 20, 20, None), *(None, None, True)),
            (
                *(ANSWERED, "08:09:00", TUESDAY, "08:09:10", 10, 10, 10),
                *("queue-1", "agent-1", False),
            ),
        )
    ],
    "message_length_effect": [
        # Implied, 40+, unknown, 9 and 50+.
        (
            *("AGENT", "CUSTOMER", "1: below 50"),
            *(5, 3, 4 / 5, None, None, None, about(1 / 3), None, 1, 9, 9),
        ),
        ("AGENT", "CUSTOMER", "3: 150 to 499", *alone(5)),
        ("AGENT", "CUSTOMER", "4: 500 and more", *alone(7)),
        # All but m3 of Tuesday: 8+, 10, 18, 20, 40 leave 3/4, 2/4, 1/4 and none.
        (
            *("CUSTOMER", "AGENT", "1: below 50"),
            *(11, 5, about(9 / 11), 18, 40, 40, about(3 / 4), 1, 4, 18, 40),
        ),
        ("CUSTOMER", "AGENT", "2: 50 to 149", *alone(30)),
        ("CUSTOM_BOT", "CUSTOMER", "1: below 50", *alone(4)),
        ("SYSTEM", "CUSTOMER", "1: below 50", *alone(3)),
    ],
    "messages_by_day": [
        # Nine of the transferred chat without that of an earlier one, two and three.
        (MONDAY, 3, 14, 0),
        (TUESDAY, 2, 7, 6),
    ],
    "not_seen_at_end": [
        (ANSWERED, at("08:09:10", TUESDAY), "queue-1", "agent-1", 0, 1, 1, 50),
        (TRANSFERRED, at("10:06:00"), "queue-1", "agent-1", 0, 1, 0, 40),
    ],
    "queue_time": [
        ("queue-1", 2, 2, 0, 25, 40, None),
        (None, 1, 0, 1, None, None, 595),  # Of the chat that only events tell of.
    ],
    "read_latency_by_day": [
        (MONDAY, "AGENT", 7, 3, 1, 10, 18, 18, 1, 1, 2, 10, 18),  # 8+, 10, 18
        (
            *(MONDAY, "CUSTOMER"),
            *(6, 4, about(5 / 6), 4, None, None, about(3 / 4), None, 3, 4, 5),  # 3, 4, 5, 40+
        ),
        (TUESDAY, "AGENT", 5, 3, about(3 / 5), 30, 40, 40, about(2 / 3), 1, 3, 30, 40),
        (
            *(TUESDAY, "CUSTOMER"),
            *(3, 3, 1, 9, None, None, about(2 / 3), None, 2, 7, 9),  # 7, 9, 50+
        ),
    ],
    "read_latency_by_hour_of_week": [
        (1, 10, 3, 1, 1, 18, 18, 18, 1, 1, 1, 18, 18),
        (1, 11, *nothing(1, 1)),
        (1, 23, *nothing(1, 1)),
        (2, 0, 2, 2, 1, 10, 10, 10, 1, 1, 1, 10, 10),  # Of a chat that began on Monday: 8+, 10
        (2, 8, 3, 3, 1, 30, 40, 40, about(2 / 3), 1, 3, 30, 40),  # 20, 30, 40
        (2, 9, *nothing(2, 0)),
    ],
    "read_latency_by_role": [
        (
            *("CUSTOMER", "AGENT"),
            *(12, 6, about(10 / 12), 20, 40, 40, about(4 / 5), 1, 5, 20, 40),
        ),
        ("AGENT", "CUSTOMER", *TO_CUSTOMERS),  # 5, 7, 9, 40+, 50+
        ("CUSTOM_BOT", "CUSTOMER", *alone(4)),
        ("SYSTEM", "CUSTOMER", *alone(3)),
    ],
    "read_states": [
        ("AGENT", "CUSTOMER", "not_seen", 2, 2, 1),
        ("AGENT", "CUSTOMER", "read", 3, 0, 0),
        ("AGENT", "CUSTOMER", "read_implied", 1, 0, 0),
        ("AGENT", "CUSTOMER", "unknown", 1, 0, 0),
        ("CUSTOMER", "AGENT", "not_seen", 1, 0, 0),
        ("CUSTOMER", "AGENT", "read", 5, 0, 0),
        ("CUSTOMER", "AGENT", "read_implied", 3, 0, 0),
        ("CUSTOMER", "AGENT", "replied", 2, 0, 0),
        ("CUSTOMER", "AGENT", "unknown", 2, 0, 0),
        ("CUSTOM_BOT", "CUSTOMER", "read", 1, 0, 0),
        ("SYSTEM", "CUSTOMER", "read", 1, 0, 0),
    ],
    "slowest_queues": [
        # 18, 20, 30, 40 leave 3/4, 2/4, 1/4 and none.
        ("queue-1", 6, 4, 1, 20, 40, 40, about(3 / 4), 1, 4, 20, 40),
        (None, 6, 2, about(4 / 6), 10, 10, 10, 1, 1, 1, 10, 10),  # 8+, 10
    ],
    "waiting_unseen_or_unanswered": [
        # Means of 90, 180, 20, 60, 30, 10; of 90, 60, 30, 10; of 80, 20, 30, 10.
        ("AGENT", 6, 4, *map(pytest.approx, (65, 47.5, 35, 12.5))),
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
    those_alone = lake_of(chats)
    for query in QUERIES.values():
        found = answer(lake, query, period)
        assert found == answer(those_alone, query, WHOLE), query.name
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
