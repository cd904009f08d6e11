"""What is known of each reading, worked out on paper: the package and the oracle say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest

from chatlake.documents.document import Document, merge
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables.flatten import flatten
from tests import oracle
from tests.oracle import Input, Object, Row

type Readings = Callable[..., list[Row]]

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
EVENT = "application/vnd.amazonaws.connect.event."
ROLES = {"cu": "CUSTOMER", "ag": "AGENT", "ag2": "AGENT", "lead": "SUPERVISOR", "flow": "SYSTEM"}


def spelled(second: float) -> str:
    return (NINE + timedelta(seconds=second)).isoformat(timespec="milliseconds")


def at(second: float) -> datetime:
    return (NINE + timedelta(seconds=second)).replace(tzinfo=None)


def item(item_id: str, second: float | None, who: str | None, **members: Any) -> Object:
    return {
        "Id": item_id,
        "ContactId": "c1",
        "Type": "MESSAGE",
        **({} if second is None else {"AbsoluteTime": spelled(second)}),
        **({} if who is None else {"ParticipantId": who, "ParticipantRole": ROLES[who]}),
        **members,
    }


def moved(who: str, way: str, second: float) -> Object:
    content_type = f"{EVENT}participant.{way}"
    return item(f"{who} {way} {second}", second, who, Type="EVENT", ContentType=content_type)


def joined(who: str, second: float = 0) -> Object:
    return moved(who, "joined", second)


def left(who: str, second: float) -> Object:
    return moved(who, "left", second)


def ended(second: float) -> Object:
    return item("ended", second, None, Type="EVENT", ContentType=f"{EVENT}chat.ended")


def receipt(
    who: str | None, *, read: float | None = None, delivered: float | None = None
) -> Object:
    told = {"RecipientParticipantId": who, "ReadTimestamp": read, "DeliveredTimestamp": delivered}
    return {
        name: spelled(value) if isinstance(value, float | int) else value
        for name, value in told.items()
        if value is not None
    }


def said(
    item_id: str, second: float | None, who: str, *receipts: Object, own_id: str | None = None
) -> Object:
    metadata = {"MessageId": own_id or item_id, "Receipts": list(receipts)}
    return item(item_id, second, who, Content="12345", MessageMetadata=metadata)


def read(*items: Object, second: float = 600, reached: bool = True) -> Input:
    """A GetTranscript read, made so many seconds after nine."""
    value = {"InitialContactId": "c1", "Transcript": list(items)}
    read_at = int((NINE + timedelta(seconds=second)).timestamp() * 1000)
    return Input("response", value, read_at=read_at, reached=reached)


def from_file(*items: Object) -> Input:
    return Input("response", {"InitialContactId": "c1", "Transcript": list(items)})


def event(kind: str, contact: str = "c1", **detail: Any) -> Input:
    known = {"eventType": kind, "contactId": contact, "initialContactId": "c1"}
    return Input("event", {"time": spelled(0), "detail": known | detail})


def disconnected(second: float, contact: str = "c1") -> Input:
    return event("DISCONNECTED", contact, disconnectTimestamp=spelled(second))


TOGETHER = (joined("cu"), joined("ag"))
# An agent and a customer whose clients report, in case nothing else shows it.
REPORTING = (
    *TOGETHER,
    said("hello", 1, "ag", receipt("cu", delivered=1.5)),
    said("hi", 1.2, "cu", receipt("ag", delivered=1.5)),
)


def by_oracle(inputs: Sequence[Input]) -> dict[str, list[Row]]:
    return oracle.rows(inputs, published_at=NINE)


def document_of(one: Input) -> Document:
    match one.kind:
        case "response":
            return from_response(one.value, read_at=one.read_at, reached=one.reached)
        case "export":
            return from_export(one.value, read_at=one.read_at)
        case "event":
            return from_event(one.value)


def by_package(inputs: Sequence[Input]) -> dict[str, list[Row]]:
    document = reduce(merge, map(document_of, inputs))
    tables = flatten([document], published_at=NINE)
    return {name: table.to_pylist() for name, table in tables.items()}


@pytest.fixture(params=[by_oracle, by_package], ids=["oracle", "package"])
def rows_of(request: pytest.FixtureRequest) -> Callable[..., list[Row]]:
    def made(*inputs: Input, table: str = "read_latency") -> list[Row]:
        rows: list[Row] = request.param(inputs)[table]
        return rows

    return made


def known_of(rows: Sequence[Row], message: str, *columns: str) -> dict[str | None, Any]:
    """A column (or several, as a tuple) of a message's rows, by recipient."""
    return {
        row["recipient_participant_id"]: row[columns[0]]
        if len(columns) == 1
        else tuple(row[name] for name in columns)
        for row in rows
        if row["message_id"] == message
    }


