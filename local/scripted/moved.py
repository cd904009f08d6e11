"""A scripted chat at another time: all of it happens as before, but earlier or later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from local.scripted.chat import Chat, Leg
from local.scripted.items import FOREVER_MS, Attachment, Item, Participant, Receipt
from local.scripted.transcript import past_items


def moved(chat: Chat, started_ms: int, source: Chat | None = None) -> Chat:
    """Return a chat as it would have been, had it started at another time.

    Parameters
    ----------
    chat
        What happened.
    started_ms
        When it starts instead.
    source
        The chat that it continues, where that was moved, too; None leaves what it brings back.
    """
    by_ms = started_ms - chat.started_ms
    people = {person: _participant(person, by_ms) for person in chat.participants}
    past = tuple(item for item in chat.items if item.contact_id is None)
    own = tuple(_item(item, by_ms, people) for item in chat.own_items)
    return replace(
        chat,
        started_ms=started_ms,
        ended_ms=chat.ended_ms + by_ms,
        legs=tuple(_leg(leg, by_ms) for leg in chat.legs),
        participants=tuple(people.values()),
        items=(*(past if source is None else past_items(source)), *own),
        readings=tuple(
            replace(
                reading,
                arrived_ms=reading.arrived_ms + by_ms,
                read_ms=_later(reading.read_ms, by_ms),
            )
            for reading in chat.readings
        ),
    )


def _later(time_ms: int | None, by_ms: int) -> int | None:
    return None if time_ms is None else time_ms + by_ms


def _participant(person: Participant, by_ms: int) -> Participant:
    return replace(person, joined_ms=person.joined_ms + by_ms, left_ms=person.left_ms + by_ms)


def _leg(leg: Leg, by_ms: int) -> Leg:
    return replace(
        leg,
        initiated_ms=leg.initiated_ms + by_ms,
        queued_ms=_later(leg.queued_ms, by_ms),
        connected_ms=_later(leg.connected_ms, by_ms),
        disconnected_ms=leg.disconnected_ms + by_ms,
        completed_ms=leg.completed_ms + by_ms,
    )


def _item(item: Item, by_ms: int, people: Mapping[Participant, Participant]) -> Item:
    processing, streaming = item.processing, item.streaming
    return replace(
        item,
        sent_ms=item.sent_ms + by_ms,
        sender=None if item.sender is None else people[item.sender],
        receipts=tuple(_receipt(receipt, by_ms) for receipt in item.receipts),
        attachments=tuple(_attachment(attachment, by_ms) for attachment in item.attachments),
        processing=processing and replace(processing, done_ms=processing.done_ms + by_ms),
        streaming=streaming and replace(streaming, began_ms=streaming.began_ms + by_ms),
    )


def _receipt(receipt: Receipt, by_ms: int) -> Receipt:
    return replace(
        receipt,
        delivered_ms=_later(receipt.delivered_ms, by_ms),
        read_ms=_later(receipt.read_ms, by_ms),
    )


def _attachment(attachment: Attachment, by_ms: int) -> Attachment:
    if attachment.settled_ms > FOREVER_MS:
        return attachment
    return replace(attachment, settled_ms=attachment.settled_ms + by_ms)
