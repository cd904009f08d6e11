"""Rows of receipts: docs/row-rules.md §5."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from chatlake.document import RECEIPT_TIMES, merge_receipts, text_id
from chatlake.flatten.columns import Extras, latency_ms, timestamps
from chatlake.json_codec import well_formed
from chatlake.timestamps import microseconds, parse_timestamp

if TYPE_CHECKING:
    from chatlake.flatten.items import Items
    from chatlake.json_codec import JsonObject

_TYPES_WITHOUT_RECEIPTS = ("MESSAGE_DELIVERED", "MESSAGE_READ")
_END_OF_TIME_US = 2**63


@dataclass(slots=True)
class Receipts:
    """Receipts as parallel lists, chat by chat; `message` is its row in messages, or None.

    `counts` has the number of receipts for each row of messages.
    """

    chat: list[int] = field(default_factory=list)
    message: list[int | None] = field(default_factory=list)
    message_id: list[str] = field(default_factory=list)
    contact_id: list[str] = field(default_factory=list)
    recipient_id: list[str | None] = field(default_factory=list)
    recipient_role: list[str | None] = field(default_factory=list)
    raw: list[JsonObject] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


def gather_receipts(messages: Items, metadata_items: Items) -> Receipts:
    """Line up the receipts of all chats: one per message and recipient."""
    receipts = Receipts()
    for chat in range(len(messages.starts) - 1):
        by_message = _by_message(messages, metadata_items, chat)
        if not by_message:
            receipts.counts.extend([0] * len(messages.of_chat(chat)))
            continue
        roles = _roles(messages, metadata_items, chat)
        rows = {messages.item_id[row]: row for row in messages.of_chat(chat)}
        counts: dict[str, int] = {}
        for message_id, carried in by_message.items():
            row = rows.get(message_id)
            if row is None or not messages.is_current[row]:
                row = _other_row(messages, chat, message_id)
                if row is None and _is_rehydrated(messages, metadata_items, chat, message_id):
                    continue
            contact_id = (
                messages.contact_id[row]
                if row is not None
                else _first_carrier_contact(metadata_items, chat, message_id)
            )
            counts[message_id] = len(carried)
            for recipient, receipt in carried.items():
                receipts.chat.append(chat)
                receipts.message.append(row)
                receipts.message_id.append(message_id)
                receipts.contact_id.append(contact_id)
                receipts.recipient_id.append(recipient or None)
                receipts.recipient_role.append(roles.get(recipient))
                receipts.raw.append(receipt)
        receipts.counts.extend(
            counts.get(messages.message_id[row], 0) if messages.is_current[row] else 0
            for row in messages.of_chat(chat)
        )
    return receipts


def receipt_columns(receipts: Receipts, messages: pa.Table) -> dict[str, pa.Array]:
    """Make the columns of receipts but for those that are the chat's."""
    extras = Extras()
    extras.add_unknown(receipts.raw, RECEIPT_TIMES)
    rows = pa.array(receipts.message, pa.int64())
    sent_at = messages.column("sent_at").take(rows)
    delivered_at = timestamps(receipts.raw, "DeliveredTimestamp", extras)
    read_at = timestamps(receipts.raw, "ReadTimestamp", extras)
    return {
        "contact_id": pa.array(receipts.contact_id, pa.string()),
        "message_id": pa.array(receipts.message_id, pa.string()),
        "sender_participant_id": messages.column("participant_id").take(rows),
        "sender_role": messages.column("participant_role").take(rows),
        "recipient_participant_id": pa.array(receipts.recipient_id, pa.string()),
        "recipient_role": pa.array(receipts.recipient_role, pa.string()),
        "sent_at": sent_at,
        "delivered_at": delivered_at,
        "read_at": read_at,
        "delivery_latency_ms": latency_ms(delivered_at, sent_at),
        "read_latency_ms": latency_ms(read_at, sent_at),
        "extra": extras.column(len(receipts.raw)),
    }


def _by_message(messages: Items, metadata_items: Items, chat: int) -> dict[str, JsonObject]:
    """Bring together what the current items of a chat carry, by message id and recipient."""
    by_message: dict[str, JsonObject] = {}
    for items in (messages, metadata_items):
        for row in items.of_chat(chat):
            carried = items.receipts[row]
            if (
                carried
                and items.is_current[row]
                and items.raw[row].get("Type") not in _TYPES_WITHOUT_RECEIPTS
            ):
                known = by_message.get(items.message_id[row], {})
                by_message[items.message_id[row]] = {**known, **carried} | {
                    recipient: merge_receipts(known[recipient], carried[recipient])
                    for recipient in known.keys() & carried.keys()
                }
    return by_message


def _roles(messages: Items, metadata_items: Items, chat: int) -> dict[str, str]:
    """Give the role of each participant: that of its earliest item, if it has several."""
    roles: dict[str, str] = {}
    disputed = set[str]()
    said = [
        (participant, role, items, row)
        for items in (messages, metadata_items)
        for row in items.of_chat(chat)
        if items.is_current[row]
        and isinstance(role := items.raw[row].get("ParticipantRole"), str)
        and (participant := text_id(items.raw[row].get("ParticipantId")))
    ]
    for participant, role, _, _ in said:
        if roles.setdefault(participant, role) != role:
            disputed.add(participant)
    for participant in disputed:
        earliest = min(
            (_order(items, row), role) for who, role, items, row in said if who == participant
        )
        roles[participant] = earliest[1]
    return {participant: well_formed(role) for participant, role in roles.items()}


def _other_row(messages: Items, chat: int, message_id: str) -> int | None:
    """Find the earliest current message that names this message id in its metadata."""
    rows = (
        row
        for row in messages.of_chat(chat)
        if messages.message_id[row] == message_id and messages.is_current[row]
    )
    return min(rows, key=lambda row: _order(messages, row), default=None)


def _is_rehydrated(messages: Items, metadata_items: Items, chat: int, message_id: str) -> bool:
    """Tell whether an item of an earlier chat has this id, as item or as message."""
    return any(
        not items.is_current[row] and message_id in (items.item_id[row], items.message_id[row])
        for items in (messages, metadata_items)
        for row in items.of_chat(chat)
    )


def _first_carrier_contact(metadata_items: Items, chat: int, message_id: str) -> str:
    """Give the contact of the earliest metadata item that carries receipts of a message."""
    rows = (
        row
        for row in metadata_items.of_chat(chat)
        if metadata_items.message_id[row] == message_id
        and metadata_items.receipts[row]
        and metadata_items.is_current[row]
    )
    return metadata_items.contact_id[min(rows, key=lambda row: _order(metadata_items, row))]


def _order(items: Items, row: int) -> tuple[int, str]:
    moment = parse_timestamp(items.raw[row].get("AbsoluteTime"))
    return _END_OF_TIME_US if moment is None else microseconds(moment), items.item_id[row]
