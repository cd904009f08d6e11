"""All chats of a deployed archive are published again, in as many runs as it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import pytest

from chatlake.chat_state import REWRITE
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.chat_state.republication import Republication
from chatlake.documents.document import Document
from chatlake.documents.store.s3 import S3Store
from chatlake.operations import republish_all as module
from chatlake.operations.republish_all import republish_all
from tests.aws import Aws

# Its id is too long for a key: only its document tells it.
LONG = "Ü/" * 200
NEVER_PUBLISHED = "live"
CHATS = {*(f"c{number}" for number in range(20)), LONG}


@dataclass
class Place:
    """What a run works with; it may send so many times three chats."""

    republication: Republication
    store: S3Store
    chats: DynamoDBChatState
    sent: list[str] = field(default_factory=list)
    batches: int = 1_000_000

    def send(self, chats: Mapping[str, object]) -> None:
        self.sent += chats

    def run(self, batches: int = 1_000_000) -> int:
        self.batches = batches
        return republish_all(
            self.republication,
            store=self.store,
            chats=self.chats,
            publish_queue=self,
            may_go_on=self._may_go_on,
        )

    def _may_go_on(self) -> bool:
        self.batches -= 1
        return self.batches >= 0


def merged(document: Document, _: Document | None) -> Document:
    return document


@pytest.fixture
def place(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(module, "_CHATS_AT_ONCE", 3)
    store = S3Store(aws.client("s3"), aws.bucket())
    for document in map(Document, CHATS):
        store.update(document.initial_contact_id, partial(merged, document))
    dynamodb, table = aws.client("dynamodb"), aws.table()
    state = DynamoDBChatState(dynamodb, table)
    counts = state.publish_attempts.record({chat: [1] for chat in CHATS})
    state.publish_attempts.mark_published(dict.fromkeys(CHATS, "2:digest"), counts)
    store.update(NEVER_PUBLISHED, partial(merged, Document(NEVER_PUBLISHED)))
    return Place(Republication(dynamodb, table), store, state)


def test_nothing_is_done_unless_it_was_begun(place: Place) -> None:
    assert place.run() == 0
    assert place.sent == []


def test_one_run_sends_each_chat_once_and_is_done(place: Place) -> None:
    place.republication.begin()
    assert place.run() == len(CHATS)
    assert sorted(place.sent) == sorted(CHATS)
    assert place.run() == 0


def test_what_was_published_is_written_again_though_it_is_of_this_revision(place: Place) -> None:
    place.republication.begin()
    place.run()
    records = place.chats.publish_attempts.read(CHATS)
    assert {record.published_revision for record in records.values()} == {REWRITE}


def test_a_chat_that_nobody_has_published_is_published_in_its_own_time(place: Place) -> None:
    place.republication.begin()
    place.run()
    assert NEVER_PUBLISHED not in place.sent


def test_runs_that_end_early_are_gone_on_with(place: Place) -> None:
    place.republication.begin()
    while place.republication.after() is not None:
        place.run(batches=2)
    assert sorted(place.sent) == sorted(CHATS)


def test_a_run_that_was_cut_off_sends_its_last_chats_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.republication.begin()
    advance = place.republication.advance
    with monkeypatch.context() as cut_off:
        cut_off.setattr(place.republication, "advance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            place.run()
    assert place.republication.advance == advance
    assert len(place.sent) == 3
    place.run()
    assert {*place.sent} == CHATS
    assert len(place.sent) == len(CHATS) + 3


def test_one_that_is_begun_anew_meanwhile_begins_with_the_first_chat(place: Place) -> None:
    place.republication.begin()
    place.run(batches=3)
    send = place.send

    def send_and_begin(chats: Mapping[str, object]) -> None:
        send(chats)
        place.republication.begin()

    place.send = send_and_begin  # type: ignore[method-assign]
    place.run()
    assert place.republication.after() == ""
    place.send = send  # type: ignore[method-assign]
    place.sent.clear()
    assert place.run() == len(CHATS)


def test_one_that_is_begun_anew_at_the_end_is_not_done(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.republication.begin()
    end = place.republication.end

    def begun_before(before: str) -> bool:
        place.republication.begin()
        return end(before)

    monkeypatch.setattr(place.republication, "end", begun_before)
    place.run()
    assert place.republication.after() == ""
