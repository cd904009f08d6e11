"""Reading a transcript back in time, as far as something can be new."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.documents.items import METADATA, resolve
from chatlake.exceptions import ParticipantError
from chatlake.identifiers import text_id
from chatlake.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.capture.participant_client import Page
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

_MOST_PAGES_OF_A_SNAPSHOT = 5


@dataclass(slots=True)
class Scan:
    """What a scan brought.

    Attributes
    ----------
    items
        Raw, of all pages that were read.
    initial_contact_id
        As the service names it; None if it does not.
    whole
        True if the scan went back to the beginning of the chat.
    reached
        True if it came to every message that lacked a reading.
    error
        What ended it too early; the pages before are good nevertheless.
    """

    items: list[JsonObject] = field(default_factory=list)
    initial_contact_id: str | None = None
    whole: bool = False
    reached: bool = False
    error: ParticipantError | None = None

    def response(self, initial_contact_id: str) -> JsonObject:
        """Return all pages as one response; of the chat given if the service named none."""
        chat = self.initial_contact_id or initial_contact_id
        return {"InitialContactId": chat, "Transcript": self.items}


def scan(
    read_page: Callable[[str | None], Page],
    known: Document,
    *,
    whole: bool,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Scan:
    """Read pages, newest first.

    Parameters
    ----------
    read_page
        Takes the NextToken, None for the first page; scans backward.
    known
        What is known of the chat already.
    whole
        True for the last read, which goes all the way. Otherwise it ends after a page that has
        nothing new when no message before it waits for its reader, and no hole that an earlier
        read has left may lie there; and after five pages.
    may_go_on
        Asked between pages; when it says no, the scan ends as it is.

    Raises
    ------
    ParticipantError
        The first page could not be read.
    """
    result = Scan()
    waiting = _unread(known)
    closed = not _may_have_hole(known)
    token: str | None = None
    pages = 0
    while True:
        try:
            page = read_page(token)
        except ParticipantError as error:
            if not pages:
                raise
            result.error = error
            return result
        pages += 1
        result.items += page.items
        result.initial_contact_id = result.initial_contact_id or text_id(
            page.response.get("InitialContactId")
        )
        token = page.next_token
        ids = {text_id(item.get("Id")) for item in page.items}
        # What a persistent chat brings back of earlier ones was archived with those.
        if token is None or (page.items and all(map(_is_rehydrated, page.items))):
            result.whole = result.reached = True
            return result
        waiting -= ids
        # A page without items says nothing of those before it.
        nothing_new = bool(ids) and ids <= known.items.keys() and not waiting and closed
        result.reached = result.reached or nothing_new
        if not whole and (nothing_new or pages >= _MOST_PAGES_OF_A_SNAPSHOT):
            return result
        if not may_go_on():
            return result


def _may_have_hole(document: Document) -> bool:
    """Return whether the latest read was cut short: items may be missing before its last ones."""
    read = document.participant
    if read is None or not read["read_at"]:
        return False
    return read["observed_until"] is None or read["observed_until"] < read["read_at"] * 1000


def _unread(document: Document) -> set[str | None]:
    """Find the messages that nobody is known to have read."""
    items = {item_id: resolve(stored) for item_id, stored in document.items.items()}
    read = {
        _message_id(item_id, items[item_id])
        for item_id, stored in document.items.items()
        for receipt in stored.get("receipts", {}).values()
        if parse_timestamp(receipt.get("ReadTimestamp"))
    }
    return {
        item_id
        for item_id, item in items.items()
        if item.get("Type") == "MESSAGE"
        and not _is_rehydrated(item)
        and _message_id(item_id, item) not in read
    }


def _message_id(item_id: str, item: JsonObject) -> str:
    metadata = item.get(METADATA)
    named = text_id(metadata.get("MessageId")) if isinstance(metadata, dict) else None
    return named or item_id


def _is_rehydrated(item: JsonObject) -> bool:
    return text_id(item.get("RelatedContactId")) is not None
