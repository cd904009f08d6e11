"""From what was said in a scene to the items of its transcript, receipts included."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import NamedTuple

from local.scripted.chat import Chat
from local.scripted.draft import Line, Member, timed_uuid
from local.scripted.figures import chat_metrics
from local.scripted.items import EVENT_TYPES, Item, Participant, Reading, Receipt
from local.scripted.receipts import receipts_of
from local.scripted.scene import Scene
from local.scripted.streamed import streamed


def chat_of(scene: Scene, index: int, source: Chat | None) -> Chat:
    """Return the chat that a finished scene shows.

    Parameters
    ----------
    scene
        A scene whose last leg is closed.
    index
        The number of the chat within its run.
    source
        The chat that this one continues, whose items it brings back; None for most.
    """
    members = scene.members
    for member in members:
        member.left_ms = min(member.left_ms, scene.now_ms)
    participants = tuple(_participant(member) for member in members)
    own, readings = _items(scene, participants)
    past = () if source is None else past_items(source)
    return Chat(
        index=index,
        kind=scene.traits.kind,
        language=scene.traits.language.code,
        initial_contact_id=scene.initial_contact_id,
        started_ms=scene.started_ms,
        ended_ms=scene.now_ms,
        legs=tuple(replace(leg, metrics=chat_metrics(leg, own)) for leg in scene.legs),
        participants=participants,
        items=(*past, *own),
        past_chats=0 if source is None else 2 if source.past_chats == 1 else 1,
        readings=readings,
    )


def past_items(source: Chat) -> tuple[Item, ...]:
    """Return the items of a chat as the next one brings them back.

    The service reads them from the exports, so they have no receipts. Of what the chat itself
    brought back, the items of a single chat stay; two would make three.
    """
    kept = source.items if source.past_chats == 1 else source.own_items
    return tuple(_brought_back(item) for item in kept if item.exported)


def _brought_back(item: Item) -> Item:
    return replace(
        item,
        contact_id=None,
        related_contact_id=item.contact_id or item.related_contact_id,
        message_id=None,
        receipts=(),
        processing=None,
        streaming=None,
    )


def _participant(member: Member) -> Participant:
    return Participant(
        member.participant_id, member.role, member.name, member.joined_ms, member.left_ms
    )


def _items(
    scene: Scene, participants: tuple[Participant, ...]
) -> tuple[list[Item], tuple[Reading, ...]]:
    rng, traits = scene.rng, scene.traits
    receipts, arrivals = receipts_of(rng, scene.lines, scene.members)
    inline = traits.receipt_shape != "separate"
    empty = inline and traits.shows_empty_metadata
    items = [
        _item(rng, line, participants, receipts.get(place, ()) if inline else (), empty=empty)
        for place, line in enumerate(scene.lines)
    ]
    for place, streaming in streamed(scene).items():
        items[place] = replace(items[place], streaming=streaming)
    readings = tuple(
        Reading(
            items[arrival.message].item_id,
            reader.participant_id,
            arrival.arrived_ms,
            arrival.read_ms,
        )
        for reader, arrival in arrivals
    )
    if traits.receipt_shape == "inline" and not traits.receipt_items:
        return items, readings
    reports = [
        _Report(items[place], receipt, time_ms)
        for place, of_message in receipts.items()
        for receipt in of_message
        for time_ms in _known_ms(receipt)
    ]
    if traits.receipt_shape != "inline":
        items += [_metadata_item(rng, report) for report in reports]
    if traits.receipt_items:
        recipients = {participant.participant_id: participant for participant in participants}
        items += [_receipt_item(rng, report, recipients) for report in reports]
    items.sort(key=lambda item: item.sent_ms)
    return items, readings


def _item(
    rng: Random,
    line: Line,
    participants: tuple[Participant, ...],
    receipts: tuple[Receipt, ...],
    *,
    empty: bool,
) -> Item:
    item_id = timed_uuid(rng, line.sent_ms)
    is_message = line.type == "MESSAGE"
    return Item(
        item_id,
        line.type,
        line.sent_ms,
        line.contact_id,
        None if line.sender is None else participants[line.sender],
        line.content_type,
        line.content,
        item_id if is_message else None,
        receipts,
        empty and is_message,
        () if line.attachment is None else (line.attachment,),
        line.processing,
    )


class _Report(NamedTuple):
    """One time at which the service learned of a receipt of a message."""

    message: Item
    receipt: Receipt
    known_ms: int

    @property
    def is_read(self) -> bool:
        read_ms = self.receipt.read_ms
        return read_ms is not None and read_ms - self.receipt.skew_ms == self.known_ms


def _known_ms(receipt: Receipt) -> list[int]:
    times = {receipt.delivered_ms, receipt.read_ms} - {None}
    return sorted(time_ms - receipt.skew_ms for time_ms in times if time_ms is not None)


def _metadata_item(rng: Random, report: _Report) -> Item:
    """Return the receipt as an item of its own, with what was new at its time."""
    receipt = report.receipt
    new_ms = report.known_ms + receipt.skew_ms
    return Item(
        item_id=timed_uuid(rng, report.known_ms),
        type="MESSAGEMETADATA",
        sent_ms=report.known_ms,
        contact_id=report.message.contact_id,
        content_type=EVENT_TYPES + "message.metadata",
        message_id=report.message.item_id,
        receipts=(
            Receipt(
                receipt.recipient_id,
                receipt.delivered_ms if receipt.delivered_ms == new_ms else None,
                receipt.read_ms if receipt.read_ms == new_ms else None,
                receipt.skew_ms,
            ),
        ),
    )


def _receipt_item(rng: Random, report: _Report, recipients: dict[str, Participant]) -> Item:
    """Return the event that the recipient's client sent."""
    verb = "read" if report.is_read else "delivered"
    return Item(
        item_id=timed_uuid(rng, report.known_ms),
        type=f"MESSAGE_{verb.upper()}",
        sent_ms=report.known_ms,
        contact_id=report.message.contact_id,
        sender=recipients[report.receipt.recipient_id],
        content_type=f"{EVENT_TYPES}message.{verb}",
        content=f'{{"messageId":"{report.message.item_id}"}}',
    )
