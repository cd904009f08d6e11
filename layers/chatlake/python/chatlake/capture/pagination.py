"""Reading a transcript back in time, as far as something can be new.

A snapshot that is cut short leaves a hole: older items that nobody has read, below newer ones that
are known. The document itself tells that there may be one: its latest read has not reached
everything. Until one has, snapshots read on where the one before was cut, part by part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.capture.waiting_messages import is_rehydrated, waiting_messages
from chatlake.documents.items import ends_chat
from chatlake.identifiers import text_id
from chatlake.participant_exceptions import ParticipantError, ParticipantRejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.capture.participant_client import Page
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

_MOST_PAGES_OF_A_SNAPSHOT = 5


@dataclass(frozen=True, slots=True)
class Sweep:
    """One way back through a transcript in the parts of several snapshots.

    Attributes
    ----------
    since
        When the first of them was made, in epoch ms.
    position
        The oldest item that they have come to, by id.
    """

    since: int
    position: str


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
    saw_end
        True if an item says that the chat has ended.
    pages
        How many were read.
    asked_at
        When the first was asked for, in epoch ms; None if that is not known.
    sweep
        Where the next snapshot goes on; None if nothing is left, or the scan should be whole.
        Without it nothing is lost, but snapshots begin at the newest page again.
    observed_at
        When everything was last seen, in epoch ms: at this scan, or when the sweep began that ends
        with it; None if something was not reached.
    """

    items: list[JsonObject] = field(default_factory=list)
    initial_contact_id: str | None = None
    whole: bool = False
    reached: bool = False
    error: ParticipantError | None = None
    saw_end: bool = False
    pages: int = 0
    asked_at: int | None = None
    sweep: Sweep | None = None
    observed_at: int | None = None

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
    at: int = 0,
    sweep: Sweep | None = None,
    read_from: Callable[[str, str | None], Page] | None = None,
) -> Scan:
    """Read pages, newest first.

    Parameters
    ----------
    read_page
        Takes the NextToken, None for the first page; scans backward.
    known
        What is known of the chat already.
    whole
        True for the last read, which goes all the way, as does one that sees the end of the chat.
        Otherwise it ends after a page that has nothing new when no message before it waits for a
        reader, and no hole of an earlier read may lie there; and after five pages.
    may_go_on
        Asked between pages; when it says no, the scan ends as it is.
    at
        When the scan is made, in epoch ms, if its first page does not tell.
    sweep
        That of the snapshot before.
    read_from
        Takes the id of an item and the NextToken, None for the page that ends with that item; to
        go on with a sweep.

    Raises
    ------
    ParticipantError
        The first page could not be read.
    """
    scanner = _Scanner(known, whole=whole, at=at, sweep=sweep if read_from else None)
    token: str | None = None
    while True:
        try:
            if read_from is not None and (position := scanner.position) is not None:
                page = read_from(position, token)
            else:
                page = read_page(token)
        except ParticipantError as error:
            if not scanner.result.pages:
                raise
            return scanner.cut(error)
        scanner.take(page)
        token = None if scanner.leaps else page.next_token
        if page.next_token is None or (page.items and all(map(is_rehydrated, page.items))):
            # What a persistent chat brings back of earlier ones was archived with those.
            return scanner.end(whole=True)
        if scanner.is_done and not scanner.whole:
            return scanner.end(whole=False)
        if not may_go_on() or scanner.is_long:
            return scanner.cut(None)


