"""Frames of the participant's websocket become documents.

A frame has a topic; those of ``aws/chat`` carry one item each, mostly as JSON text in JSON. What
comes of a frame is what GetTranscript would have answered of the same item, so that both merge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.documents.document import Document
from chatlake.documents.items import ends_chat, store_items
from chatlake.exceptions import RejectedInput
from chatlake.identifiers import text_id
from chatlake.json_codec import loads
from chatlake.timestamps import newest_us

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chatlake.json_codec import JsonObject

CHAT = "aws/chat"
SUBSCRIBE = "aws/subscribe"
HEARTBEAT = "aws/heartbeat"
PING = "aws/ping"
_INITIAL_CONTACT = "InitialContactId"
_TYPING = "application/vnd.amazonaws.connect.event.typing"
_OK = 200


@dataclass(frozen=True, slots=True)
class Frame:
    """What came over a websocket.

    Attributes
    ----------
    topic
        Empty if it has none.
    succeeded
        False if it is the answer to something that the service could not do.
    item
        Of ``aws/chat``, in the service's own JSON; None in a frame of another topic.
    """

    topic: str
    succeeded: bool = True
    item: JsonObject | None = None

    @property
    def is_typing(self) -> bool:
        """Whether it tells that somebody types, which no transcript keeps."""
        return self.item is not None and self.item.get("ContentType") == _TYPING


def parse_frame(data: bytes) -> Frame:
    """Read a frame.

    Raises
    ------
    RejectedInput
        It is no JSON object, nests too deep, or is of ``aws/chat`` and has no item. The message
        holds nothing of it.
    """
    value = _object(data, "a frame")
    topic = value.get("topic")
    if topic != CHAT:
        return Frame(topic if isinstance(topic, str) else "", _succeeded(value))
    content = value.get("content")
    if isinstance(content, str):
        # A lone surrogate becomes its escape, which JSON allows in a text.
        content = _object(content.encode(errors="backslashreplace"), "the content of a frame")
    if not isinstance(content, dict):
        message = "a frame of aws/chat holds no item"
        raise RejectedInput(message)
    return Frame(CHAT, item=content)


def names_another_chat(item: JsonObject, chat: str) -> bool:
    """Return whether an item says that it is of another chat."""
    named = text_id(item.get(_INITIAL_CONTACT))
    return named is not None and named != chat


def is_of(item: JsonObject, chat: str, legs: Collection[str]) -> bool:
    """Return whether an item that came over a chat's websocket is of that chat.

    What it says itself counts; without that, its contact must be a known leg. One that names
    neither is: metadata items never do. So is a rehydrated one (RelatedContactId), which is of an
    earlier chat and was shown again in this.
    """
    if text_id(item.get(_INITIAL_CONTACT)) is not None:
        return not names_another_chat(item, chat)
    contact = text_id(item.get("ContactId"))
    return contact is None or contact == chat or contact in legs


def need_legs(items: Iterable[JsonObject]) -> bool:
    """Return whether only the legs of a chat tell whether some items are of it.

    To find them takes long in a long chat, and few items come without their chat's name.
    """
    return any(
        text_id(item.get(_INITIAL_CONTACT)) is None and text_id(item.get("ContactId")) is not None
        for item in items
    )


def from_frames(
    chat: str,
    items: Iterable[JsonObject],
    *,
    legs: Collection[str],
    read_at: int,
    observed_until_ms: int | None,
    whole: bool,
) -> Document:
    """Make a document of the items of some frames of one chat.

    Parameters
    ----------
    chat, legs
        Whose they are: items of any other chat are left out (`is_of`).
    items
        In the service's own JSON; not altered.
    read_at
        When they came, in epoch ms.
    observed_until_ms
        Until when nothing can have been missed, in epoch ms; None if something may have been.
    whole
        True if they and what was read before are all of the chat.
    """
    own = [item for item in items if is_of(item, chat, legs)]
    # What ended the chat came last, so nothing before it is missing.
    ended = newest_us(item.get("AbsoluteTime") for item in own if ends_chat(item))
    observed = None if observed_until_ms is None else max(observed_until_ms * 1000, ended or 0)
    return Document(
        initial_contact_id=chat,
        provisional=not any(text_id(item.get(_INITIAL_CONTACT)) for item in own),
        items=store_items(map(_as_answered, own), source="participant", read_at=read_at),
        participant={
            "read_at": read_at,
            "whole_read_at": read_at if whole else None,
            "observed_until": observed,
            "saw_end": any(map(ends_chat, own)),
        },
    )


def _object(data: bytes, what: str) -> JsonObject:
    try:
        value = loads(data)
    except ValueError:
        message = f"{what} is no JSON, or nests too deep"
        raise RejectedInput(message) from None
    if not isinstance(value, dict):
        message = f"{what} is no object"
        raise RejectedInput(message)
    return value


def _succeeded(answer: JsonObject) -> bool:
    """Read whether an answer tells of a failure; one that says nothing of it tells of none."""
    content = answer.get("content")
    status = content.get("status") if isinstance(content, dict) else None
    return answer.get("statusCode") in (None, _OK) and status in (None, "success")


def _as_answered(item: JsonObject) -> JsonObject:
    """Return an item as GetTranscript answers it."""
    return {name: value for name, value in item.items() if name != _INITIAL_CONTACT}
