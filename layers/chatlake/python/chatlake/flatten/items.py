"""The items of some chats as parallel lists, which columns are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.document import METADATA, resolve, text_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.document import Document
    from chatlake.json_codec import JsonObject

_METADATA_TYPES = ("MESSAGEMETADATA", "MESSAGE_METADATA")


@dataclass(slots=True)
class Items:
    """Items as parallel lists, chat by chat.

    Attributes
    ----------
    chat
        Position of the item's chat among the documents.
    raw
        The resolved items in the service's own JSON.
    is_current
        False for a rehydrated item, which came from an earlier chat.
    receipts
        What the item carries, by recipient.
    starts
        Where each chat begins, and at last where the last one ends.
    """

    chat: list[int] = field(default_factory=list)
    item_id: list[str] = field(default_factory=list)
    message_id: list[str] = field(default_factory=list)
    contact_id: list[str] = field(default_factory=list)
    raw: list[JsonObject] = field(default_factory=list)
    is_current: list[bool] = field(default_factory=list)
    receipts: list[JsonObject] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])

    def of_chat(self, chat: int) -> range:
        """Give the rows of a chat."""
        return range(self.starts[chat], self.starts[chat + 1])


def gather_items(documents: Sequence[Document]) -> tuple[Items, Items]:
    """Line up the items of all chats: those with a row in messages, and the metadata items."""
    messages, metadata_items = Items(), Items()
    nothing: JsonObject = {}
    for chat, document in enumerate(documents):
        for item_id, entry in document.items.items():
            item = resolve(entry)
            metadata = item.get(METADATA)
            message_id = text_id(metadata.get("MessageId")) if isinstance(metadata, dict) else None
            related = text_id(item.get("RelatedContactId"))
            rows = metadata_items if item.get("Type") in _METADATA_TYPES else messages
            rows.chat.append(chat)
            rows.item_id.append(item_id)
            rows.message_id.append(message_id or item_id)
            rows.contact_id.append(
                text_id(item.get("ContactId")) or related or _read_under(document, entry)
            )
            rows.raw.append(item)
            rows.is_current.append(related is None)
            rows.receipts.append(entry.get("receipts", nothing))
        messages.starts.append(len(messages.raw))
        metadata_items.starts.append(len(metadata_items.raw))
    return messages, metadata_items


def _read_under(document: Document, entry: JsonObject) -> str:
    contacts: list[str] = entry["read_under"]
    initial = document.initial_contact_id
    return initial if initial in contacts else contacts[0]
