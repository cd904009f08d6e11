"""The stored document of a chat, for a person or a program to read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from chatlake.exceptions import ContactUnknown
from chatlake.json_codec import loads

if TYPE_CHECKING:
    from chatlake.operations.archive import Archive

# What a customer wrote must not command the terminal of who reads it; and no encoding has halves
# of surrogate pairs.
_NOT_PRINTED = re.compile("[\x7f-\x9f\ud800-\udfff]")


def stored_document(contact_id: str, archive: Archive) -> str:
    """Return the document of the chat that a contact is a leg of, as JSON of many lines.

    Raises
    ------
    ContactUnknown
        There is none.
    UnreadableDocument
        There is one that this version cannot read.
    """
    chat = archive.chats.legs.initial_contacts([contact_id]).get(contact_id, contact_id)
    stored = archive.store.read(chat)
    if stored is None:
        erased = archive.chats.tombstones.erased([contact_id, chat])
        raise ContactUnknown(contact_id, erased=bool(erased))
    text = json.dumps(loads(stored.document.to_bytes()), ensure_ascii=False, indent=2)
    return _NOT_PRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
