"""A bot's message that is streamed is the whole one, however its pieces and it were read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import Any

import pytest

from chatlake.documents.document import Document, merge
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables.flatten import flatten
from local.chats import Chat, scripts
from tests.oracle import Object, Row

PIECE = "your refund is under way and"
WHOLE = "Good news: your refund is under way and takes two days."
SENT_AT = datetime(2026, 1, 1, 9, 0, 0)  # noqa: DTZ001


def bot(content: str, *, after_s: float = 0, **metadata: Any) -> Object:
    return {
        "Id": "b1",
        "Type": "MESSAGE",
        "ParticipantId": "flow",
        "ParticipantRole": "SYSTEM",
        "AbsoluteTime": f"2026-01-01T09:00:0{after_s:.3f}Z",
        "Content": content,
        **({"MessageMetadata": metadata} if metadata else {}),
    }


def piece(number: int = 2, content: str = PIECE) -> Object:
    # It is later than the message that it is a part of.
    return bot(content, after_s=0.4, MessageId="b1", MessageCompleted=False, ChunkNumber=number)


def read(*items: Object, at_ms: int = 0) -> Document:
    return from_response({"InitialContactId": "c1", "Transcript": list(items)}, read_at=at_ms)


def exported(*items: Object) -> Document:
    return from_export({"InitialContactId": "c1", "ContactId": "c1", "Transcript": list(items)})


def row(document: Document) -> Row:
    (found,) = flatten([document], published_at=datetime(2026, 1, 2, tzinfo=UTC))[
        "messages"
    ].to_pylist()
    return dict(found)


WHOLES = {
    "completed": bot(WHOLE, MessageId="b1", MessageCompleted=True),
    "completed by a last piece": bot(WHOLE, MessageId="b1", MessageCompleted=True, ChunkNumber=3),
    "as any other message": bot(WHOLE, MessageId="b1"),
    "without metadata": bot(WHOLE),
}


@pytest.mark.parametrize("whole", WHOLES.values(), ids=WHOLES.keys())
@pytest.mark.parametrize("by_export", [False, True], ids=["by GetTranscript", "by export"])
def test_it_is_the_whole_one_in_whatever_order_it_was_read(whole: Object, by_export: bool) -> None:
    reads = [
        read(piece(1, "Good news:"), at_ms=3_000),
        read(piece(2), at_ms=4_000),
        exported(whole) if by_export else read(whole, at_ms=2_000),
    ]
    for order in permutations(reads):
        document = reduce(merge, order)
        assert document.to_bytes() == reduce(merge, reads).to_bytes()
        found = row(Document.from_bytes(document.to_bytes()))
        assert (found["content"], found["sent_at"], found["extra"]) == (WHOLE, SENT_AT, None)


def test_pieces_and_the_whole_in_one_page_are_the_whole() -> None:
    for order in permutations([piece(1, "Good news:"), piece(2), WHOLES["completed"]]):
        assert row(read(*order))["content"] == WHOLE


def test_a_piece_alone_is_what_it_is() -> None:
    found = row(merge(read(piece(1, "Good news:"), at_ms=1), read(piece(2), at_ms=2)))
    told = {"MessageMetadata": {"ChunkNumber": 2, "MessageCompleted": False}}
    assert (found["content"], json.loads(found["extra"])) == (PIECE, told)


def test_what_the_whole_lacks_it_has_from_a_piece() -> None:
    new = bot(PIECE, MessageCompleted=False, ChunkNumber=1, New=1) | {"DisplayName": "BOT"}
    found = row(merge(read(new, at_ms=2), read(WHOLES["completed"], at_ms=1)))
    assert (found["content"], found["display_name"]) == (WHOLE, "BOT")
    assert json.loads(found["extra"]) == {"MessageMetadata": {"New": 1}}


@pytest.mark.parametrize("value", ["false", 0, None])
def test_only_false_says_that_a_message_is_not_whole(value: object) -> None:
    later = bot(WHOLE, MessageCompleted=value)
    found = row(merge(read(later, at_ms=2), read(bot(PIECE), at_ms=1)))
    assert found["content"] == WHOLE


def test_a_document_that_has_the_piece_first_is_set_right_when_it_is_read() -> None:
    """Version 0.1 took it for the greater one, where both had something of their own."""
    versions = [
        {"source": "participant", "read_at": 2, "item": piece()},
        {"source": "export", "read_at": 0, "item": bot(WHOLE) | {"New": 1}},
    ]
    stored = json.loads(read(piece()).to_bytes())
    stored["items"]["b1"]["versions"] = versions
    document = Document.from_bytes(json.dumps(stored).encode())
    assert row(document)["content"] == WHOLE
    assert merge(document, document).to_bytes() == document.to_bytes()


def test_messages_of_scripted_chats_are_whole_whenever_they_were_read() -> None:
    """A snapshot in the midst of each, and the export of a chat whose token died with it."""
    found = 0
    for chat in scripts(seed=7, count=150, start=datetime(2026, 9, 1, tzinfo=UTC), days=30):
        of_bots = {item.item_id: item for item in chat.own_items if item.streaming}
        reads = [
            read_of(chat, at_ms)
            for item in of_bots.values()
            for at_ms in (item.sent_ms, *item.changes())
            if item.streaming and at_ms < item.streaming.whole_ms
        ]
        if not reads:
            continue
        document = reduce(merge, [*map(from_export, chat.exports()), *reads])
        rows = flatten([document], published_at=datetime(2027, 1, 1, tzinfo=UTC))["messages"]
        for row in rows.to_pylist():
            if row["item_id"] in of_bots:
                item = of_bots[row["item_id"]]
                assert (row["content"], row["extra"]) == (item.content, None)
                assert row["sent_at"] == datetime.fromtimestamp(item.sent_ms / 1000, UTC).replace(
                    tzinfo=None
                )
                found += 1
    assert found > 10


def read_of(chat: Chat, at_ms: int) -> Document:
    items = chat.transcript(datetime.fromtimestamp(at_ms / 1000, UTC))
    value = {"InitialContactId": chat.initial_contact_id, "Transcript": items}
    return from_response(value, read_at=at_ms)
