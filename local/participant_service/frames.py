"""What the websocket of a chat's participants carries: which frames are due, and when.

The times are of the script. Chances are drawn from the chat's id, so every run has the same frames.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID, uuid5

from local.participant_service.behaviour import Behaviour
from local.scripted.chat import Chat
from local.scripted.items import EVENT_TYPES, FOREVER_MS, Item, JsonObject, Receipt, timestamp

_METADATA = EVENT_TYPES + "message.metadata"
_LONGEST_DELAY_MS = 1_500
_TYPING_SHARE = 0.3
_TYPED_BEFORE_MS = 1_800


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame on its way.

    Attributes
    ----------
    due_ms, at_ms
        When it is pushed, and the moment of what it tells.
    item
        What it tells of: an item of the chat, or a typing event that the transcript does not have.
    place
        Of the item in the transcript, None if it is not there.
    receipt
        What was reported of the item, if the frame tells of that and not of the item.
    has_message_id
        Whether a receipt's frame names the message beside its own id.
    """

    due_ms: int
    at_ms: int
    item: Item
    place: int | None = None
    receipt: Receipt | None = None
    has_message_id: bool = True

    @property
    def tells_receipts(self) -> bool:
        """Whether it is of a receipt, not of something that was said or done."""
        return self.receipt is not None or self.item.type == "MESSAGEMETADATA"

    def content(self, initial_contact_id: str) -> JsonObject:
        """Return the item that the frame holds."""
        if self.receipt is not None:
            return self._metadata(self.receipt)
        if self.item.type == "MESSAGEMETADATA":
            return replace(self.item, contact_id=None).as_of(self.at_ms)
        # Receipts come in frames of their own, whenever the item itself is sent.
        said = replace(self.item, receipts=(), shows_empty_metadata=False).as_of(self.at_ms)
        said["InitialContactId"] = initial_contact_id
        return said

    def _metadata(self, receipt: Receipt) -> JsonObject:
        """Return an item of metadata, which names no contact."""
        message = self.item.item_id
        known = receipt.as_of(self.at_ms)
        own = str(uuid5(UUID(message), f"{receipt.recipient_id} {self.at_ms}"))
        metadata: JsonObject = {"Receipts": [known] if known else []}
        if self.has_message_id:
            metadata["MessageId"] = message
        return {
            "AbsoluteTime": timestamp(self.at_ms),
            "ContentType": _METADATA,
            "Id": own if self.has_message_id else message,
            "Type": "MESSAGEMETADATA",
            "MessageMetadata": metadata,
        }


def as_text(content: JsonObject) -> str:
    """Return the frame that carries an item."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    frame = {"topic": "aws/chat", "contentType": "application/json", "content": text}
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def frames_of(chat: Chat, behaviour: Behaviour) -> list[Frame]:
    """Return all frames of a chat in the order in which they are pushed."""
    rng = Random(f"{chat.initial_contact_id}/frames")
    told = sorted(_told(chat, rng, behaviour), key=lambda frame: frame.at_ms)
    return sorted(_on_their_way(told, chat, rng, behaviour), key=lambda frame: frame.due_ms)


def _told(chat: Chat, rng: Random, behaviour: Behaviour) -> Iterator[Frame]:
    has_items_of_receipts = any(item.type == "MESSAGEMETADATA" for item in chat.own_items)
    for place, item in enumerate(chat.items):
        if item.contact_id is None:
            continue
        yield from _typing(item, chat, rng)
        for at_ms in (item.sent_ms, *_changes(item)):
            if at_ms < FOREVER_MS:
                yield Frame(at_ms, at_ms, item, place)
        if item.type == "MESSAGEMETADATA" or has_items_of_receipts:
            continue
        for receipt in item.receipts:
            for at_ms in _reported(receipt):
                has_id = rng.random() >= behaviour.metadata_without_id
                yield Frame(at_ms, at_ms, item, place, receipt, has_id)


def _changes(item: Item) -> list[int]:
    """Return when an item is sent again: its next piece came, its file or its text is settled."""
    if item.type == "MESSAGEMETADATA":
        return []
    return replace(item, receipts=()).changes()


def _reported(receipt: Receipt) -> list[int]:
    times = {receipt.delivered_ms, receipt.read_ms} - {None}
    return sorted(time_ms - receipt.skew_ms for time_ms in times if time_ms is not None)


def _typing(item: Item, chat: Chat, rng: Random) -> Iterator[Frame]:
    """Yield that somebody types; few messages are typed for all to see."""
    luck = rng.random()
    if item.type != "MESSAGE" or item.sender is None or item.sender.role == "SYSTEM":
        return
    at_ms = max(item.sent_ms - _TYPED_BEFORE_MS, item.sender.joined_ms, chat.started_ms) + 1
    if luck < _TYPING_SHARE and at_ms < item.sent_ms:
        typed = Item(
            item_id=str(uuid5(UUID(item.item_id), "typing")),
            type="EVENT",
            sent_ms=at_ms,
            contact_id=item.contact_id,
            sender=item.sender,
            content_type=EVENT_TYPES + "typing",
        )
        yield Frame(at_ms, at_ms, typed)


def _on_their_way(
    frames: Iterable[Frame], chat: Chat, rng: Random, behaviour: Behaviour
) -> Iterator[Frame]:
    """Yield the frames with their delays, some of them twice; the last ones come as they are."""
    # What came before the customer goes is there before that, however long an end waits.
    last_ms = chat.closing_ms - 1
    for frame in frames:
        # Each is drawn for each frame, so that one share changes nothing of what another does.
        late, twice = rng.random() < behaviour.frames_late, rng.random() < behaviour.frames_twice
        first_ms, second_ms = (int(rng.uniform(1, _LONGEST_DELAY_MS)) for _ in range(2))
        if frame.at_ms > last_ms:
            if frame.at_ms <= chat.ended_ms:
                yield frame
            continue
        due_ms = frame.at_ms + first_ms if late else frame.at_ms
        yield replace(frame, due_ms=min(due_ms, last_ms))
        if twice:
            yield replace(frame, due_ms=min(due_ms + second_ms, last_ms))
