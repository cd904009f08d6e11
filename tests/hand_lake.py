"""A few chats made by hand: the rows from which answers can be worked out on paper."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from tests.made_lake import Row

MONDAY = date(2026, 11, 2)
TUESDAY = date(2026, 11, 3)
EVENT = "application/vnd.amazonaws.connect.event."
TRANSFERRED, EXPORTED, TOLD, LATE, SHARED = "transferred", "exported", "told", "late", "shared"


def at(clock: str, day: date = MONDAY) -> datetime:
    hour, minute, second = clock.split(":")
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - as tables have it
    return midnight + timedelta(hours=int(hour), minutes=int(minute), seconds=float(second))


def item(
    chat: str, item_id: str, sent_at: datetime, role: str, participant: str | None, **more: Any
) -> Row:
    return {
        "initial_contact_id": chat,
        "chat_day": MONDAY,
        "contact_id": chat,
        "item_id": item_id,
        "item_type": "MESSAGE",
        "content_type": "text/plain",
        "content": "x" * 10,
        "participant_id": participant,
        "participant_role": role,
        "sent_at": sent_at,
        "attachment_count": 0,
        "receipt_count": 0,
        **more,
    }


def moved(chat: str, way: str, sent_at: datetime, role: str, participant: str, **more: Any) -> Row:
    event = {"item_type": "EVENT", "content_type": f"{EVENT}participant.{way}", "content": None}
    return item(chat, f"{participant} {way}", sent_at, role, participant, **event | more)


def latency_ms(earlier: datetime, later: datetime | None) -> int | None:
    return None if later is None else (later - earlier) // timedelta(milliseconds=1)


def reading(
    chat: str, message_id: str, sent_at: datetime, read_state: str, *, of: Row, to: Row, **more: Any
) -> Row:
    """A row of read_latency; latencies are those of the times that are given."""
    read_at, joined_at = more.get("read_at"), more.get("recipient_joined_at")
    read_by_at = more.get("read_by_at", read_at)
    return {
        "initial_contact_id": chat,
        "chat_day": MONDAY,
        "contact_id": chat,
        "message_id": message_id,
        "recipients": 1,
        "message_length": 10,
        "sent_at": sent_at,
        "delivery_latency_ms": latency_ms(sent_at, more.get("delivered_at")),
        "read_latency_ms": latency_ms(sent_at, read_at),
        "read_by_at": read_by_at,
        "read_by_latency_ms": latency_ms(sent_at, read_by_at),
        "since_joined_ms": joined_at and latency_ms(max(sent_at, joined_at), read_at),
        "read_state": read_state,
        **of,
        **to,
        **more,
    }


TO_CUSTOMER = {"recipient_participant_id": "cu", "recipient_role": "CUSTOMER"}
TO_AGENT = {"recipient_participant_id": "ag", "recipient_role": "AGENT"}
TO_OTHER_AGENT = {"recipient_participant_id": "ag2", "recipient_role": "AGENT"}
OF_CUSTOMER = {"sender_participant_id": "cu", "sender_role": "CUSTOMER"}
OF_AGENT = {"sender_participant_id": "ag", "sender_role": "AGENT"}
for_agent = partial(reading, of=OF_CUSTOMER, to=TO_AGENT)
for_customer = partial(reading, of=OF_AGENT, to=TO_CUSTOMER)
SECOND_LEG = {"contact_id": "leg-2"}
IN_QUEUE: Row = {**SECOND_LEG, "queue_arn": "queue-1", "agent_arn": "agent-1"}

MESSAGES = [
    # A bot, then an agent: the customer writes three messages, the agent reads the last of them.
    moved(TRANSFERRED, "joined", at("10:00:00"), "CUSTOMER", "cu"),
    item(TRANSFERRED, "b1", at("10:00:01"), "CUSTOM_BOT", "bo", content="Hello"),
    item(TRANSFERRED, "s1", at("10:00:02"), "SYSTEM", "sy"),
    item(TRANSFERRED, "m1", at("10:00:10"), "CUSTOMER", "cu"),
    moved(TRANSFERRED, "joined", at("10:01:00"), "AGENT", "ag", **SECOND_LEG),
    item(TRANSFERRED, "m2", at("10:01:10"), "CUSTOMER", "cu", **SECOND_LEG),
    item(TRANSFERRED, "m3", at("10:01:12"), "CUSTOMER", "cu", **SECOND_LEG),
    item(TRANSFERRED, "a1", at("10:01:40"), "AGENT", "ag", **SECOND_LEG),
    item(TRANSFERRED, "a2", at("10:01:45"), "AGENT", "ag", content="y" * 200, **SECOND_LEG),
    item(TRANSFERRED, "m4", at("10:03:00"), "CUSTOMER", "cu", **SECOND_LEG),
    item(TRANSFERRED, "a3", at("10:06:00"), "AGENT", "ag", **SECOND_LEG),
    moved(TRANSFERRED, "left", at("10:06:40"), "CUSTOMER", "cu", **SECOND_LEG),
    # Of an earlier chat, shown again.
    item(
        TRANSFERRED,
        "old",
        at("10:00:00", date(2026, 10, 1)),
        "CUSTOMER",
        "cu",
        related_contact_id="earlier",
        chat_day=None,
    ),
    # Of an export alone: nobody knows who read what.
    moved(EXPORTED, "joined", at("11:00:00"), "CUSTOMER", "cu"),
    moved(EXPORTED, "joined", at("11:00:01"), "AGENT", "ag"),
    item(EXPORTED, "m1", at("11:00:10"), "CUSTOMER", "cu"),
    item(EXPORTED, "a1", at("11:00:30"), "AGENT", "ag"),
    # Over midnight.
    moved(LATE, "joined", at("23:59:00"), "CUSTOMER", "cu"),
    moved(LATE, "joined", at("23:59:10"), "AGENT", "ag"),
    item(LATE, "m1", at("23:59:58"), "CUSTOMER", "cu"),
    item(LATE, "m2", at("00:00:03", TUESDAY), "CUSTOMER", "cu"),
    item(LATE, "m3", at("00:00:20", TUESDAY), "CUSTOMER", "cu"),
    # Two agents at once.
    moved(SHARED, "joined", at("09:00:00", TUESDAY), "CUSTOMER", "cu", chat_day=TUESDAY),
    moved(SHARED, "joined", at("09:00:01", TUESDAY), "AGENT", "ag", chat_day=TUESDAY),
    moved(SHARED, "joined", at("09:00:02", TUESDAY), "AGENT", "ag2", chat_day=TUESDAY),
    moved(SHARED, "joined", at("09:00:03", TUESDAY), "SUPERVISOR", "su", chat_day=TUESDAY),
    item(SHARED, "m1", at("09:00:10", TUESDAY), "CUSTOMER", "cu", chat_day=TUESDAY),
]
READ_LATENCY = [
    reading(
        TRANSFERRED,
        "b1",
        at("10:00:01"),
        "read",
        of={"sender_participant_id": "bo", "sender_role": "CUSTOM_BOT"},
        to=TO_CUSTOMER,
        recipient_joined_at=at("10:00:00"),
        delivered_at=at("10:00:02"),
        read_at=at("10:00:05"),
        message_length=5,
    ),
    reading(
        TRANSFERRED,
        "s1",
        at("10:00:02"),
        "read",
        of={"sender_participant_id": "sy", "sender_role": "SYSTEM"},
        to=TO_CUSTOMER,
        recipient_joined_at=at("10:00:00"),
        read_at=at("10:00:05"),
    ),
    # In the queue: it waits for the agent, who reads the last of three.
    for_agent(
        TRANSFERRED,
        "m1",
        at("10:00:10"),
        "read_implied",
        recipient_joined_at=at("10:01:00"),
        read_by_at=at("10:01:30"),
    ),
    for_agent(
        TRANSFERRED,
        "m2",
        at("10:01:10"),
        "read_implied",
        recipient_joined_at=at("10:01:00"),
        read_by_at=at("10:01:30"),
        **IN_QUEUE,
    ),
    for_agent(
        TRANSFERRED,
        "m3",
        at("10:01:12"),
        "read",
        recipient_joined_at=at("10:01:00"),
        read_at=at("10:01:30"),
        **IN_QUEUE,
    ),
    for_customer(
        TRANSFERRED,
        "a1",
        at("10:01:40"),
        "read_implied",
        recipient_joined_at=at("10:00:00"),
        delivered_at=at("10:01:41"),
        read_by_at=at("10:01:50"),
        **IN_QUEUE,
    ),
    for_customer(
        TRANSFERRED,
        "a2",
        at("10:01:45"),
        "read",
        recipient_joined_at=at("10:00:00"),
        read_at=at("10:01:50"),
        message_length=200,
        **IN_QUEUE,
    ),
    # Delivered, and answered three minutes later.
    for_agent(
        TRANSFERRED,
        "m4",
        at("10:03:00"),
        "replied",
        recipient_joined_at=at("10:01:00"),
        delivered_at=at("10:03:01"),
        read_by_at=at("10:06:00"),
        **IN_QUEUE,
    ),
    # Observed until the customer left.
    for_customer(
        TRANSFERRED,
        "a3",
        at("10:06:00"),
        "not_seen",
        recipient_joined_at=at("10:00:00"),
        not_seen_for_ms=40_000,
        observed_to_end=False,
        **IN_QUEUE,
    ),
    for_agent(
        EXPORTED,
        "m1",
        at("11:00:10"),
        "replied",
        recipient_joined_at=at("11:00:01"),
        read_by_at=at("11:00:30"),
    ),
    for_customer(
        EXPORTED,
        "a1",
        at("11:00:30"),
        "unknown",
        recipient_joined_at=at("11:00:00"),
    ),
    for_agent(
        LATE,
        "m1",
        at("23:59:58"),
        "read_implied",
        recipient_joined_at=at("23:59:10"),
        read_by_at=at("00:00:13", TUESDAY),
    ),
    for_agent(
        LATE,
        "m2",
        at("00:00:03", TUESDAY),
        "read",
        recipient_joined_at=at("23:59:10"),
        read_at=at("00:00:13", TUESDAY),
    ),
    # The token died eight seconds later.
    for_agent(
        LATE,
        "m3",
        at("00:00:20", TUESDAY),
        "not_seen",
        recipient_joined_at=at("23:59:10"),
        not_seen_for_ms=8_000,
        observed_to_end=False,
    ),
    # Of four there are no receipts.
    *(
        reading(
            SHARED,
            "m1",
            at("09:00:10", TUESDAY),
            "unknown",
            of=OF_CUSTOMER,
            to=to,
            recipient_joined_at=at(joined, TUESDAY),
            chat_day=TUESDAY,
            recipients=2,
        )
        for to, joined in ((TO_AGENT, "09:00:01"), (TO_OTHER_AGENT, "09:00:02"))
    ),
]
# Connect counts an answer from the agent's joining, and says so in either spelling.
METRICS = (
    '{"AgentMetrics":{"MessagesSent":0},"ChatContactMetrics":{"TotalBotMessages":2,'
    '"TotalMessages":3},"CustomerMetrics":{"MessagesSent":1}}',
    '{"agentMetrics":{"messagesSent":3},"chatContactMetrics":{"agentFirstResponseTimeInMillis":'
    '41000,"totalBotMessages":0,"totalMessages":6},"customerMetrics":{"messagesSent":3}}',
)
CONTACTS: list[Row] = [
    {
        "initial_contact_id": TRANSFERRED,
        "chat_day": MONDAY,
        "contact_id": TRANSFERRED,
        "initiation_method": "API",
        "initiated_at": at("09:59:50"),
        "disconnected_at": at("10:01:00"),
        "chat_metrics": METRICS[0],
        "sources": "event,participant",
        "receipts_available": True,
        "complete": True,
        "published_at": at("10:16:00"),
    },
    {
        "initial_contact_id": TRANSFERRED,
        "chat_day": MONDAY,
        "contact_id": "leg-2",
        "previous_contact_id": TRANSFERRED,
        "initiation_method": "TRANSFER",
        "initiated_at": at("10:01:00"),
        "enqueued_at": at("10:00:20"),
        "connected_to_agent_at": at("10:01:00"),
        "disconnected_at": at("10:10:00"),
        "chat_metrics": METRICS[1],
        "queue_arn": "queue-1",
        "agent_arn": "agent-1",
        "sources": "event,participant",
        "receipts_available": True,
        "complete": True,
        "published_at": at("10:16:00"),
    },
    {
        "initial_contact_id": EXPORTED,
        "chat_day": MONDAY,
        "contact_id": EXPORTED,
        "sources": "export",
        "receipts_available": False,
        "complete": True,
        "published_at": at("12:00:00"),
    },
    {
        "initial_contact_id": TOLD,
        "chat_day": MONDAY,
        "contact_id": TOLD,
        "initiated_at": at("13:00:00"),
        "enqueued_at": at("13:00:05"),
        "disconnected_at": at("13:10:00"),
        "sources": "event",
        "complete": False,
        "published_at": at("13:30:00"),
    },
    {
        "initial_contact_id": LATE,
        "chat_day": MONDAY,
        "contact_id": LATE,
        "sources": "participant",
        "receipts_available": True,
        "complete": False,
        "published_at": at("12:00:00", TUESDAY),
    },
    {
        "initial_contact_id": SHARED,
        "chat_day": TUESDAY,
        "contact_id": SHARED,
        "sources": "participant",
        "receipts_available": True,
        "complete": True,
        "published_at": at("12:00:00", TUESDAY),
    },
]
ROWS = {
    "messages": MESSAGES,
    "read_latency": READ_LATENCY,
    "contacts": CONTACTS,
}