def test_a_message_is_read_when_its_recipient_says_so(rows_of: Readings) -> None:
    rows = rows_of(read(*TOGETHER, said("m", 5, "cu", receipt("ag", delivered=5.7, read=12.3456))))
    [row] = rows
    assert (row["read_state"], row["read_at"], row["read_by_at"]) == (
        "read",
        at(12.345),
        at(12.345),
    )
    assert (row["delivery_latency_ms"], row["read_latency_ms"]) == (700, 7345)
    assert (row["read_by_latency_ms"], row["since_joined_ms"]) == (7345, 7345)
    assert (row["recipients"], row["message_length"]) == (1, 5)
    assert row["not_seen_for_ms"] is row["observed_to_end"] is None


def test_the_reading_of_a_later_message_of_the_same_sender_is_one_of_this(
    rows_of: Readings,
) -> None:
    rows = rows_of(
        read(
            *TOGETHER,
            said("first", 5, "ag"),
            said("second", 6, "ag", receipt("cu", read=90)),
            said("third", 7, "ag", receipt("cu", read=20)),
            said("last", 200, "ag"),
        )
    )
    assert known_of(rows, "first", "read_state", "read_by_at") == {"cu": ("read_implied", at(20))}
    assert known_of(rows, "first", "read_by_latency_ms") == {"cu": 15_000}
    assert known_of(rows, "second", "read_state") == {"cu": "read"}
    assert known_of(rows, "last", "read_state") == {"cu": "not_seen"}


def test_of_messages_of_one_time_the_greater_id_is_the_later(rows_of: Readings) -> None:
    rows = rows_of(read(*TOGETHER, said("b", 5, "ag", receipt("cu", read=9)), said("a", 5, "ag")))
    assert known_of(rows, "a", "read_state") == {"cu": "read_implied"}
    rows = rows_of(read(*TOGETHER, said("b", 5, "ag"), said("a", 5, "ag", receipt("cu", read=9))))
    assert known_of(rows, "b", "read_state") == {"cu": "not_seen"}


@pytest.mark.parametrize(("seconds", "state"), [(1.999, "not_seen"), (2, "replied")])
def test_who_writes_two_seconds_after_a_message_has_replied_and_who_writes_sooner_has_not(
    rows_of: Readings, seconds: float, state: str
) -> None:
    rows = rows_of(read(*REPORTING, said("m", 10, "cu"), said("answer", 10 + seconds, "ag")))
    assert known_of(rows, "m", "read_state") == {"ag": state}
    read_by_at = at(10 + seconds) if state == "replied" else None
    assert known_of(rows, "m", "read_by_at") == {"ag": read_by_at}


def test_a_file_is_no_reply_and_what_was_refused_is_none_either(rows_of: Readings) -> None:
    refused = {"MessageMetadata": {"MessageProcessingStatus": "REJECTED"}}
    rows = rows_of(
        read(
            *REPORTING,
            said("m", 10, "cu"),
            item("file", 20, "ag", Type="ATTACHMENT"),
            item("bad", 30, "ag", **refused),
        )
    )
    assert known_of(rows, "m", "read_state") == {"ag": "not_seen"}
    assert known_of(rows, "bad", "read_state") == {}


def test_a_message_is_not_seen_for_as_long_as_receipts_were_observed(rows_of: Readings) -> None:
    rows = rows_of(read(*REPORTING, said("m", 10, "cu"), second=40))
    assert known_of(rows, "m", "not_seen_for_ms", "observed_to_end") == {"ag": (30_000, False)}


def test_nobody_can_tell_of_a_message_that_was_sent_after_the_last_observation(
    rows_of: Readings,
) -> None:
    early, late = said("early", 10, "cu"), said("late", 40, "cu")
    rows = rows_of(read(*REPORTING, early, late, second=40))
    assert known_of(rows, "early", "read_state") == {"ag": "not_seen"}
    assert known_of(rows, "late", "read_state", "not_seen_for_ms") == {"ag": ("unknown", None)}


def test_a_read_that_was_cut_short_is_no_observation(rows_of: Readings) -> None:
    begun, last = (*REPORTING, said("m", 10, "cu")), said("last", 80, "ag")
    inputs = read(*begun, second=40), read(last, second=90, reached=False)
    rows = rows_of(*inputs)
    assert known_of(rows, "m", "read_state") == {"ag": "replied"}
    assert known_of(rows, "last", "read_state") == {"cu": "unknown"}
    [contact] = rows_of(*inputs, table="contacts")
    assert contact["receipts_observed_until"] == at(40)


