"""The views on chats that are unlike most, with answers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chatlake.analytics.sql_files import load_named, to_duckdb
from tests.hand_lake import EVENT, MONDAY, TO_AGENT, TO_CUSTOMER, at, item, moved, receipt
from tests.made_lake import Row, ask, made_lake

CHAT = "odd"
TO_SECOND_AGENT = {"recipient_participant_id": "ag2", "recipient_role": "AGENT"}


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
    receipts: Sequence[Row] = (),
    contacts: Sequence[Row] = (),
) -> list[tuple[Any, ...]]:
    rows = {"messages": messages, "receipts": receipts, "contacts": contacts or [contact()]}
    return [tuple(row.values()) for row in ask(made_lake(rows), sql)]


def both() -> list[Row]:
    return [
        moved(CHAT, "joined", at("10:00:00"), "CUSTOMER", "cu"),
        moved(CHAT, "joined", at("10:00:01"), "AGENT", "ag"),
    ]


def test_an_answer_is_told_of_who_gave_it_and_not_of_who_else_read_the_question() -> None:
    sent = at("10:00:10")
    messages = [
        *both(),
        moved(CHAT, "joined", at("10:00:02"), "AGENT", "ag2"),
        item(CHAT, "m1", sent, "CUSTOMER", "cu"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag"),
    ]
    receipts = [
        receipt(CHAT, "m1", sent, read_at=at("10:00:15"), to=TO_AGENT),
        receipt(CHAT, "m1", sent, read_at=at("10:00:28"), to=TO_SECOND_AGENT),
    ]
    sql = "SELECT answered_message_id, response_ms, unread_ms FROM responses"
    assert answers(sql, messages, receipts) == [("a1", 20_000, 5_000)]


def test_a_question_lay_unread_until_the_first_who_could_answer_read_it() -> None:
    sent = at("10:00:10")
    messages = [
        *both(),
        item(CHAT, "m1", sent, "CUSTOMER", "cu"),
        moved(CHAT, "left", at("10:00:19"), "AGENT", "ag"),
        moved(CHAT, "joined", at("10:00:20"), "AGENT", "ag2"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag2"),
    ]
    receipts = [receipt(CHAT, "m1", sent, read_at=at("10:00:18"), to=TO_AGENT)]
    sql = "SELECT answered_participant_id, response_ms, unread_ms FROM responses"
    assert answers(sql, messages, receipts) == [("ag2", 20_000, 8_000)]


def test_senders_without_an_id_are_told_apart_by_their_role() -> None:
    sent = at("10:00:12")
    messages = [
        moved(CHAT, "joined", at("10:00:00"), "CUSTOMER", "cu"),
        item(CHAT, "s1", at("10:00:10"), "SYSTEM", None),
        item(CHAT, "b1", sent, "CUSTOM_BOT", None),
    ]
    receipts = [receipt(CHAT, "b1", sent, read_at=at("10:00:20"), to=TO_CUSTOMER)]
    sql = "SELECT message_id, read_state FROM read_latency ORDER BY message_id"
    assert answers(sql, messages, receipts) == [("b1", "read"), ("s1", "unread")]


def test_a_message_without_a_time_says_nothing_of_those_before_it() -> None:
    messages = [
        *both(),
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu"),
        item(CHAT, "m9", None, "CUSTOMER", "cu"),  # type: ignore[arg-type]
    ]
    late = receipt(CHAT, "m9", at("10:00:00"), read_at=at("10:00:05"), to=TO_AGENT)
    receipts = [late | {"sent_at": None, "read_latency_ms": None}]
    sql = "SELECT message_id, read_state FROM read_latency ORDER BY message_id"
    assert answers(sql, messages, receipts) == [("m1", "unread"), ("m9", "read")]


def test_what_agents_leave_unread_of_each_other_is_not_the_customers() -> None:
    sent = at("10:00:10")
    messages = [
        *both(),
        moved(CHAT, "joined", at("10:00:02"), "AGENT", "ag2"),
        item(CHAT, "a1", at("10:00:05"), "AGENT", "ag"),
        item(CHAT, "m1", sent, "CUSTOMER", "cu"),
    ]
    receipts = [
        receipt(CHAT, "m1", sent, read_at=at("10:00:11"), to=TO_AGENT),
        receipt(CHAT, "m1", sent, read_at=at("10:00:11"), to=TO_SECOND_AGENT),
        receipt(CHAT, "a1", at("10:00:05"), read_at=at("10:09:05"), to=TO_SECOND_AGENT),
    ]
    sql = (
        "SELECT agent_read_p50_ms, unread_by_agent, unread_by_customer, last_queue_arn "
        "FROM conversations"
    )
    contacts = [contact(queue_arn="q1")]
    assert answers(sql, messages, receipts, contacts) == [(1_000, 0, 1, "q1")]


def test_a_first_answer_is_of_the_queue_that_gave_it() -> None:
    [query] = [query for query in load_named() if query.name == "first_response_by_queue"]
    legs = [
        contact("l1", initiated_at=at("10:00:00"), queue_arn="slow"),
        contact("l2", initiated_at=at("10:20:00"), queue_arn="fast"),
    ]
    messages = [
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu", contact_id="l1"),
        item(CHAT, "a1", at("10:10:10"), "AGENT", "ag", contact_id="l1"),
        item(CHAT, "m2", at("10:20:10"), "CUSTOMER", "cu", contact_id="l2"),
        item(CHAT, "a2", at("10:20:15"), "AGENT", "ag2", contact_id="l2"),
    ]
    lake = made_lake({"messages": messages, "contacts": legs})
    found = ask(lake, to_duckdb(query.sql), (str(MONDAY), str(MONDAY)))
    assert [tuple(row.values()) for row in found] == [("slow", 1, 1, 600.0, 600.0)]


def test_messages_of_an_earlier_chat_answer_nothing() -> None:
    before = {"related_contact_id": "earlier", "chat_day": None}
    messages = [
        item(CHAT, "o1", at("10:00:00"), "CUSTOMER", "cu", **before),
        item(CHAT, "o2", at("10:00:09"), "AGENT", "ag", **before),
    ]
    assert answers("SELECT * FROM responses", messages) == []
    assert answers("SELECT * FROM read_latency", messages) == []


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


def test_a_message_without_a_time_is_no_answer() -> None:
    messages = [
        *both(),
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu"),
        item(CHAT, "a0", None, "AGENT", "ag"),  # type: ignore[arg-type]
    ]
    assert answers("SELECT * FROM responses", messages) == []


def test_an_agent_who_comes_back_was_not_there_meanwhile() -> None:
    messages = [
        *both(),
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu"),
        moved(CHAT, "left", at("10:00:20"), "AGENT", "ag"),
        item(CHAT, "m2", at("10:00:30"), "CUSTOMER", "cu"),
        moved(CHAT, "joined", at("10:00:40"), "AGENT", "ag") | {"item_id": "back"},
        item(CHAT, "m3", at("10:00:40"), "CUSTOMER", "cu"),
    ]
    sql = "SELECT message_id, read_state FROM read_latency ORDER BY message_id"
    assert answers(sql, messages) == [("m1", "unread"), ("m3", "unread")]


def test_who_only_has_a_receipt_is_a_recipient_all_the_same() -> None:
    sent = at("10:00:10")
    messages = [item(CHAT, "a1", sent, "AGENT", "ag")]
    receipts = [receipt(CHAT, "a1", sent, read_at=at("10:00:08"), to=TO_CUSTOMER)]
    sql = (
        "SELECT recipient_participant_id, read_latency_ms, read_state, recipients FROM read_latency"
    )
    assert answers(sql, messages, receipts) == [("cu", -2_000, "read", 1)]


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
        *both(),
        item(
            CHAT,
            "t1",
            at("10:04:00"),
            "SYSTEM",
            "sy",
            content_type=f"{EVENT}transfer.succeeded",
            **told,
        ),
    ]
    sql = (
        "SELECT legs, transfers, last_queue_arn, last_agent_arn, receipts_available, complete "
        "FROM conversations"
    )
    assert answers(sql, messages, contacts=legs) == [(3, 1, "q5", "a5", True, False)]


def test_what_message_processing_rejected_reached_nobody_and_answers_nobody() -> None:
    """As the service's guide says: a message is processed before it is delivered to anybody."""
    messages = [
        *both(),
        item(CHAT, "m1", at("10:00:10"), "CUSTOMER", "cu", processing_status="REJECTED"),
        item(CHAT, "m2", at("10:00:20"), "CUSTOMER", "cu", processing_status="FAILED"),
        item(CHAT, "a1", at("10:00:30"), "AGENT", "ag", processing_status="REJECTED"),
        item(CHAT, "a2", at("10:00:40"), "AGENT", "ag"),
    ]
    sql = "SELECT message_id, read_state FROM read_latency ORDER BY message_id"
    assert answers(sql, messages) == [("a2", "unread"), ("m2", "unread")]
    sql = "SELECT asked_message_id, answered_message_id, response_ms FROM responses"
    assert answers(sql, messages) == [("m2", "a2", 20_000)]
    sql = "SELECT customer_messages, agent_messages, unread_by_agent FROM conversations"
    assert answers(sql, messages) == [(2, 2, 1)]


def test_percentiles_of_an_hour_are_those_of_its_readings() -> None:
    messages, receipts = both(), []
    for second in range(1, 101):
        sent = at("10:10:00") + timedelta(seconds=second)
        read = sent + timedelta(seconds=second)
        messages.append(item(CHAT, f"m{second:03}", sent, "CUSTOMER", "cu"))
        receipts.append(receipt(CHAT, f"m{second:03}", sent, read_at=read, to=TO_AGENT))
    sql = (
        "SELECT read_p50_ms / 1e3, read_p90_ms / 1e3, read_p95_ms / 1e3, read_p99_ms / 1e3 "
        "FROM read_latency_hourly"
    )
    [found] = answers(sql, messages, receipts)
    # They are approximate, and their steps are of a second.
    for percentile, exact in zip(found, (50, 90, 95, 99), strict=True):
        assert abs(percentile - exact) <= 2
