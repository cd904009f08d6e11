"""What a document says of until when a read of the transcript saw receipts."""

from __future__ import annotations

from typing import Any

import pytest

from chatlake.documents.document import ParticipantReads
from chatlake.sources.get_transcript import from_response

READ_AT_MS = 1_788_220_800_000
MESSAGE = {
    "Id": "message",
    "Type": "MESSAGE",
    "ContentType": "text/plain",
    "AbsoluteTime": "2026-09-01T00:00:02.000Z",
}
END = {
    "Id": "end",
    "Type": "EVENT",
    "ContentType": "application/vnd.amazonaws.connect.event.chat.ended",
    "AbsoluteTime": "2026-09-01T00:00:03.500Z",
}


def reads(*items: dict[str, Any], **how: Any) -> ParticipantReads:
    response = {"InitialContactId": "chat", "Transcript": list(items)}
    found = from_response(response, read_at=READ_AT_MS, **how).participant
    assert found is not None
    return found


def test_a_read_that_waited_for_its_turn_saw_the_end_that_it_brought() -> None:
    # It was asked for 3.5 s before the end, and answered after.
    assert reads(MESSAGE, END)["observed_until"] == READ_AT_MS * 1000 + 3_500_000


def test_a_read_without_the_end_saw_no_more_than_until_it_was_asked_for() -> None:
    # Messages and receipts may have come between that one and the answer's page of older ones.
    assert reads(MESSAGE)["observed_until"] == READ_AT_MS * 1000


@pytest.mark.parametrize("end", [END | {"RelatedContactId": "earlier"}, END | {"AbsoluteTime": ""}])
def test_the_end_of_another_chat_and_one_without_a_time_tell_nothing(end: dict[str, Any]) -> None:
    assert reads(MESSAGE, end)["observed_until"] == READ_AT_MS * 1000


def test_a_read_that_was_cut_short_tells_nothing_though_it_brought_the_end() -> None:
    assert reads(MESSAGE, END, reached=False)["observed_until"] is None