def test_a_file_was_read_when_the_newest_of_its_times_was_known(rows_of: Readings) -> None:
    one = from_file(*REPORTING, said("m", 10, "cu"), said("n", 11, "ag", receipt("cu", read=33)))
    assert known_of(rows_of(one), "m", "not_seen_for_ms") == {"ag": 23_000}
    [contact] = rows_of(one, table="contacts")
    assert contact["receipts_observed_until"] == at(33)


def test_an_observation_ends_with_the_chat(rows_of: Readings) -> None:
    inputs = read(*REPORTING, said("m", 10, "cu"), ended(25), second=400)
    rows = rows_of(inputs)
    assert known_of(rows, "m", "not_seen_for_ms", "observed_to_end") == {"ag": (15_000, True)}
    [contact] = rows_of(inputs, table="contacts")
    assert contact["receipts_observed_until"] == at(25)


def test_a_chat_that_does_not_say_its_end_ends_when_all_its_legs_did(rows_of: Readings) -> None:
    said_it = read(*REPORTING, said("m", 10, "cu"), second=400)
    one, two = disconnected(20), disconnected(50, "c2")
    open_leg = event("INITIATED", "c3")
    column = "not_seen_for_ms"
    assert known_of(rows_of(said_it, one), "m", column) == {"ag": 10_000}
    assert known_of(rows_of(said_it, one, two), "m", column) == {"ag": 40_000}
    assert known_of(rows_of(said_it, one, two, open_leg), "m", column) == {"ag": 390_000}


def test_who_left_can_see_no_more(rows_of: Readings) -> None:
    rows = rows_of(read(*REPORTING, said("m", 10, "ag"), left("cu", 14.5), ended(60), second=60))
    assert known_of(rows, "m", "not_seen_for_ms", "observed_to_end") == {"cu": (4_500, False)}


def test_who_left_as_the_chat_ended_was_observed_to_its_end(rows_of: Readings) -> None:
    rows = rows_of(read(*REPORTING, said("m", 10, "ag"), left("cu", 60), ended(60), second=90))
    assert known_of(rows, "m", "not_seen_for_ms", "observed_to_end") == {"cu": (50_000, True)}


@pytest.mark.parametrize("way", ["left", "autodisconnection"])
def test_who_left_or_was_disconnected_is_no_recipient_until_they_are_back(
    rows_of: Readings, way: str
) -> None:
    rows = rows_of(
        read(
            *REPORTING,
            moved("cu", way, 10),
            said("away", 20, "ag"),
            joined("cu", 30),
            said("back", 40, "ag"),
        )
    )
    assert known_of(rows, "away", "recipient_joined_at") == {"cu": at(30)}
    assert known_of(rows, "back", "recipient_joined_at") == {"cu": at(30)}


def test_a_message_in_an_empty_room_that_nobody_enters_has_no_row(rows_of: Readings) -> None:
    rows = rows_of(read(*REPORTING, left("cu", 10), said("m", 20, "ag")))
    assert known_of(rows, "m", "read_state") == {}


def test_the_queue_has_two_answers_from_sending_and_from_joining(rows_of: Readings) -> None:
    rows = rows_of(
        read(
            joined("cu"),
            said("m", 5, "cu", receipt("ag", read=70)),
            said("n", 6, "cu"),
            joined("ag", 65),
            joined("ag2", 66),
        )
    )
    columns = ("read_latency_ms", "since_joined_ms", "recipient_joined_at")
    assert known_of(rows, "m", *columns) == {"ag": (65_000, 5_000, at(65))}
    assert known_of(rows, "n", "read_state", "not_seen_for_ms") == {"ag": ("not_seen", 594_000)}


def test_a_message_has_each_of_its_recipients(rows_of: Readings) -> None:
    rows = rows_of(
        read(
            *TOGETHER, joined("ag2", 3), said("m", 5, "ag", receipt("cu", read=6), receipt("flow"))
        )
    )
    assert known_of(rows, "m", "recipients") == {"cu": 3, "ag2": 3, "flow": 3}
    roles = {"cu": "CUSTOMER", "ag2": "AGENT", "flow": None}
    assert known_of(rows, "m", "recipient_role") == roles


@pytest.mark.parametrize("third", ["ag2", "lead"])
def test_three_in_a_chat_have_no_receipts(rows_of: Readings, third: str) -> None:
    rows = rows_of(
        read(
            *REPORTING,
            joined(third, 4),
            said("with", 5, "cu"),
            left(third, 6),
            said("without", 7, "cu"),
        )
    )
    assert known_of(rows, "with", "read_state")["ag"] == "unknown"
    assert known_of(rows, "without", "read_state") == {"ag": "not_seen"}


