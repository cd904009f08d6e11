"""The views on chats that are unlike most, with answers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from chatlake.analytics.sql_files import load_named, to_duckdb
from tests.hand_lake import (
    EVENT,
    MONDAY,
    TO_AGENT,
    TO_CUSTOMER,
    TO_OTHER_AGENT,
    at,
    for_agent,
    item,
    moved,
    reading,
)
from tests.made_lake import Row, ask, made_lake

CHAT = "odd"
ANSWERED_BY_TWO = [
    item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu", contact_id="l1"),
    item(CHAT, "a1", at("10:10:10"), "AGENT", "ag", contact_id="l1"),
    item(CHAT, "m2", at("10:20:10"), "CUSTOMER", "cu", contact_id="l2"),
    item(CHAT, "a2", at("10:20:15"), "AGENT", "ag2", contact_id="l2"),
]


def contact(contact_id: str = CHAT, **more: Any) -> Row:
    told = {"receipts_available": True, "complete": True, "sources": "participant"}
    return {
        "initial_contact_id": CHAT,
        "chat_day": MONDAY,
        "contact_id": contact_id,
        "published_at": at("12:00:00"),
        **told,
        **more,
    }


def answers(
    sql: str,
    messages: Sequence[Row] = (),
    readings: Sequence[Row] = (),
    contacts: Sequence[Row] = (),
) -> list[tuple[Any, ...]]:
    rows = {"messages": messages, "read_latency": readings, "contacts": contacts or [contact()]}
    return [tuple(row.values()) for row in ask(made_lake(rows), sql)]


def asked(message_id: str, sent_at: datetime, read_state: str = "read", **more: Any) -> Row:
    """What is known of one agent's reading of a customer's message."""
    return for_agent(CHAT, message_id, sent_at, read_state, **more)


def both() -> list[Row]:
    return [
        moved(CHAT, "joined", at("10:00:00"), "CUSTOMER", "cu"),
        moved(CHAT, "joined", at("10:00:01"), "AGENT", "ag"),
    ]


def test_an_answer_is_told_of_who_gave_it_and_not_of_who_else_read_the_question() -> None:
    sent = at("10:00:10")
    messages = [
        *both(),
        item(CHAT, "m1", sent, "CUSTOMER", "cu"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag"),
    ]
    readings = [
        asked("m1", sent, read_at=at("10:00:15")),
        asked("m1", sent, read_at=at("10:00:28"), to=TO_OTHER_AGENT),
    ]
    sql = "SELECT answered_message_id, response_ms, seen_after_ms FROM responses"
    assert answers(sql, messages, readings) == [("a1", 20_000, 5_000)]


def test_a_question_was_seen_by_the_first_who_could_answer() -> None:
    sent = at("10:00:10")
    messages = [
        *both(),
        item(CHAT, "m1", sent, "CUSTOMER", "cu"),
        moved(CHAT, "left", at("10:00:19"), "AGENT", "ag"),
        moved(CHAT, "joined", at("10:00:20"), "AGENT", "ag2"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag2"),
    ]
    readings = [asked("m1", sent, read_at=at("10:00:18"))]
    sql = "SELECT answered_participant_id, response_ms, seen_after_ms FROM responses"
    assert answers(sql, messages, readings) == [("ag2", 20_000, 8_000)]


def test_a_question_that_was_read_after_its_answer_lay_there_for_the_whole_wait() -> None:
    messages = [
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag"),
    ]
    readings = [asked("m1", at("10:00:10"), read_at=at("10:00:40"))]
    sql = "SELECT response_ms, seen_after_ms FROM responses"
    assert answers(sql, messages, readings) == [(20_000, 20_000)]


@pytest.mark.parametrize(
    ("joined", "since"),
    [
        ([at("10:00:01")], 20_000),  # There when it was asked.
        ([at("10:00:25")], 5_000),
        ([at("10:00:25"), at("10:00:22")], 8_000),  # Since there was anybody.
        ([at("10:00:25"), None], 5_000),
        ([at("10:00:31")], None),  # Nobody of whom it is known was there.
        ([None], None),
        ([], None),
    ],
)
def test_an_answer_is_counted_from_when_somebody_was_there_to_give_it(
    joined: list[datetime | None], since: int | None
) -> None:
    messages = [
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag"),
    ]
    readings = [
        asked("m1", at("10:00:10"), "unknown", to=to, recipient_joined_at=joined_at)
        for to, joined_at in zip((TO_AGENT, TO_OTHER_AGENT), joined, strict=False)
    ]
    assert answers("SELECT since_joined_ms FROM responses", messages, readings) == [(since,)]
    sql = "SELECT first_response_ms, first_response_since_joined_ms FROM conversations"
    assert answers(sql, messages, readings) == [(20_000, since)]


def test_what_agents_did_not_see_of_each_other_is_not_the_customers() -> None:
    between_agents = reading(
        CHAT,
        "a1",
        at("10:00:05"),
        "read",
        of={"sender_participant_id": "ag", "sender_role": "AGENT"},
        to=TO_OTHER_AGENT,
        read_at=at("10:09:05"),
    )
    not_seen = between_agents | {
        "message_id": "a2",
        "read_state": "not_seen",
        "read_latency_ms": None,
        "not_seen_for_ms": 60_000,
    }
    to_customer = not_seen | TO_CUSTOMER
    readings = [
        asked("m1", at("10:00:10"), read_at=at("10:00:11")),
        between_agents,
        not_seen,
        to_customer,
    ]
    sql = (
        "SELECT agent_reported_p50_ms, known_to_agent, not_seen_by_agent, known_to_customer, "
        "not_seen_by_customer FROM conversations"
    )
    assert answers(sql, both(), readings) == [(1_000, 1, 0, 1, 1)]


def test_a_first_answer_is_of_the_queue_that_gave_it() -> None:
    [query] = [query for query in load_named() if query.name == "first_response_by_queue"]
    legs = [
        contact("l1", initiated_at=at("10:00:00"), queue_arn="slow"),
        contact("l2", initiated_at=at("10:20:00"), queue_arn="fast"),
    ]
    lake = made_lake({"messages": ANSWERED_BY_TWO, "contacts": legs})
    found = ask(lake, to_duckdb(query.sql), (str(MONDAY), str(MONDAY)))
    assert [tuple(row.values())[:5] for row in found] == [("slow", 1, 1, 600.0, 600.0)]


def test_a_first_answer_of_a_leg_without_a_queue_is_not_that_of_another_leg() -> None:
    legs = [
        contact("l1", initiated_at=at("10:00:00")),
        contact("l2", initiated_at=at("10:20:00"), queue_arn="later"),
    ]
    sql = "SELECT first_response_queue_arn, last_queue_arn FROM conversations"
    assert answers(sql, ANSWERED_BY_TWO, contacts=legs) == [(None, "later")]


def test_the_first_response_of_a_conversation_is_the_first_of_its_answers() -> None:
    """A greeting is none, and neither is what comes before the customer said anything."""
    greeted = [
        item(CHAT, "a0", at("10:00:01"), "AGENT", "ag"),
        item(CHAT, "s0", at("10:00:02"), "SYSTEM", "sy"),
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu"),
        item(CHAT, "b1", at("10:00:11"), "CUSTOM_BOT", "bo"),
        item(CHAT, "m2", at("10:00:12"), "CUSTOMER", "cu"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag"),
        item(CHAT, "m3", at("10:00:40"), "CUSTOMER", "cu"),
        item(CHAT, "a2", at("10:00:41"), "AGENT", "ag"),
    ]
    sql = "SELECT response_ms FROM responses WHERE is_first AND answered_role = 'AGENT'"
    assert answers(sql, greeted) == [(20_000,)]
    assert answers("SELECT first_response_ms FROM conversations", greeted) == [(20_000,)]


def test_messages_of_an_earlier_chat_answer_nothing() -> None:
    before = {"related_contact_id": "earlier", "chat_day": None}
    messages = [
        item(CHAT, "o1", at("10:00:00"), "CUSTOMER", "cu", **before),
        item(CHAT, "o2", at("10:00:09"), "AGENT", "ag", **before),
    ]
    assert answers("SELECT * FROM responses", messages) == []
    sql = "SELECT customer_messages, first_response_ms FROM conversations"
    assert answers(sql, messages) == [(0, None)]


def test_messages_of_one_millisecond_are_in_one_order_everywhere() -> None:
    def close(name: str, microsecond: int, role: str, who: str) -> Row:
        return item(CHAT, name, at("10:00:10") + timedelta(microseconds=microsecond), role, who)

    messages = [
        *both(),
        close("a", 100, "CUSTOMER", "cu"),
        close("c", 200, "AGENT", "ag"),
        close("b", 300, "CUSTOMER", "cu"),
    ]
    found = answers("SELECT asked_role, answered_role FROM responses", messages)
    assert found
    assert all(asked != answered for asked, answered in found)


def test_differences_are_of_whole_milliseconds_of_either_time() -> None:
    """As Athena's date_diff has it."""
    messages = [
        item(CHAT, "m1", at("10:00:10") + timedelta(microseconds=900), "CUSTOMER", "cu"),
        item(CHAT, "a1", at("10:00:10") + timedelta(microseconds=2_100), "AGENT", "ag"),
    ]
    assert answers("SELECT response_ms FROM responses", messages) == [(2,)]


