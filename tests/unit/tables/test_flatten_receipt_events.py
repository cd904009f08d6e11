"""Items that say that a message was got or read: package and oracle say the same of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import Any

import pytest

from chatlake.documents.document import Document, merge
from chatlake.sources.get_transcript import from_response
from chatlake.tables.flatten import flatten
from tests import oracle
from tests.oracle import Input, Object, Row

type Tables = dict[str, list[Row]]

AT_NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)


def spelled(second: int) -> str:
    return f"2026-11-02T09:00:{second:02}.000Z"


def at(second: int) -> datetime:
    return datetime(2026, 11, 2, 9, 0, second)  # noqa: DTZ001


def item(item_id: str, second: int, who: str, **members: Any) -> Object:
    return {
        "Id": item_id,
        "ContactId": "c1",
        "Type": "MESSAGE",
        "AbsoluteTime": spelled(second),
        "ParticipantId": who,
        "ParticipantRole": {"cu": "CUSTOMER", "ag": "AGENT"}[who],
        **members,
    }


def event(kind: str, second: int, who: str = "cu", item_id: str = "", **members: Any) -> Object:
    return item(item_id or f"{kind} {second}", second, who, Type=f"MESSAGE_{kind}", **members)


def receipt(who: str, **times: int) -> Object:
    names = {"delivered": "DeliveredTimestamp", "read": "ReadTimestamp"}
    return {
        "RecipientParticipantId": who,
        **{names[name]: spelled(second) for name, second in times.items()},
    }


def by_oracle(inputs: Sequence[Input]) -> Tables:
    return oracle.rows(inputs, published_at=AT_NINE)


def by_package(inputs: Sequence[Input]) -> Tables:
    document = reduce(merge, (from_response(one.value, read_at=one.read_at) for one in inputs))
    found = flatten([Document.from_bytes(document.to_bytes())], published_at=AT_NINE)
    return {name: table.to_pylist() for name, table in found.items()}


@pytest.fixture(params=[by_oracle, by_package], ids=["oracle", "package"])
def rows_of(request: pytest.FixtureRequest) -> Callable[..., Tables]:
    def made(*items: Object) -> Tables:
        value = {"InitialContactId": "c1", "Transcript": list(items)}
        found: Tables = request.param([Input("response", value, read_at=1_800_000_000_000)])
        return found

    return made


def told(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """What the receipts say: message, recipient, when it was got, and when it was read."""
    columns = ("message_id", "recipient_participant_id", "delivered_at", "read_at")
    return [tuple(row[name] for name in columns) for row in rows]


HELLO = item("m1", 1, "ag", Content="Hello")


@pytest.mark.parametrize("kind", ["READ", "DELIVERED"])
def test_what_one_carries_are_receipts_of_its_message(
    rows_of: Callable[..., Tables], kind: str
) -> None:
    carried = [receipt("cu", delivered=2, read=3), receipt("ag2", delivered=4)]
    metadata = {"MessageId": "m1", "Receipts": carried, "New": 1}
    rows = rows_of(HELLO, event(kind, 9, MessageMetadata=metadata, item_id="e"))
    assert told(rows["receipts"]) == [("m1", "ag2", at(4), None), ("m1", "cu", at(2), at(3))]
    assert [row["sender_participant_id"] for row in rows["receipts"]] == ["ag", "ag"]
    assert [(row["item_id"], row["extra"]) for row in rows["messages"]] == [
        ("m1", None),
        ("e", '{"MessageMetadata":{"New":1}}'),
    ]
    assert [row["receipt_count"] for row in rows["messages"]] == [2, 2]


NAMES = {
    "by its metadata": {"MessageMetadata": {"MessageId": "m1"}},
    "by its metadata with no receipts": {"MessageMetadata": {"MessageId": "m1", "Receipts": []}},
    "by its content": {"Content": '{"messageId":"m1"}'},
    "by its content beside its own id": {
        "Content": '{"messageId": "m1", "new": 1}',
        "MessageMetadata": {"MessageId": "e"},
    },
    "by its metadata rather than its content": {
        "Content": '{"messageId":"m2"}',
        "MessageMetadata": {"MessageId": "m1"},
    },
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("kind", ["READ", "DELIVERED"])
def test_one_that_carries_none_but_names_a_message_is_a_receipt_itself(
    rows_of: Callable[..., Tables], kind: str, names: Object
) -> None:
    rows = rows_of(HELLO, item("m2", 1, "ag"), event(kind, 9, item_id="e", **names))
    (found,) = rows["receipts"]
    times = (at(9), None) if kind == "DELIVERED" else (None, at(9))
    assert told([found]) == [("m1", "cu", *times)]
    assert (found["recipient_role"], found["sender_role"]) == ("CUSTOMER", "AGENT")
    latencies = (found["delivery_latency_ms"], found["read_latency_ms"])
    assert latencies == ((8000, None) if kind == "DELIVERED" else (None, 8000))
    assert [row["item_id"] for row in rows["messages"]] == ["m1", "m2", "e"]


NAMELESS = {
    "no content": {},
    "other content": {"Content": "read"},
    "half an object": {"Content": '{"messageId":"m1"'},
    "a list": {"Content": '["m1"]'},
    "a number": {"Content": '{"messageId":1}'},
    "an empty id": {"Content": '{"messageId":""}'},
    "its own id": {"MessageMetadata": {"MessageId": "e"}, "Content": '{"messageId":"e"}'},
}


@pytest.mark.parametrize("members", NAMELESS.values(), ids=NAMELESS.keys())
def test_one_that_names_no_message_is_an_item_like_others(
    rows_of: Callable[..., Tables], members: Object
) -> None:
    rows = rows_of(HELLO, event("READ", 9, item_id="e", **members))
    assert rows["receipts"] == []
    assert [row["item_id"] for row in rows["messages"]] == ["m1", "e"]


def test_it_joins_what_the_message_itself_has(rows_of: Callable[..., Tables]) -> None:
    """A client's clock that is ahead says a later time than the service, which counts."""
    own = {"MessageId": "m1", "Receipts": [receipt("cu", delivered=2, read=8)]}
    rows = rows_of(
        {**HELLO, "MessageMetadata": own},
        event("DELIVERED", 3, Content='{"messageId":"m1"}'),
        event("READ", 7, Content='{"messageId":"m1"}'),
    )
    assert told(rows["receipts"]) == [("m1", "cu", at(2), at(7))]
    assert [row["receipt_count"] for row in rows["messages"]] == [1, 1, 1]
    (reading,) = [row for row in rows["read_latency"] if row["message_id"] == "m1"]
    assert (reading["read_state"], reading["read_at"]) == ("read", at(7))


