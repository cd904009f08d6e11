"""Contact events as EventBridge may also deliver them, and what the oracle is told of it all."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from local.participant_service import Push
from local.participant_service.timeline import ContactEvent, ExportObject, Happening
from local.scripted.chat import Chat
from local.scripted.items import JsonObject
from tests.oracle import Input

_LONG_AFTER_MS = 10**13
_TYPING = "application/vnd.amazonaws.connect.event.typing"


def in_pascal_case(event: JsonObject) -> JsonObject:
    """The event as some of Connect's own samples spell it."""
    return event | {"detail": _pascal(event["detail"])}


def _pascal(detail: JsonObject) -> JsonObject:
    return {
        name[0].upper() + name[1:]: _pascal(value) if isinstance(value, dict) else value
        for name, value in detail.items()
    }


def unnamed(event: JsonObject) -> JsonObject:
    """The event without the contact that began its chat."""
    detail = {name: value for name, value in event["detail"].items() if name != "initialContactId"}
    return event | {"detail": detail}


def changed(event: JsonObject, **detail: str) -> JsonObject:
    """The event with other details."""
    other = copy.deepcopy(event)
    other["detail"] |= detail
    return other


def events_of(chat: Chat, contact_id: str | None = None) -> list[tuple[int, JsonObject]]:
    """The contact events of a chat, or of one leg of it, with their times."""
    return [
        (at_ms, event)
        for at_ms, event in chat.timed_contact_events()
        if contact_id in {None, event["detail"]["contactId"]}
    ]


def told_by(happenings: Iterable[Happening]) -> list[Input]:
    """What events and exports tell."""
    return [
        Input("event", thing.event) if isinstance(thing, ContactEvent) else exported(thing)
        for _, thing in happenings
    ]


def exported(export: ExportObject) -> Input:
    return Input("export", export.chat.export(export.leg))


def all_that_happened(chats: Iterable[Chat]) -> list[Input]:
    """What events, exports and a read after all tell of whole chats."""
    return [
        one
        for chat in chats
        for one in (
            *(Input("event", event) for event in chat.contact_events()),
            *(exported(ExportObject(chat, leg)) for leg in chat.legs),
            read_after_all(chat),
        )
    ]


def read_after_all(chat: Chat) -> Input:
    """The whole transcript as it is in the end."""
    [response] = chat.pages(page_size=100_000)
    return Input("response", response, read_at=_LONG_AFTER_MS, whole=True)


def heard(chat: Chat, pushed: Iterable[Push]) -> list[Input]:
    """What the frames tell that have arrived: each as if a read had answered that item alone."""
    return [
        Input("response", _answer(chat, push.frame.content(chat.initial_contact_id)), push.at_ms)
        for push in pushed
        if push.heard and push.frame.item.content_type != _TYPING
    ]


def _answer(chat: Chat, item: JsonObject) -> JsonObject:
    """The answer with one item, as GetTranscript has it: a receipt's names its message inside."""
    item = {name: value for name, value in item.items() if name != "InitialContactId"}
    metadata = item.get("MessageMetadata", {})
    if item["Type"] == "MESSAGEMETADATA" and metadata.get("MessageId") in {None, item["Id"]}:
        item["MessageMetadata"] = metadata | {"MessageId": item.pop("Id")}
    return {"InitialContactId": chat.initial_contact_id, "Transcript": [item]}
