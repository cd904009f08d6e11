"""The event with which a flow of Amazon Connect invokes a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.exceptions import RejectedInput
from chatlake.identifiers import text_id

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject

_CHAT = "CHAT"


def is_flow_event(event: JsonObject) -> bool:
    """Return whether an event came from a flow."""
    return "requestContext" not in event


def chat_of_flow(event: JsonObject) -> tuple[str, str | None] | None:
    """Return the contact that a flow is in, and its initial contact if the event names it.

    None if it is no chat.

    Raises
    ------
    RejectedInput
        The event names no contact.
    """
    details = event.get("Details")
    data = details.get("ContactData") if isinstance(details, dict) else None
    data = data if isinstance(data, dict) else {}
    if str(data.get("Channel", _CHAT)).upper() != _CHAT:
        return None
    contact = text_id(data.get("ContactId"))
    if contact is None:
        message = "the flow's event names no contact"
        raise RejectedInput(message)
    return contact, text_id(data.get("InitialContactId"))
