"""Rows of receipts: docs/row-rules.md §5."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from chatlake.documents.items import NO_RECIPIENT, RECEIPT_TIMES, merge_receipts
from chatlake.documents.merging import merge_into
from chatlake.documents.receipt_events import is_receipt_event
from chatlake.tables.flatten.columns import Extras, latency_ms, strings, timestamps
from chatlake.tables.flatten.roles import earliest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.documents.items import Receipt
    from chatlake.tables.flatten.items import Items
    from chatlake.tables.flatten.roles import Roles

type Key = tuple[int, str]
"""Position of a chat, and an id in it."""


@dataclass(slots=True)
class Receipts:
    """Receipts as parallel lists, one per message and recipient.

    `message` is the position of the message's item, None if it is not in the chat; `counts` has
    the number of receipts by position of the item.
    """

    chat: list[int] = field(default_factory=list)
    message: list[int | None] = field(default_factory=list)
    message_id: list[str] = field(default_factory=list)
    contact_id: list[str] = field(default_factory=list)
    recipient_id: list[str | None] = field(default_factory=list)
    raw: list[Receipt] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)


def gather_receipts(items: Items) -> Receipts:
    """Line up the receipts of all chats."""
    receipts = Receipts()
    carriers = defaultdict[Key, list[int]](list)
    chats = items.columns.column("chat").to_pylist()
    for item, carried in enumerate(items.receipts):
        if carried and items.is_current[item]:
            carriers[chats[item], items.message_id[item]].append(item)
    aliased = {
        chat
        for chat, item_id, message_id in zip(chats, items.item_id, items.message_id, strict=True)
        if item_id != message_id
    }
    indices: dict[int, dict[str, list[int]]] = {}
    for (chat, message_id), carrying in carriers.items():
        if chat not in aliased:
            # Nearly always a message carries its own receipts, and they are all.
            (first,) = named = carrying
            message = first if _may_have_receipts(items, first) else None
        else:
            if chat not in indices:
                indices[chat] = _index(items, chat)
            near = indices[chat][message_id]
            message = _message(items, message_id, near)
            if message is None and not all(items.is_current[item] for item in near):
                continue  # a message of an earlier chat
            first = earliest(items, carrying) if message is None else message
            named = [item for item in near if items.message_id[item] == message_id]
        carried = _merged(items, carrying)
        for recipient, receipt in carried.items():
            receipts.chat.append(chat)
            receipts.message.append(message)
            receipts.message_id.append(message_id)
            receipts.contact_id.append(items.contact_id[first])
            receipts.recipient_id.append(None if recipient == NO_RECIPIENT else recipient)
            receipts.raw.append(receipt)
        receipts.counts |= {item: len(carried) for item in named if items.is_current[item]}
    return receipts


def receipt_rows(items: Items, receipts: Receipts, roles: Roles) -> pa.Table:
    """Make the rows of receipts but for the columns that are the chat's, in their order."""
    extras = Extras()
    extras.add_unknown(receipts.raw, RECEIPT_TIMES)
    texts = strings(receipts.raw, sorted(RECEIPT_TIMES), extras)
    messages = items.columns.take(pa.array(receipts.message, pa.int64()))
    sent_at = messages.column("sent_at")
    times = {
        column: timestamps(texts[name], receipts.raw, name, extras)
        for column, name in (("delivered_at", "DeliveredTimestamp"), ("read_at", "ReadTimestamp"))
    }
    return pa.table(
        {
            "chat": pa.array(receipts.chat, pa.int32()),
            "contact_id": pa.array(receipts.contact_id, pa.string()),
            "message_id": pa.array(receipts.message_id, pa.string()),
            "sender_participant_id": messages.column("participant_id"),
            "sender_role": messages.column("participant_role"),
            "recipient_participant_id": pa.array(receipts.recipient_id, pa.string()),
            "recipient_role": pa.array(
                map(roles.get, zip(receipts.chat, receipts.recipient_id, strict=True)), pa.string()
            ),
            "sent_at": sent_at,
            **times,
            "delivery_latency_ms": latency_ms(times["delivered_at"], sent_at),
            "read_latency_ms": latency_ms(times["read_at"], sent_at),
            "extra": extras.column(len(receipts.raw)),
        }
    )


def _merged(items: Items, carrying: Iterable[int]) -> dict[str, Receipt]:
    merged: dict[str, Receipt] = {}
    for item in carrying:
        for recipient, receipt in (items.receipts[item] or {}).items():
            merge_into(merged, recipient, receipt, merge_receipts)
    return merged


def _index(items: Items, chat: int) -> dict[str, list[int]]:
    """Index a chat's items by item id and by message id."""
    index = defaultdict[str, list[int]](list)
    for item in items.of_chat(chat):
        for name in {items.item_id[item], items.message_id[item]}:
            index[name].append(item)
    return index


def _message(items: Items, message_id: str, near: Iterable[int]) -> int | None:
    """Find the message of a message id among the items that have it, as item id if one does."""
    current = [item for item in near if items.is_current[item] and _may_have_receipts(items, item)]
    own = [item for item in current if items.item_id[item] == message_id]
    return earliest(items, own or current) if current else None


def _may_have_receipts(items: Items, item: int) -> bool:
    """Tell whether an item may be the message of receipts, and is not a report of one itself."""
    return items.is_message[item] and not is_receipt_event(items.raw[item])
