"""What is measured of published chats, worked out by hand; the numbers are all that gets out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from chatlake.tables import schema
from chatlake.tables.flatten import Tables, arrow_schema
from chatlake.tables.measures import SENDER_ROLES, Measures, measure

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTHING = Measures(0, 0, {}, 0, [])


def rows(**given: list[dict[str, Any]]) -> Tables:
    """Rows of all tables, of the chat "c" unless they say otherwise."""
    required = {"initial_contact_id": "c", "contact_id": "c", "item_id": "i", "message_id": "i"}
    made: Tables = {}
    for table in schema.TABLES:
        columns = {column.name for column in table.columns}
        always = {name: value for name, value in required.items() if name in columns}
        made[table.name] = pa.Table.from_pylist(
            [always | row for row in given.get(table.name, [])], arrow_schema(table)
        )
    return made


def reading(latency_ms: int | None, role: str | None = "AGENT") -> dict[str, Any]:
    return {"read_latency_ms": latency_ms, "sender_role": role}


def ended(minutes_ago: float, chat: str = "c") -> dict[str, Any]:
    return {
        "initial_contact_id": chat,
        "disconnected_at": NOON - timedelta(minutes=minutes_ago),
    }


def test_nothing_is_measured_of_no_chats() -> None:
    assert measure(rows(), {"c"}, at=NOON) == NOTHING
    with_rows = rows(messages=[{"item_type": "MESSAGE"}], contacts=[ended(5)])
    assert measure(with_rows, (), at=NOON) == NOTHING


def test_only_the_chats_that_are_asked_for_are_measured() -> None:
    other = {"initial_contact_id": "other"}
    found = measure(
        rows(
            messages=[{"item_type": "MESSAGE"}, other | {"item_type": "MESSAGE"}],
            receipts=[{}, other],
            read_latency=[reading(1), other | reading(2)],
            contacts=[ended(1), ended(2, "other")],
        ),
        {"c"},
        at=NOON,
    )
    assert found == Measures(1, 1, {"AGENT": [1]}, 0, [60.0])


def test_messages_are_what_was_said_in_the_chat_itself() -> None:
    messages: list[dict[str, Any]] = [
        {"item_type": "MESSAGE"},
        {"item_type": "MESSAGE"},
        {"item_type": "EVENT"},
        {"item_type": None},
        {"item_type": "MESSAGE", "related_contact_id": "an earlier one"},
    ]
    assert measure(rows(messages=messages), {"c"}, at=NOON).messages == 2


def test_receipts_are_counted_whatever_they_are_of() -> None:
    receipts = [{"read_latency_ms": 5, "sender_role": "AGENT"}, {}]
    assert measure(rows(receipts=receipts), {"c"}, at=NOON) == Measures(0, 2, {}, 0, [])


def test_latencies_are_those_of_the_senders_role() -> None:
    readings = [reading(1500), reading(0), reading(99, "CUSTOMER"), reading(None), reading(1500)]
    found = measure(rows(read_latency=readings), {"c"}, at=NOON)
    assert found.read_latencies_ms == {"AGENT": [1500, 0, 1500], "CUSTOMER": [99]}


def test_a_negative_latency_is_counted_and_left_out() -> None:
    readings = [reading(-1), reading(7), reading(-90_000, "CUSTOMER")]
    found = measure(rows(read_latency=readings), {"c"}, at=NOON)
    assert (found.read_latencies_ms, found.negative_latencies) == ({"AGENT": [7]}, 2)


def test_a_role_that_is_none_is_another_whatever_it_says() -> None:
    said = ["my name is Jane", "agent", "", None, "CUSTOMER ", "OTHER", "CUSTOM_BOT"]
    readings = [reading(number, role) for number, role in enumerate(said)]
    found = measure(rows(read_latency=readings), {"c"}, at=NOON)
    assert found.read_latencies_ms == {"OTHER": [0, 1, 2, 3, 4, 5], "CUSTOM_BOT": [6]}
    assert found.read_latencies_ms.keys() <= set(SENDER_ROLES)


def test_a_chat_is_as_fresh_as_its_last_leg() -> None:
    contacts = [
        ended(90),
        ended(10),
        ended(12.5, "d"),
        {"initial_contact_id": "never ended", "disconnected_at": None},
        {"disconnected_at": None},
    ]
    found = measure(rows(contacts=contacts), {"c", "d", "never ended"}, at=NOON)
    assert sorted(found.end_to_rows_s) == [600.0, 750.0]


def test_chats_of_the_past_and_of_the_future_say_nothing_of_freshness() -> None:
    day = 24 * 60
    contacts = [ended(day, "a"), ended(day + 1 / 60, "b"), ended(0, "c"), ended(-1, "d")]
    found = measure(rows(contacts=contacts), set("abcd"), at=NOON)
    assert sorted(found.end_to_rows_s) == [0.0, 86_400.0]
