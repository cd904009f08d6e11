"""How far back a transcript is read."""

from __future__ import annotations

from typing import Any

import pytest

from chatlake.capture.pagination import Scan, scan
from chatlake.capture.participant_client import Page
from chatlake.documents.document import Document, merge
from chatlake.exceptions import ParticipantThrottled, ParticipantUnavailable
from chatlake.sources.get_transcript import from_response

READ = {"RecipientParticipantId": "a", "ReadTimestamp": "2026-09-01T10:00:05Z"}


def message(number: int, *, read: bool = False, **members: Any) -> dict[str, Any]:
    item = {"Id": f"m{number}", "Type": "MESSAGE", **members}
    return item | (
        {"MessageMetadata": {"MessageId": item["Id"], "Receipts": [READ]}} if read else {}
    )


class Pages:
    """Pages, newest first; a page may be an error."""

    def __init__(self, *pages: list[dict[str, Any]] | Exception, chat: str | None = "c1") -> None:
        self._pages, self._chat, self.asked = pages, chat, 0

    def __call__(self, token: str | None) -> Page:
        assert token == (None if self.asked == 0 else str(self.asked))
        page = self._pages[self.asked]
        self.asked += 1
        if isinstance(page, Exception):
            raise page
        more = str(self.asked) if self.asked < len(self._pages) else None
        named = {"InitialContactId": self._chat} if self._chat else {}
        return Page({**named, "Transcript": page}, more)


def known(*items: dict[str, Any]) -> Document:
    read = from_response({"InitialContactId": "c1", "Transcript": list(items)})
    return merge(Document("c1"), read)


def numbered(*numbers: int, read: bool = True) -> list[dict[str, Any]]:
    return [message(number, read=read) for number in numbers]


def ids(found: Scan) -> list[str]:
    return [item["Id"] for item in found.items]


def test_a_snapshot_ends_where_nothing_is_new_and_nothing_waits() -> None:
    pages = Pages(numbered(5, 6), numbered(3, 4), numbered(1, 2))
    found = scan(pages, known(*numbered(1, 2, 3, 4)), whole=False)
    assert ids(found) == ["m5", "m6", "m3", "m4"]
    assert not found.whole


def test_a_snapshot_goes_on_while_an_older_message_waits_for_its_reader() -> None:
    before = known(message(1), *numbered(2, 3, 4, 5, 6))
    pages = Pages(numbered(5, 6), numbered(3, 4), numbered(1, 2), numbered(0))
    found = scan(pages, before, whole=False)
    assert pages.asked == 3
    assert "m1" in ids(found)


def test_a_snapshot_reads_five_pages_at_most() -> None:
    pages = Pages(*(numbered(number) for number in range(9, 0, -1)))
    found = scan(pages, Document("c1"), whole=False)
    assert pages.asked == 5
    assert (found.whole, found.error) == (False, None)


def test_an_empty_page_is_no_reason_to_stop() -> None:
    pages = Pages([], [], numbered(1))
    found = scan(pages, Document("c1"), whole=False)
    assert ids(found) == ["m1"]
    assert found.whole


def test_the_last_read_goes_all_the_way() -> None:
    pages = Pages(*(numbered(number) for number in range(9, 0, -1)))
    found = scan(pages, known(*numbered(*range(1, 10))), whole=True)
    assert pages.asked == 9
    assert found.whole


def test_the_last_read_ends_after_a_page_of_earlier_chats() -> None:
    past = [message(number, RelatedContactId="old") for number in range(3)]
    mixed = [past[0], message(7)]
    pages = Pages(numbered(8), mixed, past, past)
    found = scan(pages, Document("c1"), whole=True)
    assert pages.asked == 3
    assert found.whole


@pytest.mark.parametrize("whole", [True, False])
def test_an_error_keeps_the_pages_before_it(whole: bool) -> None:
    error = ParticipantThrottled("GetTranscript", "ThrottlingException")
    found = scan(Pages(numbered(2), error), Document("c1"), whole=whole)
    assert ids(found) == ["m2"]
    assert (found.error, found.whole) == (error, False)


