"""Whether the customer's page is in the chat, told from its document alone.

Until it is, nobody else may open a websocket of its participant: Connect ends a chat whose client
does not come within five minutes, and would take that socket for the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.capture.waiting_messages import is_rehydrated
from chatlake.documents.items import resolve
from chatlake.documents.presence import joins
from chatlake.identifiers import text_id

if TYPE_CHECKING:
    from chatlake.documents.document import Document


def is_attended(document: Document) -> bool:
    """Return whether the customer has joined, or has done what only who has joined can do.

    One message alone may be StartChatContact's InitialMessage, which a back end sent.
    """
    messages = 0
    customers: set[str] = set()
    recipients: set[str] = set()
    for stored in document.items.values():
        item = resolve(stored)
        recipients |= stored.get("receipts", {}).keys()
        if is_rehydrated(item) or item.get("ParticipantRole") != "CUSTOMER":
            continue
        if joins(item):
            return True
        customers.add(text_id(item.get("ParticipantId")) or "")
        messages += item.get("Type") == "MESSAGE"
    return messages > 1 or bool(recipients & customers - {""})