def test_of_a_message_that_is_not_there_it_is_not_the_message(
    rows_of: Callable[..., Tables],
) -> None:
    rows = rows_of(
        event("READ", 9, MessageMetadata={"MessageId": "gone"}),
        event("READ", 10, item_id="own", MessageMetadata={"Receipts": [receipt("cu", read=5)]}),
    )
    assert told(rows["receipts"]) == [("gone", "cu", None, at(9)), ("own", "cu", None, at(5))]
    for row in rows["receipts"]:
        assert (row["sent_at"], row["sender_participant_id"], row["contact_id"]) == (
            *(None, None),
            "c1",
        )


def test_its_time_is_read_as_that_of_any_receipt(rows_of: Callable[..., Tables]) -> None:
    named = {"Content": '{"messageId":"m1"}'}
    (row,) = rows_of(HELLO, event("READ", 9, **named) | {"AbsoluteTime": "at noon"})["receipts"]
    assert (row["read_at"], row["extra"]) == (None, '{"ReadTimestamp":"at noon"}')


def test_one_of_an_earlier_chat_says_nothing(rows_of: Callable[..., Tables]) -> None:
    past = {"ContactId": None, "RelatedContactId": "past"}
    named = event("READ", 9, Content='{"messageId":"m1"}')
    assert rows_of({**HELLO, **past}, {**named, **past})["receipts"] == []
    # It tells of the earlier chat's message as it does now.
    assert rows_of({**HELLO, **past}, named)["receipts"] == []


def test_it_shows_that_its_participant_reports(rows_of: Callable[..., Tables]) -> None:
    joined = [item(f"{who} joined", 0, who, Type="PARTICIPANT_JOINED") for who in ("ag", "cu")]
    rows = rows_of(
        *joined, HELLO, item("m2", 5, "ag"), event("READ", 3, Content='{"messageId":"m1"}')
    )
    states = {row["message_id"]: row["read_state"] for row in rows["read_latency"]}
    assert states == {"m1": "read", "m2": "not_seen"}


def test_receipts_in_a_later_read_stand_in_the_place_of_its_own_word() -> None:
    bare = event("READ", 9, item_id="e", MessageMetadata={"MessageId": "m1"})
    full = {"MessageId": "m1", "Receipts": [receipt("cu", read=4)]}
    reads = [
        from_response({"InitialContactId": "c1", "Transcript": items}, read_at=at_ms)
        for at_ms, items in enumerate([[HELLO, bare], [HELLO, {**bare, "MessageMetadata": full}]])
    ]
    for order in permutations(reads):
        found = flatten([reduce(merge, order)], published_at=AT_NINE)["receipts"].to_pylist()
        assert told(found) == [("m1", "cu", None, at(4))]
