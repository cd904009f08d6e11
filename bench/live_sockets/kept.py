"""What the stored documents have of what was said and reported, beside the truth of the scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatlake.documents.document import Document
from chatlake.documents.items import resolve
from chatlake.documents.receipt_events import message_id_of, receipts_of
from local.scripted.chat import Chat

type Key = tuple[str, str]
"""A message, and a recipient of it."""
type Times = tuple[str | None, str | None]
"""When it was delivered and read, in the service's words."""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A chat that is not all kept: how many receipts and messages are missing of it.

    Attributes
    ----------
    last_ms
        How long before its end the last of the missing messages was sent; None without any.
    """

    chat: str
    kind: str
    ended_ms: int
    life_ms: int
    receipts: int
    messages: int
    last_ms: int | None

    def __str__(self) -> str:
        last = "" if self.last_ms is None else f", the last {self.last_ms / 1000:.1f} s before it"
        return (
            f"{self.chat} ({self.kind}, {self.life_ms / 60_000:.1f} min): "
            f"{self.receipts} receipts, {self.messages} messages{last}"
        )


@dataclass(slots=True)
class Kept:
    """How much is kept of the chats that ended in a run.

    Attributes
    ----------
    chats, undocumented
        Those that ended, and those of them that have no document.
    messages, messages_missing
        What was said, and what of it is in no document.
    receipts, receipts_kept
        Those that were reported before their chat ended, and those that are kept with all times.
    incomplete
        The chats that miss something, in the order of their ends.
    invented
        Those in documents that were not reported with these times: some that are kept in part, too.
    """

    chats: int = 0
    undocumented: int = 0
    messages: int = 0
    messages_missing: int = 0
    receipts: int = 0
    receipts_kept: int = 0
    invented: int = 0
    incomplete: list[Incomplete] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of receipts that are kept."""
        return self.receipts_kept / self.receipts if self.receipts else 1.0

    def lost_from(self, from_ms: int, to_ms: int) -> int:
        """Return how many receipts are lost of the chats that ended meanwhile."""
        return sum(one.receipts for one in self.incomplete if from_ms <= one.ended_ms < to_ms)


def compare(chats: Iterable[Chat], read: Callable[[str], Document | None]) -> Kept:
    """Hold the documents of chats that are over against their scripts."""
    kept = Kept()
    for chat in sorted(chats, key=lambda chat: chat.ended_ms):
        _add(kept, chat, read(chat.initial_contact_id))
    return kept


def _add(kept: Kept, chat: Chat, document: Document | None) -> None:
    kept.chats += 1
    kept.undocumented += document is None
    items = {} if document is None else document.items
    said = {item.item_id: item.sent_ms for item in chat.own_items if item.type == "MESSAGE"}
    unread = said.keys() - items.keys()
    kept.messages += len(said)
    kept.messages_missing += len(unread)
    reported = _reported(chat)
    known = {} if document is None else _known(document)
    have = sum(known.get(key) == times for key, times in reported.items())
    kept.receipts += len(reported)
    kept.receipts_kept += have
    kept.invented += sum(reported.get(key) != times for key, times in known.items())
    if unread or have < len(reported):
        kept.incomplete.append(
            Incomplete(
                chat=chat.initial_contact_id,
                kind=chat.kind,
                ended_ms=chat.ended_ms,
                life_ms=chat.ended_ms - chat.started_ms,
                receipts=len(reported) - have,
                messages=len(unread),
                last_ms=max((chat.ended_ms - said[item] for item in unread), default=None),
            )
        )


def _reported(chat: Chat) -> dict[Key, Times]:
    """Return when messages were received and read, as far as the service was told by the end."""
    reported: dict[Key, Times] = {}
    for item in chat.own_items:
        metadata = item.as_of(chat.ended_ms).get("MessageMetadata") or {}
        message = metadata.get("MessageId") or item.item_id
        for receipt in metadata.get("Receipts") or ():
            key = message, receipt["RecipientParticipantId"]
            reported[key] = _earliest(reported.get(key), _times(receipt))
    return reported


def _known(document: Document) -> dict[Key, Times]:
    """Return when messages were received and read, as a document has it."""
    known: dict[Key, Times] = {}
    for item_id, stored in document.items.items():
        item = resolve(stored)
        if item.get("RelatedContactId") is None:
            for recipient, receipt in receipts_of(item_id, stored, item).items():
                key = message_id_of(item_id, item), recipient
                known[key] = _earliest(known.get(key), _times(receipt))
    return known


def _times(receipt: Mapping[str, Any]) -> Times:
    return receipt.get("DeliveredTimestamp"), receipt.get("ReadTimestamp")


def _earliest(before: Times | None, now: Times) -> Times:
    if before is None:
        return now
    delivered, read = (
        min(filter(None, pair), default=None) for pair in zip(before, now, strict=True)
    )
    return delivered, read
