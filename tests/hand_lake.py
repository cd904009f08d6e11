"""A few chats made by hand: the rows from which answers can be worked out on paper."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.made_lake import Row

MONDAY = date(2026, 11, 2)
TUESDAY = date(2026, 11, 3)
EVENT = "application/vnd.amazonaws.connect.event."
TRANSFERRED, EXPORTED, TOLD, LATE, SHARED = "transferred", "exported", "told", "late", "shared"


def at(clock: str, day: date = MONDAY) -> datetime:
    hour, minute, second = clock.split(":")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(hours=int(hour), minutes=int(minute), seconds=float(second))


def naive(clock: str, day: date = MONDAY) -> datetime:
    return at(clock, day).replace(tzinfo=None)


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


def receipt(
    chat: str,
    message_id: str,
    sent_at: datetime,
    *,
    delivered_at: datetime | None = None,
    read_at: datetime | None = None,
    to: Row,
) -> Row:
    def latency_ms(later: datetime | None) -> int | None:
        return None if later is None else (later - sent_at) // timedelta(milliseconds=1)

    return {
        "initial_contact_id": chat,
        "chat_day": MONDAY,
        "contact_id": chat,
        "message_id": message_id,
        "sent_at": sent_at,
        "delivered_at": delivered_at,
        "read_at": read_at,
        "delivery_latency_ms": latency_ms(delivered_at),
        "read_latency_ms": latency_ms(read_at),
        **to,
    }


TO_CUSTOMER = {"recipient_participant_id": "cu", "recipient_role": "CUSTOMER"}
TO_AGENT = {"recipient_participant_id": "ag", "recipient_role": "AGENT"}
SECOND_LEG = {"contact_id": "leg-2"}

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
    moved(TRANSFERRED, "left", at("10:05:00"), "CUSTOMER", "cu", **SECOND_LEG),
    item(TRANSFERRED, "a3", at("10:06:00"), "AGENT", "ag", **SECOND_LEG),
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
    # Two agents at once.
    moved(SHARED, "joined", at("09:00:00", TUESDAY), "CUSTOMER", "cu", chat_day=TUESDAY),
    moved(SHARED, "joined", at("09:00:01", TUESDAY), "AGENT", "ag", chat_day=TUESDAY),
    moved(SHARED, "joined", at("09:00:02", TUESDAY), "AGENT", "ag2", chat_day=TUESDAY),
    moved(SHARED, "joined", at("09:00:03", TUESDAY), "SUPERVISOR", "su", chat_day=TUESDAY),
    item(SHARED, "m1", at("09:00:10", TUESDAY), "CUSTOMER", "cu", chat_day=TUESDAY),
]
RECEIPTS = [
    receipt(
        TRANSFERRED,
        "b1",
        at("10:00:01"),
        delivered_at=at("10:00:02"),
        read_at=at("10:00:05"),
        to=TO_CUSTOMER,
    ),
    receipt(TRANSFERRED, "s1", at("10:00:02"), read_at=at("10:00:05"), to=TO_CUSTOMER),
    receipt(TRANSFERRED, "m3", at("10:01:12"), read_at=at("10:01:30"), to=TO_AGENT),
    receipt(TRANSFERRED, "a1", at("10:01:40"), delivered_at=at("10:01:41"), to=TO_CUSTOMER),
    receipt(TRANSFERRED, "a2", at("10:01:45"), read_at=at("10:01:50"), to=TO_CUSTOMER),
    receipt(TRANSFERRED, "m4", at("10:03:00"), delivered_at=at("10:03:01"), to=TO_AGENT),
    receipt(LATE, "m2", at("00:00:03", TUESDAY), read_at=at("00:00:13", TUESDAY), to=TO_AGENT),
]
CONTACTS: list[Row] = [
    {
        "initial_contact_id": TRANSFERRED,
        "chat_day": MONDAY,
        "contact_id": TRANSFERRED,
        "initiation_method": "API",
        "initiated_at": at("09:59:50"),
        "disconnected_at": at("10:01:00"),
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
        "disconnected_at": at("10:10:00"),
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