def test_a_message_without_a_time_is_no_answer() -> None:
    messages = [
        *both(),
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu"),
        item(CHAT, "a0", None, "AGENT", "ag"),  # type: ignore[arg-type]
    ]
    assert answers("SELECT * FROM responses", messages) == []
    assert answers("SELECT first_response_ms FROM conversations", messages) == [(None,)]


def test_a_chat_of_several_legs_is_told_by_its_last_queue_and_whole_if_all_legs_are() -> None:
    def leg(name: str, initiated_at: datetime, **more: Any) -> Row:
        return contact(name, initiated_at=initiated_at, **more)

    legs = [
        leg("l1", at("10:00:00"), queue_arn="q9", agent_arn="a9", receipts_available=False),
        leg("l2", at("10:05:00"), queue_arn="q5", agent_arn="a5", complete=False),
        leg("l3", at("10:09:00"), receipts_available=None),
    ]
    told = {"item_type": "EVENT", "content": None}
    messages = [
        *(row | {"contact_id": "l1"} for row in both()),
        item(
            CHAT,
            "t1",
            at("10:04:00"),
            "SYSTEM",
            "sy",
            content_type=f"{EVENT}transfer.succeeded",
            contact_id="l2",
            **told,
        ),
        item(CHAT, "a1", at("10:06:00"), "AGENT", "ag", contact_id="l2"),
    ]
    sql = (
        "SELECT legs, transfers, last_queue_arn, last_agent_arn, receipts_available, complete, "
        "participants, agent_messages, transcript_duration_ms FROM conversations"
    )
    assert answers(sql, messages, contacts=legs) == [(3, 1, "q5", "a5", True, False, 3, 1, 360_000)]