def test_an_error_of_the_first_page_is_the_callers() -> None:
    with pytest.raises(ParticipantUnavailable):
        scan(Pages(ParticipantUnavailable("GetTranscript", "500")), Document("c1"), whole=True)


def test_a_scan_that_runs_out_of_time_keeps_what_it_has() -> None:
    pages = Pages(numbered(3), numbered(2), numbered(1))
    found = scan(pages, Document("c1"), whole=True, may_go_on=lambda: pages.asked < 2)
    assert ids(found) == ["m3", "m2"]
    assert not found.whole


def test_the_service_has_the_say_which_chat_it_is() -> None:
    assert scan(Pages([], chat="c9"), Document("c1"), whole=True).response("c1") == {
        "InitialContactId": "c9",
        "Transcript": [],
    }
    unnamed = scan(Pages([], chat=None), Document("c1"), whole=True)
    assert unnamed.response("c1")["InitialContactId"] == "c1"


def test_a_message_that_a_metadata_item_says_is_read_waits_for_nobody() -> None:
    metadata = {
        "Id": "x1",
        "Type": "MESSAGEMETADATA",
        "MessageMetadata": {"MessageId": "m1", "Receipts": [READ]},
    }
    before = known(message(1), metadata, *numbered(2, 3))
    pages = Pages(numbered(2, 3), [message(1)])
    scan(pages, before, whole=False)
    assert pages.asked == 1


@pytest.mark.parametrize(
    ("pages", "whole"),
    [
        ([numbered(5, 6), numbered(3, 4), numbered(1, 2)], False),
        ([numbered(1, 2, 3, 4)], False),
        ([numbered(5, 6), numbered(3, 4), numbered(1, 2)], True),
        ([numbered(5), [message(4, RelatedContactId="past")], numbered(1)], False),
    ],
    ids=["nothing new", "one page", "whole", "down to an earlier chat"],
)
def test_a_read_that_came_to_all_that_waits_has_reached_it(
    pages: list[list[dict[str, Any]]], whole: bool
) -> None:
    assert scan(Pages(*pages), known(*numbered(1, 2, 3, 4)), whole=whole).reached


def test_a_read_that_was_cut_short_has_reached_nothing_for_certain() -> None:
    new = [numbered(number) for number in range(20, 5, -1)]
    assert not scan(Pages(*new), known(*numbered(1)), whole=False).reached
    failing = Pages(numbered(20), ParticipantUnavailable("GetTranscript", "500"))
    assert not scan(failing, known(*numbered(1)), whole=False).reached
    stopped = scan(Pages(*new), known(*numbered(1)), whole=True, may_go_on=lambda: False)
    assert not stopped.reached


def test_a_read_that_ends_before_a_waiting_message_has_not_reached_it() -> None:
    waiting = [message(1), *numbered(2, 3, 4)]
    pages = Pages(numbered(4), numbered(3), ParticipantThrottled("GetTranscript", "429"))
    assert not scan(pages, known(*waiting), whole=False).reached


def test_a_hole_that_a_read_has_left_is_closed_before_anything_counts_as_observed() -> None:
    """Newer items are known, and older ones; what lies between is not."""

    def read(*items: dict[str, Any], at: int, reached: bool) -> Document:
        value = {"InitialContactId": "c1", "Transcript": list(items)}
        return from_response(value, read_at=at, reached=reached)

    before = merge(
        read(*numbered(1, 2), at=1000, reached=True), read(*numbered(7, 8), at=2000, reached=False)
    )
    pages = Pages(numbered(7, 8), numbered(5, 6), numbered(3, 4), numbered(1, 2))
    found = scan(pages, before, whole=False)
    assert {*ids(found)} == {f"m{number}" for number in range(1, 9)}
    assert found.reached
    cut_short = Pages(numbered(7, 8), numbered(5, 6), ParticipantThrottled("GetTranscript", "429"))
    assert not scan(cut_short, before, whole=False).reached
    # Once that is done, a snapshot ends where nothing is new.
    closed = merge(before, read(*numbered(3, 4, 5, 6), at=3000, reached=True))
    assert ids(scan(Pages(numbered(7, 8), numbered(5, 6)), closed, whole=False)) == ["m7", "m8"]