class _Scanner:
    """What a scan knows between two pages."""

    def __init__(self, known: Document, *, whole: bool, at: int, sweep: Sweep | None) -> None:
        self.result = Scan()
        self.whole = whole
        self.sweep = sweep if sweep is not None and sweep.position in known.items else None
        self.leaps = False
        self._known = known
        self._at = at
        self._waiting = set(waiting_messages(known).messages)
        self._swept = False
        self._seen_at = _all_seen_at(known)
        self._crossed = self._seen_at is None
        self._oldest: str | None = None
        self._is_known = False

    @property
    def position(self) -> str | None:
        """The item that the next page is read from; None while the scan is at its own pages."""
        return self.sweep.position if self.sweep and (self.leaps or self._swept) else None

    @property
    def is_long(self) -> bool:
        return not self.whole and self.result.pages >= _MOST_PAGES_OF_A_SNAPSHOT

    @property
    def is_done(self) -> bool:
        """Whether the page that was taken is known, and nothing can be new before it."""
        return self._is_known and not self._waiting and self._crossed

    def take(self, page: Page) -> None:
        """Take a page, older than those before it."""
        if self.leaps:
            self._leap()
        result = self.result
        if not result.pages:
            result.asked_at = page.asked_at
            self._at = self._at if page.asked_at is None else page.asked_at
        result.pages += 1
        result.items += page.items
        named = text_id(page.response.get("InitialContactId"))
        result.initial_contact_id = result.initial_contact_id or named
        result.saw_end |= any(map(ends_chat, page.items))
        self.whole |= result.saw_end
        own = (text_id(item.get("Id")) for item in page.items if not is_rehydrated(item))
        # Ascending: the first is the oldest.
        self._oldest = next(filter(None, own), self._oldest)
        ids = {text_id(item.get("Id")) for item in page.items}
        known = {one for one in ids if one is not None and one in self._known.items}
        self._waiting -= ids
        # A page without items says nothing of those before it.
        self._is_known = bool(ids) and ids == known
        self._crossed |= any(map(self._was_there, known))
        result.reached |= self.is_done and not self._swept
        # The newest that is known is part of the sweep, so all down to its position is.
        self.leaps = (
            self.sweep is not None
            and bool(known)
            and not (self.whole or self._crossed or self._swept or self.sweep.position in ids)
        )

    def end(self, *, whole: bool) -> Scan:
        """Return the scan that has come to an end, of the chat or of what can be new."""
        result = self.result
        if self._swept and self.sweep is not None:
            result.observed_at = self.sweep.since
            return result
        result.whole, result.reached = whole, True
        result.observed_at = self._at
        return result

    def cut(self, error: ParticipantError | None) -> Scan:
        """Return a scan that ends too early, and where the next one goes on."""
        result = self.result
        result.error = error
        if result.reached:
            result.observed_at = self._at
        if self.whole or result.reached:
            return result
        if self.leaps:
            # The service may not know the position any more; otherwise it is tried again.
            result.sweep = None if isinstance(error, ParticipantRejected) else self.sweep
        elif self._oldest is not None:
            since = self.sweep.since if self._swept and self.sweep is not None else self._at
            result.sweep = Sweep(since, self._oldest)
        return result

    def _leap(self) -> None:
        """Go on at the position of the sweep: what lies above was read since it began."""
        if self.sweep is not None:
            self._swept = True
            position = self._time(self.sweep.position)
            self._waiting = {one for one in self._waiting if self._time(one) < position}

    def _was_there(self, item_id: str) -> bool:
        """Return whether an item, and so all before it, was known before the hole came to be."""
        if self._seen_at is None:
            return True
        return any(
            version["source"] == "participant" and version["read_at"] <= self._seen_at
            for version in self._known.items[item_id]["versions"]
        )

    def _time(self, item_id: str) -> str:
        time = self._known.items[item_id]["versions"][0]["item"].get("AbsoluteTime")
        return time if isinstance(time, str) else ""


def _all_seen_at(document: Document) -> int | None:
    """Return at which read all was last seen, in epoch ms; None if that is the latest one.

    Later reads were cut short: items may be missing before theirs.
    """
    read = document.participant
    if read is None or not read["read_at"]:
        return None
    if read["observed_until"] is None:
        return -1
    seen_at = read["observed_until"] // 1000
    return seen_at if seen_at < read["read_at"] else None