def test_figures_of_connect_are_of_all_contacts_in_either_spelling() -> None:
    legs = [
        contact("l1", initiated_at=at("10:00:00"), chat_metrics='{"ChatContactMetrics":{}}'),
        contact(
            "l2",
            initiated_at=at("10:05:00"),
            chat_metrics='{"ChatContactMetrics":{"AgentFirstResponseTimeInMillis":7,'
            '"TotalMessages":4},"AgentMetrics":{"MessagesSent":3}}',
        ),
        contact(
            "l3",
            initiated_at=at("10:09:00"),
            chat_metrics='{"chatContactMetrics":{"agentFirstResponseTimeInMillis":9,'
            '"totalMessages":5},"agentMetrics":{"messagesSent":[]}}',
        ),
    ]
    sql = (
        "SELECT connect_first_response_ms, connect_messages, connect_agent_messages, "
        "connect_customer_messages FROM conversations"
    )
    assert answers(sql, contacts=legs) == [(7, 9, 3, None)]


def test_what_message_processing_rejected_answers_nobody() -> None:
    """As the service's guide says: a message is processed before it is delivered to anybody."""
    messages = [
        *both(),
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu", processing_status="REJECTED"),
        item(CHAT, "m2", at("10:00:20"), "CUSTOMER", "cu", processing_status="FAILED"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag", processing_status="REJECTED"),
        item(CHAT, "a2", at("10:00:40"), "AGENT", "ag"),
    ]
    sql = "SELECT asked_message_id, answered_message_id, response_ms FROM responses"
    assert answers(sql, messages) == [("m2", "a2", 20_000)]
    sql = "SELECT customer_messages, agent_messages, first_response_ms FROM conversations"
    assert answers(sql, messages) == [(2, 2, 20_000)]


def test_estimates_are_of_messages_whose_recipient_was_there_when_they_were_sent() -> None:
    sent = at("10:00:10")
    readings = [
        asked("long before", sent, read_at=at("10:00:20"), recipient_joined_at=at("10:00:00")),
        asked("just then", sent, read_at=at("10:00:20"), recipient_joined_at=sent),
        asked("nobody knows", sent, read_at=at("10:00:20")),
        asked(
            "just after",
            sent,
            read_at=at("10:00:20"),
            recipient_joined_at=sent + timedelta(milliseconds=1),
        ),
        asked(
            "nothing seen", sent, "not_seen", not_seen_for_ms=9, recipient_joined_at=at("10:01:00")
        ),
        asked("of an agent who had come", sent, to=TO_OTHER_AGENT, recipient_joined_at=sent),
        asked("of an agent who had come", sent, recipient_joined_at=at("10:00:11")),
    ]
    sql = "SELECT message_id, step IS NOT NULL FROM observed_readings ORDER BY message_id"
    assert answers(sql, readings=readings) == [
        ("just then", True),
        ("long before", True),
        ("nobody knows", True),
        ("of an agent who had come", False),
    ]


def test_percentiles_of_an_hour_are_those_of_its_readings() -> None:
    readings = []
    for second in range(1, 101):
        sent = at("10:10:00") + timedelta(seconds=second)
        readings.append(asked(f"m{second:03}", sent, read_at=sent + timedelta(seconds=second)))
    sql = (
        "SELECT seen_p50_s, seen_p90_s, seen_p95_s, seen_within_30s, seen_within_60s, "
        "reported_p50_s, reported_p90_s FROM read_latency_hourly"
    )
    # Of a hundred and less, steps of 1 % hold one second each.
    assert answers(sql, readings=readings) == [
        (50, 90, 95, pytest.approx(0.3), pytest.approx(0.6), 50, 90)
    ]
