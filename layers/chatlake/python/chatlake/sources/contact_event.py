"""Contact events become documents: what Connect reports of a contact's life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.document import Document
from chatlake.exceptions import RejectedInput
from chatlake.identifiers import instance_id, text_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.json_codec import JsonObject

_IDS = frozenset(
    {
        "agentArn",
        "contactId",
        "customerId",
        "eventType",
        "initialContactId",
        "instanceArn",
        "previousContactId",
        "queueArn",
        "relatedContactId",
    }
)
AGENT_INFO = ("agentArn", "connectedToAgentTimestamp", "hierarchyGroups")
QUEUE_INFO = ("enqueueTimestamp", "queueArn")
# Members that become columns, then the others that the service documents.
MEMBERS = (
    "agentInfo",
    "channel",
    "chatMetrics",
    "contactId",
    "customerId",
    "disconnectReason",
    "disconnectTimestamp",
    "eventType",
    "initialContactId",
    "initiationMethod",
    "initiationTimestamp",
    "instanceArn",
    "previousContactId",
    "queueInfo",
    "relatedContactId",
    "segmentAttributes",
    "tags",
)
OTHER_MEMBERS = (
    "campaign",
    "connectedToSystemTimestamp",
    "contactEvaluations",
    "contactLens",
    "recordings",
    "routingCriteria",
    "updatedProperties",
)


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
    detail = _spell(detail, (*MEMBERS, *OTHER_MEMBERS))
    for name, members in (("agentInfo", AGENT_INFO), ("queueInfo", QUEUE_INFO)):
        if isinstance(detail.get(name), dict):
            detail[name] = _spell(detail[name], members)
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


def _spell(members: JsonObject, names: Iterable[str]) -> JsonObject:
    """Spell known names as the documentation does, and leave out what counts as absent."""
    spelled = {
        name: value
        for name, value in members.items()
        if value is not None and (value != "" or name[:1].lower() + name[1:] not in _IDS)
    }
    for name in names:
        pascal = name[0].upper() + name[1:]
        if name not in spelled and pascal in spelled:
            spelled[name] = spelled.pop(pascal)
    return spelled
