"""Which messages of a chat wait for a receipt, told from its document alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.documents.items import NO_RECIPIENT, newest_time, resolve
from chatlake.documents.presence import joins, leaves
from chatlake.documents.receipt_events import message_id_of, receipts_of
from chatlake.identifiers import text_id
from chatlake.timestamps import parse_timestamp

if TYPE_CHECKING:
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

# Of a bot a receipt counts where it comes; none is waited for.
_WITHOUT_CLIENT = frozenset({"SYSTEM", "CUSTOM_BOT"})
_NEWEST = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """The messages of a chat that wait for a receipt of reading.

    Attributes
    ----------
    messages
        Ids of all that any recipient in the chat is not known to have read, and of those that
        nobody is known to have read.
    soon
        How many of them a recipient is likely to report yet: one that has read no later message,
        for of several at once clients report the latest alone.
    newest_at
        When something last happened, of its newest items, in epoch ms; None if they do not say.
    """

    messages: frozenset[str] = frozenset()
    soon: int = 0
    newest_at: int | None = None


def waiting_messages(document: Document) -> Waiting:
    """Find the messages that wait for a receipt, each recipient by itself.

    A recipient is who is known in the chat and has not left it, but the sender, SYSTEM, and a bot.
    """
    items = {item_id: resolve(stored) for item_id, stored in document.items.items()}
    own = {item_id: item for item_id, item in items.items() if not is_rehydrated(item)}
    readers = _readers(document, items)
    recipients = _Recipients()
    in_order = sorted(own, key=lambda item_id: _time(own[item_id]))
    for item_id in in_order:
        recipients.note(own[item_id])
    named = set().union(*readers.values()) - {NO_RECIPIENT}
    present = recipients.present | named - recipients.others
    messages: list[str] = []
    soon = 0
    done = set[str]()
    for item_id in reversed(in_order):
        if own[item_id].get("Type") != "MESSAGE":
            continue
        read_by = readers.get(message_id_of(item_id, own[item_id]), set())
        lacking = present - read_by - {text_id(own[item_id].get("ParticipantId"))}
        if NO_RECIPIENT not in read_by and (lacking or not read_by):
            messages.append(item_id)
            soon += bool(lacking - done)
        done |= read_by
    newest_us = newest_time(document.items[item_id] for item_id in in_order[-_NEWEST:])
    return Waiting(
        frozenset(messages), soon, newest_at=None if newest_us is None else newest_us // 1000
    )


def is_rehydrated(item: JsonObject) -> bool:
    """Return whether a persistent chat has brought an item back of an earlier one."""
    return text_id(item.get("RelatedContactId")) is not None


@dataclass(slots=True)
class _Recipients:
    """Who is in the chat, and who is known but never waited for: who has left, SYSTEM, bots."""

    present: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)

    def note(self, item: JsonObject) -> None:
        """Take the next item in order of time."""
        participant = text_id(item.get("ParticipantId"))
        if participant is None:
            return
        if leaves(item) or item.get("ParticipantRole") in _WITHOUT_CLIENT:
            self.present.discard(participant)
            self.others.add(participant)
        elif participant not in self.others or joins(item):
            self.others.discard(participant)
            self.present.add(participant)


def _readers(document: Document, items: dict[str, JsonObject]) -> dict[str, set[str]]:
    """Return who is known to have read what, by the ids of messages."""
    readers: dict[str, set[str]] = {}
    for item_id, stored in document.items.items():
        item = items[item_id]
        for recipient, receipt in receipts_of(item_id, stored, item).items():
            if parse_timestamp(receipt.get("ReadTimestamp")):
                readers.setdefault(message_id_of(item_id, item), set()).add(recipient)
    return readers


def _time(item: JsonObject) -> str:
    """Return a time by which the items of one chat can be sorted; the service writes all alike."""
    time = item.get("AbsoluteTime")
    return time if isinstance(time, str) else ""
