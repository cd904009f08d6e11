"""When a message was read at the latest: the view against the same definition in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hand_lake import EVENT, item
from tests.made_lake import Row, ask, made_lake, refill

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    from hypothesis.strategies import DrawFn

type Rows = dict[str, list[Row]]

# --- the definition


def readings(rows: Rows) -> list[Row]:
    """What the view says of every message and everyone that it was for."""
    found = []
    for message in rows["messages"]:
        if (
            message["related_contact_id"] is None
            and message["item_type"] == "MESSAGE"
            and message["processing_status"] != "REJECTED"
        ):
            recipients = recipients_of(message, rows)
            contact = contact_of(message, rows)
            found += [reading(message, receipt, len(recipients), contact) for receipt in recipients]
    for row in found:
        row["read_by_at"] = row["read_at"] or next_read_at(row, found)
        row["read_by_latency_ms"] = milliseconds(row["sent_at"], row["read_by_at"])
        row["read_state"] = read_state(row, contact_of(row, rows))
    return found


def recipients_of(message: Row, rows: Rows) -> list[Row]:
    """A receipt of everyone whom a message was for; an empty one of those who sent none."""
    receipts = [
        receipt
        for receipt in rows["receipts"]
        if receipt["message_id"] == message["item_id"] and same_chat(receipt, message)
    ]
    known = {receipt["recipient_participant_id"] for receipt in receipts}
    known.add(message["participant_id"])
    silent = [
        {
            "recipient_participant_id": participant_id,
            "recipient_role": role,
            "delivered_at": None,
            "read_at": None,
        }
        for participant_id, role in present_at(message, rows).items()
        if participant_id not in known
    ]
    return receipts + silent


def present_at(message: Row, rows: Rows) -> dict[str | None, str]:
    """Customers and agents whose last move, until a message was sent, is that they joined."""
    moves = [
        move
        for move in rows["messages"]
        if same_chat(move, message)
        and move["related_contact_id"] is None
        and move["participant_role"] in {"CUSTOMER", "AGENT"}
        and way_of(move) is not None
        and move["sent_at"] <= message["sent_at"]
    ]
    moves.sort(key=lambda move: (move["sent_at"], move["item_id"]))
    last = {move["participant_id"]: move for move in moves}
    return {
        participant_id: move["participant_role"]
        for participant_id, move in last.items()
        if way_of(move) == "joined"
    }


def way_of(row: Row) -> str | None:
    """Whether an item tells that somebody joined or left, by either of its spellings."""
    for way in ("joined", "left"):
        if row["item_type"] == f"PARTICIPANT_{way.upper()}":
            return way
        if (row["content_type"] or "").endswith(f".participant.{way}"):
            return way
    return None


def next_read_at(row: Row, found: list[Row]) -> datetime | None:
    """When the recipient read the next message of that sender that they are known to have read."""
    later = [
        other
        for other in found
        if same_chat(other, row)
        and other["sender_participant_id"] == row["sender_participant_id"]
        and other["sender_role"] == row["sender_role"]
        and other["recipient_participant_id"] == row["recipient_participant_id"]
        and (other["sent_at"], other["message_id"]) > (row["sent_at"], row["message_id"])
        and other["read_at"] is not None
    ]
    later.sort(key=lambda other: (other["sent_at"], other["message_id"]))
    return later[0]["read_at"] if later else None


def read_state(row: Row, contact: Row) -> str:
    if row["read_at"] is not None:
        return "read"
    if row["read_by_at"] is not None:
        return "read_implied"
    return "unread" if contact.get("receipts_available") is True else "unknown"


def reading(message: Row, receipt: Row, recipients: int, contact: Row) -> Row:
    return {
        "chat_day": message["chat_day"],
        "initial_contact_id": message["initial_contact_id"],
        "contact_id": message["contact_id"],
        "message_id": message["item_id"],
        "queue_arn": contact.get("queue_arn"),
        "agent_arn": contact.get("agent_arn"),
        "sender_participant_id": message["participant_id"],
        "sender_role": message["participant_role"],
        "recipient_participant_id": receipt["recipient_participant_id"],
        "recipient_role": receipt["recipient_role"],
        "recipients": recipients,
        "message_length": len(message["content"]),
        "sent_at": message["sent_at"],
        "delivered_at": receipt["delivered_at"],
        "read_at": receipt["read_at"],
        "delivery_latency_ms": milliseconds(message["sent_at"], receipt["delivered_at"]),
        "read_latency_ms": milliseconds(message["sent_at"], receipt["read_at"]),
    }


def same_chat(row: Row, other: Row) -> bool:
    return bool(row["initial_contact_id"] == other["initial_contact_id"])


def contact_of(row: Row, rows: Rows) -> Row:
    """The leg that a message is of; empty if the lake knows nothing of it."""
    legs = [leg for leg in rows["contacts"] if leg["contact_id"] == row["contact_id"]]
    return legs[0] if legs else {}


def milliseconds(earlier: datetime, later: datetime | None) -> int | None:
    return None if later is None else (later - earlier) // timedelta(milliseconds=1)


# --- chats

NOON, BEFORE_MIDNIGHT, NEXT_DAY = (
    datetime(2026, 11, 2, 12, tzinfo=UTC),
    datetime(2026, 11, 2, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 11, 3, 12, tzinfo=UTC),
)
# People of several chats have the same ids, and some have none.
PEOPLE: tuple[tuple[str | None, str], ...] = (
    ("cu", "CUSTOMER"),
    ("ag", "AGENT"),
    ("ag2", "AGENT"),
    (None, "AGENT"),
    ("su", "SUPERVISOR"),
    ("bo", "CUSTOM_BOT"),
    (None, "SYSTEM"),
)
STRANGERS: tuple[tuple[str | None, str | None], ...] = (("gone", None), (None, None))
# Few, so that many things happen at once; the last ones are of other hours.
MOMENTS = st.sampled_from((0, 1, 2, 3, 999, 3_600_000)).map(lambda ms: timedelta(milliseconds=ms))
DELAYS = st.none() | st.sampled_from((-1, 0, 1, 2, 5, 60_000)).map(
    lambda ms: timedelta(milliseconds=ms)
)
STATUSES = (None, None, None, "PROCESSING", "FAILED", "REJECTED")
MESSAGE = {"item_type": "MESSAGE", "content_type": "text/plain"}
KINDS: tuple[Row, ...] = (
    MESSAGE,
    MESSAGE,
    MESSAGE,
    {"item_type": "EVENT", "content_type": f"{EVENT}participant.joined"},
    {"item_type": "PARTICIPANT_JOINED", "content_type": None},
    {"item_type": "EVENT", "content_type": f"{EVENT}participant.left"},
    {"item_type": "EVENT", "content_type": f"{EVENT}participant.left"},
    {"item_type": "PARTICIPANT_LEFT", "content_type": None},
    {"item_type": "EVENT", "content_type": f"{EVENT}typing"},
    {"item_type": "ATTACHMENT", "content_type": "application/pdf"},
)


@st.composite
def chats(draw: DrawFn, chat: str) -> Rows:
    """A chat of two legs; nothing may be known of the second."""
    start = draw(st.sampled_from((NOON, BEFORE_MIDNIGHT, NEXT_DAY)))
    in_chat = {"initial_contact_id": chat, "chat_day": start.date()}
    people = draw(st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=3, unique=True))
    joined = [(KINDS[3], person, timedelta(0), False) for person in people if draw(st.booleans())]
    happened = draw(
        st.lists(
            st.tuples(
                st.sampled_from(KINDS),
                # One of them says the most, so that there is something to imply a reading.
                st.sampled_from((*people, people[0], people[0])),
                MOMENTS,
                st.sampled_from((False,) * 9 + (True,)),
            ),
            min_size=6,
            max_size=14,
        )
    )
    # Ids that are not in the order of time.
    numbers = draw(st.permutations(range(len(joined) + len(happened))))
    rows: Rows = {"messages": [], "receipts": [], "contacts": []}
    for number, (kind, (participant, role), moment, rehydrated) in zip(
        numbers, [*joined, *happened], strict=True
    ):
        row = item(
            chat,
            f"i{number:02}",
            start + moment,
            role,
            participant,
            **kind,
            **in_chat,
            contact_id=f"{chat}-{draw(st.integers(1, 2))}",
            related_contact_id="earlier" if rehydrated else None,
            processing_status=None,
        )
        if rehydrated:
            row["chat_day"] = None
        elif kind is MESSAGE:
            row["content"] = "x" * draw(st.integers(0, 2))
            row["processing_status"] = draw(st.sampled_from(STATUSES))
            rows["receipts"] += draw(receipts(row, people))
        rows["messages"].append(row)
    if draw(st.booleans()):
        unsent = item(chat, "lost", start, "AGENT", "ag", **in_chat)
        rows["receipts"] += draw(receipts(unsent, people))
    for leg in range(1, draw(st.integers(1, 2)) + 1):
        rows["contacts"].append(
            {
                **in_chat,
                "contact_id": f"{chat}-{leg}",
                "queue_arn": f"queue-{leg}",
                "agent_arn": f"agent-{leg}",
                "receipts_available": draw(st.sampled_from((True, True, False, None))),
            }
        )
    return rows


@st.composite
def receipts(draw: DrawFn, message: Row, people: Sequence[tuple[str | None, str]]) -> list[Row]:
    """Receipts of a message, also of people who are not there or whom nobody knows."""
    known = st.sampled_from((*people, *people, *STRANGERS))
    recipients = draw(st.lists(known, max_size=3, unique_by=lambda person: person[0]))
    found = []
    for recipient, role in recipients:
        delivered, read = draw(DELAYS), draw(DELAYS)
        sent_at = message["sent_at"]
        delivered_at = None if delivered is None else sent_at + delivered
        read_at = None if read is None else sent_at + read
        found.append(
            {
                **{name: message[name] for name in ("initial_contact_id", "chat_day")},
                "contact_id": message["contact_id"],
                "message_id": message["item_id"],
                "sender_participant_id": message["participant_id"],
                "sender_role": message["participant_role"],
                "recipient_participant_id": recipient,
                "recipient_role": role,
                "sent_at": sent_at,
                "delivered_at": delivered_at,
                "read_at": read_at,
                "delivery_latency_ms": milliseconds(sent_at, delivered_at),
                "read_latency_ms": milliseconds(sent_at, read_at),
            }
        )
    return found


@st.composite
def lakes(draw: DrawFn) -> Rows:
    several = [draw(chats(f"chat{number}")) for number in range(draw(st.integers(1, 2)))]
    return {
        table: [row for rows in several for row in rows[table]]
        for table in ("messages", "receipts", "contacts")
    }


# --- the view


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return made_lake({})


def countable(rows: list[Row]) -> Counter[Any]:
    """Rows in no order, with times as views have them: UTC without saying so."""
    return Counter(
        tuple(
            (name, value.replace(tzinfo=None) if isinstance(value, datetime) else value)
            for name, value in sorted(row.items())
        )
        for row in rows
    )


@given(rows=lakes())
def test_the_view_tells_when_each_message_was_read_at_the_latest(
    lake: duckdb.DuckDBPyConnection, rows: Rows
) -> None:
    refill(lake, rows)
    found = countable(ask(lake, "SELECT * FROM read_latency"))
    expected = countable(readings(rows))
    assert (found - expected, expected - found) == (Counter(), Counter())
