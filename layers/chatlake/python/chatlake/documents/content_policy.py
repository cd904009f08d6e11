"""What may be kept of what was said in a chat, and by whom: docs/row-rules.md §2.

A policy is applied to each document before it is merged into the stored one, and to what is stored
before, so no order of reads brings back what it leaves out. What is left of an item is listed here,
not what is taken away: a member that the service adds may hold anything.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from chatlake.documents.item_ids import METADATA, item_id
from chatlake.documents.items import (
    CHUNK,
    COMPLETED,
    LEFT_OUT,
    RECEIPT_TIMES,
    RECIPIENT,
    STATUS,
    in_rank_order,
    merge_items,
    resolve,
)
from chatlake.documents.merging import merge_into
from chatlake.documents.presence import is_lex_bot
from chatlake.documents.receipt_events import is_receipt_event, named_in_content
from chatlake.identifiers import text_id
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.documents.document import Document, StoredExport
    from chatlake.documents.items import ItemVersion, Receipt, StoredItem
    from chatlake.json_codec import Json, JsonObject

_CONTENT = "Content"
_NAME = "DisplayName"
_ATTACHMENTS = "Attachments"
_ATTACHMENT_NAME = "AttachmentName"
_OF_ITEM = (
    "AbsoluteTime",
    "ContactId",
    "ContentType",
    "Id",
    "ParticipantId",
    "ParticipantRole",
    "RelatedContactId",
    "Type",
)
_OF_METADATA = ("MessageId", STATUS, COMPLETED, CHUNK)
_OF_ATTACHMENT = ("AttachmentId", "ContentType", "Status")
_OF_RECEIPT = (RECIPIENT, *sorted(RECEIPT_TIMES))
_OF_HEADER = ("AWSAccountId", "ContactId", "InitialContactId", "InstanceId", "Version")
_TOLD = (_CONTENT, _NAME)
"""Members that an item tells to have lost, because they are columns."""


class ContentPolicy(StrEnum):
    """What a document may hold."""

    FULL = "full"
    """All that was read."""
    REDACTED = "redacted"
    """Contents and names from exports alone of which a copy before redaction is known."""
    NONE = "none"
    """No contents, no names of people or files; times, ids, roles and receipts."""

    def applied(self, document: Document) -> Document:
        """Return what may be kept of a document; applied again it changes nothing."""
        if self is ContentPolicy.FULL:
            return document
        items: dict[str, StoredItem] = {}
        for known_as, stored in document.items.items():
            own_id = _own_id(known_as, stored)
            merge_into(items, own_id, self._kept(stored), merge_items)
        exports: dict[str, StoredExport] = {
            contact: {**export, "header": _bare_header(export["header"])}
            for contact, export in document.exports.items()
        }
        return replace(document, items=items, exports=exports)

    def _kept(self, stored: StoredItem) -> StoredItem:
        kept: StoredItem = {
            **stored,
            "versions": in_rank_order([self._version(version) for version in stored["versions"]]),
        }
        if "receipts" in stored:
            receipts = stored["receipts"].items()
            kept["receipts"] = {
                recipient: _bare_receipt(receipt) for recipient, receipt in receipts
            }
        return kept

    def _version(self, version: ItemVersion) -> ItemVersion:
        if self is ContentPolicy.REDACTED and version.get("redacted"):
            return version
        return {
            "source": version["source"],
            "read_at": version["read_at"],
            "item": bare_item(version["item"]),
        }


def bare_item(item: JsonObject) -> JsonObject:
    """Return what of an item in the service's own JSON tells nothing of what was said, or by whom.

    `LEFT_OUT` lists in it what was taken away and has a column: null does not mean there was none.
    """
    bare = _plain(item, _OF_ITEM)
    if isinstance(metadata := item.get(METADATA), dict):
        bare[METADATA] = _plain(metadata, _OF_METADATA)
    if isinstance(attachments := item.get(_ATTACHMENTS), list):
        objects = [attachment for attachment in attachments if isinstance(attachment, dict)]
        bare[_ATTACHMENTS] = list(map(_bare_attachment, objects))
    # A client's report of a reading names the message in its content.
    named = named_in_content(item) if is_receipt_event(item) else None
    if named is not None:
        bare[_CONTENT] = dumps({"messageId": named}).decode()
    if is_lex_bot(item):
        bare[_NAME] = item[_NAME]
    _tell(bare, item, _TOLD)
    return bare


def left_out(document: Document) -> set[str]:
    """Return the ids of the items whose content a policy has left out."""
    return {
        own_id
        for own_id, stored in document.items.items()
        if _CONTENT in _told(resolve(stored), _TOLD)
    }


def _own_id(known_as: str, stored: StoredItem) -> str:
    """Return the id of a stored item, which for one without an `Id` is a digest of what is kept."""
    item = stored["versions"][0]["item"]
    return known_as if text_id(item.get("Id")) else item_id(bare_item(item))


def _bare_attachment(attachment: JsonObject) -> JsonObject:
    bare = _plain(attachment, _OF_ATTACHMENT)
    _tell(bare, attachment, (_ATTACHMENT_NAME,))
    return bare


def _bare_receipt(receipt: Receipt) -> Receipt:
    return _plain(receipt, _OF_RECEIPT)


def _bare_header(header: JsonObject) -> JsonObject:
    bare = _plain(header, _OF_HEADER)
    if isinstance(participants := header.get("Participants"), list):
        objects = [one for one in participants if isinstance(one, dict)]
        bare["Participants"] = [_plain(one, ("ParticipantId",)) for one in objects]
    return bare


def _plain(members: JsonObject, names: Iterable[str]) -> JsonObject:
    """Return members of some names, but for objects and lists, which may hold anything."""
    return {
        name: members[name] for name in names if isinstance(members.get(name), str | int | float)
    }


def _tell(bare: JsonObject, raw: JsonObject, names: tuple[str, ...]) -> None:
    """Let what is left of an object list what it has lost of some members, now or before."""
    before = _told(raw, names)
    lost = [n for n in names if n not in bare and (raw.get(n) is not None or n in before)]
    if lost:
        bare[LEFT_OUT] = lost


def _told(members: JsonObject, names: tuple[str, ...]) -> list[Json]:
    listed = members.get(LEFT_OUT)
    return [name for name in listed if name in names] if isinstance(listed, list) else []
