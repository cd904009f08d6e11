"""Which messages wait for a receipt, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from chatlake.capture.pagination import scan
from chatlake.capture.participant_client import Page
from chatlake.capture.waiting_messages import Waiting, waiting_messages
from chatlake.documents.document import Document
from chatlake.sources.get_transcript import from_response

EVENT = "application/vnd.amazonaws.connect.event.participant"
ROLES = {"c": "CUSTOMER", "a": "AGENT", "b": "AGENT", "s": "SYSTEM", "bot": "CUSTOM_BOT"}


def item(number: int, sender: str, **members: Any) -> dict[str, Any]:
    return {
        "Id": f"m{number}",
        "AbsoluteTime": f"2026-09-01T10:00:{number:02}Z",
        "ParticipantId": sender,
        "ParticipantRole": ROLES[sender],
        **members,
    }


def message(number: int, sender: str, *read_by: str) -> dict[str, Any]:
    receipts = [
        {"RecipientParticipantId": reader, "ReadTimestamp": "2026-09-01T10:01:00Z"}
        for reader in read_by
    ]
    metadata = {"MessageId": f"m{number}", "Receipts": receipts}
    return item(number, sender, Type="MESSAGE", MessageMetadata=metadata)


def came(number: int, who: str, what: str = "joined") -> dict[str, Any]:
    return item(number, who, Type="EVENT", ContentType=f"{EVENT}.{what}")


def document(*items: dict[str, Any]) -> Document:
    return from_response({"InitialContactId": "c1", "Transcript": list(items)})


def waiting(*items: dict[str, Any]) -> Waiting:
    return waiting_messages(document(*items))


def test_a_message_waits_as_long_as_any_recipient_has_not_read_it() -> None:
    joined = [came(1, "c"), came(2, "a"), came(3, "b")]
    assert waiting(*joined, message(4, "c", "a")).messages == {"m4"}
    assert waiting(*joined, message(4, "c", "a", "b")).messages == set()


def test_who_only_reports_receipts_is_a_recipient_too() -> None:
    found = waiting(message(1, "c", "a"), message(2, "c", "a", "b"))
    assert found.messages == {"m1"}


@pytest.mark.parametrize("what", ["left", "autodisconnection"])
def test_for_who_has_left_nothing_waits_until_they_come_again(what: str) -> None:
    items = [came(1, "a"), came(2, "b"), message(3, "c", "b"), came(4, "a", what)]
    assert waiting(*items).messages == set()
    assert waiting(*items, came(5, "a")).messages == {"m3"}


@pytest.mark.parametrize("silent", ["s", "bot"])
def test_neither_the_system_nor_a_bot_is_waited_for(silent: str) -> None:
    assert waiting(came(1, silent), came(2, "a"), message(3, "c", "a")).messages == set()


def test_what_nobody_has_read_waits_for_who_may_come() -> None:
    found = waiting(came(1, "c"), message(2, "c"))
    assert (found.messages, found.soon) == (frozenset({"m2"}), 0)


def test_a_message_before_one_that_was_read_is_hardly_reported_any_more() -> None:
    items = [came(1, "c"), came(2, "a")]
    talk = [message(3, "c"), message(4, "c", "a"), message(5, "c"), message(6, "a")]
    found = waiting(*items, *talk)
    assert (found.messages, found.soon) == (frozenset({"m3", "m5", "m6"}), 2)


def test_the_newest_time_is_that_of_an_item_or_of_a_receipt() -> None:
    at_ten = 1_788_256_800_000
    assert waiting().newest_at is None
    assert waiting(came(1, "c"), message(2, "c")).newest_at == at_ten + 2_000
    assert waiting(came(1, "c"), message(2, "c", "a")).newest_at == at_ten + 60_000


def test_a_receipt_without_a_recipient_counts_for_all() -> None:
    unnamed = message(3, "c")
    unnamed["MessageMetadata"]["Receipts"] = [{"ReadTimestamp": "2026-09-01T10:01:00Z"}]
    assert waiting(came(1, "a"), came(2, "b"), unnamed).messages == set()


def test_a_receipt_event_says_that_its_participant_has_read_a_message() -> None:
    told = item(5, "a", Type="MESSAGE_READ", MessageMetadata={"MessageId": "m4"})
    assert waiting(came(1, "c"), came(2, "a"), message(4, "c"), told).messages == set()


def test_what_a_persistent_chat_brought_back_waits_for_nobody() -> None:
    assert waiting(message(1, "c") | {"RelatedContactId": "past"}).messages == set()


def test_a_snapshot_reads_on_to_what_a_second_recipient_has_not_read() -> None:
    """A message counted as read once anybody had read it."""
    older = [came(1, "c"), came(2, "a"), came(3, "b"), message(4, "c", "a")]
    newer = [message(5, "c", "a", "b"), message(6, "c", "a", "b")]
    pages = [newer, older]
    asked: list[str | None] = []

    def read_page(token: str | None) -> Page:
        asked.append(token)
        page = {"InitialContactId": "c1", "Transcript": pages[len(asked) - 1]}
        return Page(page, "next" if len(asked) < len(pages) else None)

    scan(read_page, document(*older, *newer), whole=False)
    assert asked == [None, "next"]
