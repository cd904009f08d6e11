"""Connect's own S3 exports of transcripts become documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.document import Document
from chatlake.documents.items import store_items
from chatlake.exceptions import RejectedInput
from chatlake.identifiers import instance_id, text_id
from chatlake.sources.get_transcript import transcript_items

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject


def from_export(value: JsonObject, *, read_at: int = 0, redacted: bool = False) -> Document:
    """Make a document of one export, which holds the messages of one contact and no receipts.

    Parameters
    ----------
    value
        The export, raw; not altered.
    read_at
        When it was read, in epoch ms; 0 for a file.
    redacted
        True if its contact's record names a copy from before redaction.

    Raises
    ------
    RejectedInput
        It has no list ``Transcript`` of objects, or no ``ContactId``.
    """
    items = transcript_items(value)
    contact_id = text_id(value.get("ContactId"))
    if contact_id is None:
        message = "it has no ContactId"
        raise RejectedInput(message)
    named = text_id(value.get("InitialContactId"))
    read_under = None if named in {None, contact_id} else contact_id
    header = {
        name: member
        for name, member in value.items()
        if name != "Transcript" and member is not None
    }
    return Document(
        initial_contact_id=named or contact_id,
        provisional=named is None,
        instance_id=instance_id(value.get("InstanceId")),
        items=store_items(
            items, source="export", read_at=read_at, contact_id=read_under, redacted=redacted
        ),
        exports={contact_id: {"read_at": read_at, "header": header}},
    )