def test_two_are_too_many_if_one_of_them_supervises_and_the_flow_never_counts(
    rows_of: Readings,
) -> None:
    flow = joined("flow")
    rows = rows_of(
        read(
            flow,
            *REPORTING,
            said("m", 5, "cu"),
            left("cu", 10),
            joined("lead", 11),
            joined("cu", 12),
            left("ag", 12),
            said("n", 13, "flow"),
        )
    )
    assert known_of(rows, "m", "read_state") == {"ag": "not_seen"}
    assert known_of(rows, "n", "read_state") == {"cu": "unknown"}


def test_of_a_client_that_reports_nothing_nothing_is_known(rows_of: Readings) -> None:
    rows = rows_of(read(*TOGETHER, said("m", 5, "cu"), said("n", 9, "ag", receipt("cu", read=9))))
    assert known_of(rows, "m", "read_state") == {"ag": "replied"}
    rows = rows_of(read(*TOGETHER, said("m", 5, "cu"), said("n", 6, "ag", receipt("cu", read=9))))
    assert known_of(rows, "m", "read_state") == {"ag": "unknown"}


def test_a_message_of_no_time_has_the_recipients_that_report_it(rows_of: Readings) -> None:
    rows = rows_of(
        read(
            *REPORTING,
            said("m", None, "ag", receipt("cu", delivered=9)),
            said("n", None, "ag", receipt("cu", read=9)),
            said("o", None, "ag"),
            said("p", 5, "ag"),
        )
    )
    assert known_of(rows, "m", "read_state", "recipient_joined_at") == {"cu": ("unknown", None)}
    assert known_of(rows, "n", "read_state", "read_latency_ms") == {"cu": ("read", None)}
    assert known_of(rows, "o", "read_state") == {}
    assert known_of(rows, "p", "read_state") == {"cu": "not_seen"}


def test_a_message_finds_the_receipts_of_both_its_ids(rows_of: Readings) -> None:
    apart = item("r", 9, None, Type="MESSAGEMETADATA", MessageMetadata={"MessageId": "m"})
    apart["MessageMetadata"]["Receipts"] = [receipt("cu", delivered=5, read=8)]
    rows = rows_of(
        read(*TOGETHER, said("m", 4, "ag", receipt("cu", delivered=6, read=7), own_id="x"), apart)
    )
    assert known_of(rows, "m", "delivered_at", "read_at") == {"cu": (at(5), at(7))}


def test_the_recipient_that_nobody_named_is_one_of_its_own(rows_of: Readings) -> None:
    rows = rows_of(read(*TOGETHER, said("m", 4, "ag"), said("n", 5, "ag", receipt(None, read=8))))
    assert known_of(rows, "n", "read_state") == {None: "read", "cu": "unknown"}
    assert known_of(rows, "m", "read_state") == {"cu": "unknown"}


def test_without_a_participant_read_nothing_is_known_but_replies(rows_of: Readings) -> None:
    export = Input(
        "export",
        {
            "ContactId": "c1",
            "Transcript": [*TOGETHER, item("m", 5, "cu"), item("n", 9, "ag")],
        },
    )
    rows = rows_of(export)
    assert known_of(rows, "m", "read_state") == {"ag": "replied"}
    assert known_of(rows, "n", "read_state") == {"cu": "unknown"}


def test_contacts_have_what_events_say(rows_of: Readings) -> None:
    told = event(
        "CONNECTED_TO_AGENT",
        customerId="profile",
        tags={"b": 1, "a": "x"},
        segmentAttributes={"connect:Subtype": {"ValueString": "connect:Guide"}},
        chatMetrics=5,
        queueInfo={"EnqueueTimestamp": spelled(2), "queueArn": "q"},
        agentInfo={"HierarchyGroups": {"level1": {"arn": "g"}}, "connectedToAgentTimestamp": "?"},
    )
    [row] = rows_of(told, table="contacts")
    assert (row["enqueued_at"], row["customer_id"], row["subtype"]) == (
        at(2),
        "profile",
        "connect:Guide",
    )
    assert row["tags"] == '{"a":"x","b":1}'
    assert row["segment_attributes"] == '{"connect:Subtype":{"ValueString":"connect:Guide"}}'
    assert row["hierarchy_groups"] == '{"level1":{"arn":"g"}}'
    assert row["chat_metrics"] is None
    assert row["extra"] == '{"agentInfo":{"connectedToAgentTimestamp":"?"},"chatMetrics":5}'
    assert (row["row_format"], row["receipts_observed_until"]) == (3, None)
