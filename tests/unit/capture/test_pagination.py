"""How far back a transcript is read."""

from __future__ import annotations

from typing import Any

import pytest

from chatlake.capture.pagination import Scan, Sweep, scan
from chatlake.capture.participant_client import Page
from chatlake.documents.document import Document, merge
from chatlake.participant_exceptions import (
    ParticipantRejected,
    ParticipantThrottled,
    ParticipantUnavailable,
)
from chatlake.sources.get_transcript import from_response

EVENTS = "application/vnd.amazonaws.connect.event"
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


def test_a_scan_was_made_when_its_first_page_had_its_turn() -> None:
    asked = iter((5_000, 9_000))

    def read_page(token: str | None) -> Page:
        items = numbered(1) if token else numbered(2)
        return Page({"Transcript": items}, None if token else "next", next(asked))

    found = scan(read_page, Document("c1"), whole=True, at=1_000)
    assert found.pages == 2
    assert found.asked_at == found.observed_at == 5_000
    untold = scan(Pages(numbered(1)), Document("c1"), whole=True, at=1_000)
    assert (untold.asked_at, untold.observed_at) == (None, 1_000)


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


class LongChat:
    """A transcript that grows and is read page by page; the simulator of a unit test."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.document = Document("c1")
        self.sweep: Sweep | None = None
        self.at = 1_000
        self.calls = 0

    def say(self, count: int, **members: Any) -> None:
        for _ in range(count):
            number = len(self.items)
            time = f"2026-09-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
            self.items.append(message(number, read=True, AbsoluteTime=time, **members))

    def snapshot(self, *, pages: int | None = None, keeps_sweep: bool = True) -> Scan:
        """Take a snapshot; a 429 comes after so many pages."""
        self.at += 5_000
        left = [pages]

        def read(end: int) -> Page:
            self.calls += 1
            if left[0] is not None:
                if not left[0]:
                    raise ParticipantThrottled("GetTranscript", "ThrottlingException")
                left[0] -= 1
            start = max(0, end - 100)
            response = {"InitialContactId": "c1", "Transcript": self.items[start:end]}
            return Page(response, str(start) if start else None)

        found = scan(
            lambda token: read(len(self.items) if token is None else int(token)),
            self.document,
            whole=False,
            at=self.at,
            sweep=self.sweep if keeps_sweep else None,
            read_from=lambda item_id, token: read(
                int(token or item_id.removeprefix("m")) + (not token)
            ),
        )
        self.sweep = found.sweep
        read_now = from_response(
            found.response("c1"),
            read_at=self.at,
            whole=found.whole,
            reached=found.reached,
            observed_at=found.observed_at,
        )
        self.document = merge(self.document, read_now)
        return found

    @property
    def missing(self) -> int:
        return len(self.items) - len(self.document.items)


@pytest.mark.parametrize("keeps_sweep", [True, False], ids=["one process", "handed over"])
@pytest.mark.parametrize("before", [0, 130])
def test_a_hole_is_crossed_however_it_came_to_be(before: int, keeps_sweep: bool) -> None:
    chat = LongChat()
    chat.say(before)
    if before:
        chat.snapshot()
    chat.say(250)
    with_hole = chat.snapshot(pages=1)
    assert with_hole.error is not None
    assert chat.missing > 0
    chat.say(3)
    chat.snapshot(pages=2, keeps_sweep=keeps_sweep)
    chat.say(3)
    for _ in range(2):
        chat.snapshot(keeps_sweep=keeps_sweep)
    assert chat.missing == 0
    # From then on a snapshot ends where nothing is new.
    calls = chat.calls
    assert chat.snapshot().reached
    assert chat.calls == calls + 1


def test_a_hole_deeper_than_a_snapshot_is_crossed_in_parts() -> None:
    chat = LongChat()
    chat.say(2_050)
    snapshots = 0
    while chat.missing:
        chat.say(1)
        chat.snapshot()
        snapshots += 1
        assert snapshots <= 6
    assert chat.sweep is None
    while not chat.snapshot().reached:
        snapshots += 1
        assert snapshots <= 12
    calls = chat.calls
    assert chat.snapshot().reached
    assert chat.calls == calls + 1


def test_nothing_counts_as_observed_later_than_the_first_part_of_what_saw_it() -> None:
    chat = LongChat()
    chat.say(700)
    chat.snapshot()
    first = chat.at
    last = chat.snapshot()
    assert chat.missing == 0
    assert (last.reached, last.whole, last.observed_at) == (False, False, first)
    assert chat.document.participant is not None
    assert chat.document.participant["observed_until"] == first * 1000


def test_a_second_hole_above_the_first_is_crossed_too() -> None:
    chat = LongChat()
    chat.say(40)
    chat.snapshot()
    chat.say(300)
    chat.snapshot(pages=1)
    chat.say(250)
    chat.snapshot(pages=1)
    for _ in range(3):
        chat.snapshot()
    assert chat.missing == 0


def test_a_place_that_the_service_does_not_know_any_more_is_given_up() -> None:
    chat = LongChat()
    chat.say(700)
    chat.snapshot()
    assert chat.sweep is not None

    def refuse(_item_id: str, _token: str | None) -> Page:
        raise ParticipantRejected("GetTranscript", "ValidationException")

    found = scan(
        Pages(chat.items[600:], chat.items[500:600]),
        chat.document,
        whole=False,
        at=9_000,
        sweep=chat.sweep,
        read_from=refuse,
    )
    assert isinstance(found.error, ParticipantRejected)
    assert found.sweep is None


def test_a_snapshot_that_sees_the_end_of_the_chat_goes_all_the_way() -> None:
    ended = {"Id": "e", "Type": "EVENT", "ContentType": f"{EVENTS}.chat.ended"}
    older = [numbered(number) for number in range(9, 0, -1)]
    pages = Pages([*numbered(10), ended], *older)
    found = scan(pages, known(*numbered(*range(1, 10))), whole=False)
    assert (found.saw_end, found.whole, pages.asked) == (True, True, 10)
    cut = Pages([ended], numbered(9), ParticipantThrottled("GetTranscript", "429"))
    found = scan(cut, Document("c1"), whole=False)
    assert (found.saw_end, found.whole) == (True, False)
