"""Contact events become documents: what the service announces of a contact's life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.document import Document, text_id
from chatlake.exceptions import RejectedInput
from chatlake.transcript_export import instance_id

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject

_NESTED = ("agentInfo", "queueInfo")


def from_event(event: JsonObject, *, initial_contact_id: str | None = None) -> Document:
    """Make a document of one contact event.

    Parameters
    ----------
    event
        The whole EventBridge event, raw; not altered. Some sample events of the service write
        names with a capital letter, so both are read.
    initial_contact_id
        What is known of the contact from elsewhere; used when the event does not say.

    Raises
    ------
    RejectedInput
        It has no object ``detail`` with a ``contactId`` and an ``eventType``.
    """
    detail = event.get("detail")
    if not isinstance(detail, dict):
        message = "it has no object detail: not a contact event"
        raise RejectedInput(message)
    detail = _camel_case(detail)
    for name in _NESTED:
        if isinstance(detail.get(name), dict):
            detail[name] = _camel_case(detail[name])
    contact_id, event_type = text_id(detail.get("contactId")), text_id(detail.get("eventType"))
    if contact_id is None or event_type is None:
        message = "its detail has no contactId or no eventType"
        raise RejectedInput(message)
    named = text_id(detail.get("initialContactId")) or initial_contact_id
    return Document(
        initial_contact_id=named or contact_id,
        provisional=named is None,
        instance_id=instance_id(detail.get("instanceArn")),
        events={contact_id: {event_type: {"time": event.get("time"), "detail": detail}}},
    )


def _camel_case(members: JsonObject) -> JsonObject:
    return {name[:1].lower() + name[1:]: value for name, value in members.items()}
