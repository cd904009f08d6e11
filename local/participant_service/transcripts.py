"""A chat's transcript as GetTranscript scans it, with each item's JSON made once per state."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from local.scripted.chat import Chat
from local.scripted.contact_center import epoch_ms
from local.scripted.items import Item


@dataclass(frozen=True, slots=True)
class Start:
    """Where to start; one of the three is set."""

    item_id: str | None = None
    at: datetime | None = None
    most_recent: int | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What all pages of one reading have in common."""

    forward: bool
    ascending: bool
    contact_id: str | None = None
    start: Start | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The items of a page as JSON, with their places.

    ``next_cut`` is where the next page goes on, if there is one.
    """

    items: list[bytes]
    next_cut: int | None
    places: Sequence[int] = ()


class UnknownStartError(Exception):
    """An item to start from is not in the transcript."""


class Transcript:
    """The transcript of a chat at any moment.

    Items have places, counted from the oldest. A cut is a place, too: what is before it is left
    to a backward scan, what is not is left to a forward one. Places never change, so a cut stays
    right while the chat goes on.
    """

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._sent_ms = [item.sent_ms for item in chat.items]
        self._states = [_States(item) for item in chat.items]
        self._own_from = len(chat.items) - len(chat.own_items)

    def first_page(self, scan: Scan, size: int, now_ms: int) -> Page:
        """Return the first page of a scan; its items are the chat's own.

        Raises
        ------
        UnknownStartError
            If it should start from an item that the chat does not have by now.
        """
        own = self._own(scan, now_ms)
        if scan.start is not None:
            return self._page(scan, size, now_ms, own, self._cut_of(scan.start, own, scan))
        if scan.forward:
            # Without a start position, forward asks for what will be said.
            return Page([], None)
        page = self._page(scan, size, now_ms, own, len(self._states))
        if page.next_cut is None and self._brings_back(scan) and now_ms >= self.chat.started_ms:
            return Page(page.items, self._own_from, page.places)
        return page

    def next_page(self, scan: Scan, size: int, now_ms: int, cut: int) -> Page:
        """Return the page at a cut; what a persistent chat brings back comes after its own."""
        places = self._own(scan, now_ms)
        if self._brings_back(scan):
            places = range(self._visible_to(now_ms))
        return self._page(scan, size, now_ms, places, cut)

    def _page(self, scan: Scan, size: int, now_ms: int, places: Sequence[int], cut: int) -> Page:
        middle = bisect_left(places, cut)
        next_cut = None
        if scan.forward:
            taken = places[middle : middle + size]
            if middle + size < len(places):
                next_cut = places[middle + size]
        else:
            first = max(0, middle - size)
            taken = places[first:middle]
            if first > 0:
                next_cut = places[first]
        items = [self._states[place].as_of(now_ms) for place in taken]
        return Page(items if scan.ascending else items[::-1], next_cut, taken)

    def _brings_back(self, scan: Scan) -> bool:
        filtered = scan.start is not None or scan.contact_id is not None
        return self._own_from > 0 and not scan.forward and not filtered

    def _own(self, scan: Scan, now_ms: int) -> Sequence[int]:
        end = self._visible_to(now_ms)
        if scan.contact_id is None:
            return range(self._own_from, max(self._own_from, end))
        places = self._places_by_contact.get(scan.contact_id, [])
        return places[: bisect_left(places, end)]

    def _visible_to(self, now_ms: int) -> int:
        return 0 if now_ms < self.chat.started_ms else bisect_right(self._sent_ms, now_ms)

    def _cut_of(self, start: Start, places: Sequence[int], scan: Scan) -> int:
        """Return the cut that leaves the place to start from to the scan, whichever its way."""
        after = 0 if scan.forward else 1
        if start.item_id is not None:
            place = self._places_by_id.get(start.item_id, -1)
            if place not in places:
                raise UnknownStartError
            return place + after
        if start.at is not None:
            # The service's times are whole milliseconds: a finer one lies between two of them.
            floor_ms = epoch_ms(start.at)
            finer = start.at.astimezone(UTC).microsecond % 1000 > 0
            if scan.forward:
                return bisect_left(self._sent_ms, floor_ms + finer)
            return bisect_right(self._sent_ms, floor_ms)
        most_recent = start.most_recent or 0
        if most_recent == 0 or not places:
            return len(self._states)
        return places[max(0, len(places) - most_recent)] + after

    @cached_property
    def _places_by_id(self) -> dict[str, int]:
        return {item.item_id: place for place, item in enumerate(self.chat.items)}

    @cached_property
    def _places_by_contact(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {leg.contact_id: [] for leg in self.chat.legs}
        for place, item in enumerate(self.chat.items):
            if item.contact_id is not None:
                places[item.contact_id].append(place)
        return places


class _States:
    """The JSON of an item in each of its states, made when first asked for."""

    __slots__ = ("_changes_ms", "_item", "_json")

    def __init__(self, item: Item) -> None:
        self._item = item
        self._changes_ms = item.changes()
        self._json: dict[int, bytes] = {}

    def as_of(self, now_ms: int) -> bytes:
        state = bisect_right(self._changes_ms, now_ms)
        text = self._json.get(state)
        if text is None:
            value = self._item.as_of(now_ms)
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            self._json[state] = text
        return text
