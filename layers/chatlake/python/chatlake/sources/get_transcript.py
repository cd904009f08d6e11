"""GetTranscript responses become documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.document import Document
from chatlake.documents.item_ids import METADATA
from chatlake.documents.items import RECEIPT_TIMES, ends_chat, store_items
from chatlake.exceptions import RejectedInput
from chatlake.identifiers import text_id
from chatlake.timestamps import newest_us

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject


def from_response(
    value: JsonObject,
    *,
    read_at: int = 0,
    whole: bool = False,
    reached: bool = True,
    observed_at: int | None = None,
) -> Document:
    """Make a document of one GetTranscript response, or of several pages in one.

    Parameters
    ----------
    value
        The response, raw; not altered.
    read_at
        When it was read, in epoch ms; 0 for a file, whose time nobody knows.
    whole
        True if the read went all the way back to the beginning of the chat.
    reached
        False if the read was cut short before it came to every message that lacked a reading: then
        it says nothing of until when receipts were observed. Of a file that is its newest time.
    observed_at
        When the first of several reads was made, in epoch ms, if only together they came to all.

    Raises
    ------
    RejectedInput
        It has no list ``Transcript`` of objects, or no way to tell which chat it is of.
    """
    items = transcript_items(value)
    named = text_id(value.get("InitialContactId"))
    initial_contact_id = named or _only_contact(items)
    stored = store_items(items, source="participant", read_at=read_at)
    seen_at = read_at * 1000 if read_at else _newest_time(items)
    if seen_at is not None:
        # It may have waited for its turn since: what ended the chat came last.
        ended = newest_us(item.get("AbsoluteTime") for item in items if ends_chat(item))
        seen_at = max(seen_at, ended or 0)
    together = None if observed_at is None else observed_at * 1000
    return Document(
        initial_contact_id=initial_contact_id,
        provisional=named is None,
        items=stored,
        participant={
            "read_at": read_at,
            "whole_read_at": read_at if whole else None,
            "observed_until": seen_at if reached else together,
            "saw_end": any(map(ends_chat, items)),
        },
    )


def transcript_items(value: JsonObject) -> list[JsonObject]:
    """Return the items of a response or an export.

    Raises
    ------
    RejectedInput
        ``Transcript`` is not a list of objects.
    """
    items = value.get("Transcript")
    if not isinstance(items, list):
        message = "it has no list Transcript: neither a GetTranscript response nor an export"
        raise RejectedInput(message)
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            message = f"item {position} of its Transcript is not an object"
            raise RejectedInput(message)
    return items


def _newest_time(items: list[JsonObject]) -> int | None:
    """Return the newest readable time of some items and their receipts, in µs since 1970."""
    return newest_us(
        value
        for item in items
        for value in (
            item.get("AbsoluteTime"),
            *(receipt.get(name) for receipt in _receipts(item) for name in RECEIPT_TIMES),
        )
    )


def _receipts(item: JsonObject) -> list[JsonObject]:
    metadata = item.get(METADATA)
    receipts = metadata.get("Receipts") if isinstance(metadata, dict) else None
    return [one for one in receipts if isinstance(one, dict)] if isinstance(receipts, list) else []


def _only_contact(items: list[JsonObject]) -> str:
    contacts = {contact for item in items if (contact := text_id(item.get("ContactId")))}
    if len(contacts) != 1:
        message = (
            f"it has no InitialContactId, and its items name {len(contacts) or 'no'} "
            f"contact{'' if len(contacts) == 1 else 's'}, so its chat cannot be determined"
        )
        raise RejectedInput(message)
    return contacts.pop()
