"""What is read of chats, a bit at a time: each read alone alters rows in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export

if TYPE_CHECKING:
    from chatlake.documents.document import Document

CHAT = "c1"
OTHER_CHAT = "c2"
LEG = f"{CHAT}-leg"


def at(day: int, time: str = "12:00:00") -> str:
    return f"2026-01-{day:02}T{time}.000Z"


def message(item_id: str, day: int, **members: Any) -> dict[str, Any]:
    base = {"Id": item_id, "Type": "MESSAGE", "ParticipantId": "p1", "AbsoluteTime": at(day)}
    return base | members


def receipts(message_id: str, **receipt: str) -> dict[str, Any]:
    listed = [{"RecipientParticipantId": "p2", **receipt}]
    return {"MessageMetadata": {"MessageId": message_id, "Receipts": listed}}


def response(chat: str, *items: dict[str, Any], read_at: int = 0) -> Document:
    return from_response({"InitialContactId": chat, "Transcript": list(items)}, read_at=read_at)


def metadata(message_id: str, **receipt: str) -> dict[str, Any]:
    """Make an item that is only a receipt of another."""
    return {
        "Id": f"{message_id}-seen",
        "Type": "MESSAGEMETADATA",
        **receipts(message_id, **receipt),
    }


def _initiated(contact: str, day: int) -> Document:
    detail = {
        "eventType": "INITIATED",
        "contactId": contact,
        "initialContactId": contact,
        "initiationTimestamp": at(day, "11:00:00"),
    }
    return from_event({"time": at(day), "detail": detail})


def _attached(*attachments: str) -> dict[str, Any]:
    listed = [{"AttachmentId": name, "Status": "APPROVED"} for name in attachments]
    return {"Id": "f1", "Type": "ATTACHMENT", "AbsoluteTime": at(2), "Attachments": listed}


def _reads_of(chat: str) -> dict[str, Document]:
    leg = f"{chat}-leg"
    return {
        "a message": response(chat, message("m1", 1)),
        "its receipt": response(
            chat, message("m1", 1, **receipts("m1", ReadTimestamp=at(1, "13:00:00")))
        ),
        # Its rows have no day until its message is known.
        "a receipt before its message": response(
            chat, metadata("m2", ReadTimestamp=at(2, "13:00:00"))
        ),
        "the message of that receipt": response(chat, message("m2", 2)),
        # There and back again: later rows may be the same as those of long ago.
        "a message on another day": response(chat, message("m1", 3), read_at=10),
        "a message back on its day": response(chat, message("m1", 1), read_at=20),
        "an attachment": response(chat, _attached("a1"), read_at=10),
        "no attachment after all": response(chat, _attached(), read_at=20),
        "the beginning of the contact": _initiated(chat, 4),
        # Of a contact that nobody has called a leg of the chat yet.
        "an export of a leg": from_export(
            {"ContactId": leg, "Transcript": [message("m5", 5, ContactId=leg)]}
        ),
        "a read of a leg": from_response(
            {"Transcript": [message("m6", 6, ContactId=leg)]}, read_at=10
        ),
        "the word that it is a leg": response(chat, message("m7", 1, ContactId=leg)),
    }


READS_OF = {chat: _reads_of(chat) for chat in (CHAT, OTHER_CHAT)}
READS = READS_OF[CHAT]
