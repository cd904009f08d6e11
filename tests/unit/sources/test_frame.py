"""Frames of the websocket give the rows that GetTranscript gives, and never another chat's."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlake.documents.document import Document, merge
from chatlake.exceptions import RejectedInput
from chatlake.json_codec import dumps
from chatlake.sources.frame import Frame, from_frames, is_of, names_another_chat, parse_frame
from chatlake.sources.get_transcript import from_response
from chatlake.tables.flatten import flatten
from local.chats import scripts
from tests import strategies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from local.chats import Chat
    from tests.oracle import Object, Row

CHAT, LEG, OTHER = "chat", "second-leg", "another-chat"
AT_MS = 1_790_000_000_000
MESSAGE = {
    "Id": "m1",
    "Type": "MESSAGE",
    "ContentType": "text/plain",
    "Content": "hello",
    "ContactId": CHAT,
    "ParticipantId": "agent",
    "ParticipantRole": "AGENT",
    "AbsoluteTime": "2026-09-01T12:00:00.123Z",
}
RECEIPT = {"RecipientParticipantId": "customer", "ReadTimestamp": "2026-09-01T12:00:07.000Z"}


def frame(content: Any, topic: str = "aws/chat") -> bytes:
    return json.dumps(
        {"topic": topic, "contentType": "application/json", "content": content}
    ).encode()


def document(*items: Object, at_ms: int = AT_MS) -> Document:
    return from_frames(CHAT, items, legs={LEG}, read_at=at_ms, observed_until_ms=at_ms, whole=True)


def answered(*items: Object, at_ms: int = AT_MS) -> Document:
    response = {"InitialContactId": CHAT, "Transcript": list(items)}
    return from_response(response, read_at=at_ms, whole=True)


def rows(*documents: Document, but: Iterable[str] = ()) -> dict[str, list[Row]]:
    merged = documents[0]
    for one in documents[1:]:
        merged = merge(merged, one)
    tables = flatten([merged], published_at=datetime(2026, 9, 2, tzinfo=UTC))
    return {
        name: [{k: v for k, v in row.items() if k not in {"document_revision", *but}} for row in of]
        for name, table in tables.items()
        for of in [table.to_pylist()]
    }


def metadata_item(message_id: str | None, item_id: str | None, receipt: Object) -> Object:
    metadata = {"MessageId": message_id, "Receipts": [receipt]}
    item = {
        "Type": "MESSAGEMETADATA",
        "ContentType": "application/vnd.amazonaws.connect.event.message.metadata",
        "Id": item_id,
        "MessageMetadata": {name: value for name, value in metadata.items() if value is not None},
    }
    return {name: value for name, value in item.items() if value is not None}


# What a frame is


def test_an_item_comes_as_text_or_as_an_object() -> None:
    assert parse_frame(frame(json.dumps(MESSAGE))) == Frame("aws/chat", item=MESSAGE)
    assert parse_frame(frame(MESSAGE)) == Frame("aws/chat", item=MESSAGE)


def test_typing_is_told_apart_by_its_content_type() -> None:
    typing = {"ContentType": "application/vnd.amazonaws.connect.event.typing", "Type": "EVENT"}
    assert parse_frame(frame(typing)).is_typing
    assert not parse_frame(frame(MESSAGE)).is_typing


@pytest.mark.parametrize(
    ("answer", "succeeded"),
    [
        ({"topic": "aws/ping", "statusCode": 200, "statusContent": "OK"}, True),
        ({"topic": "aws/ping", "statusCode": 500}, False),
        ({"topic": "aws/heartbeat"}, True),
        ({"topic": "aws/subscribe", "content": {"status": "success"}}, True),
        ({"topic": "aws/subscribe", "content": {"status": "failure"}}, False),
        ({"topic": "aws/subscribe", "content": ["odd"], "statusCode": [200]}, False),
    ],
)
def test_an_answer_tells_whether_it_failed(answer: Object, succeeded: bool) -> None:
    assert parse_frame(json.dumps(answer).encode()) == Frame(answer["topic"], succeeded)


def test_a_frame_without_a_topic_is_of_none() -> None:
    assert parse_frame(b'{"message":"Forbidden"}') == Frame("")
    assert parse_frame(b'{"topic":["aws/chat"],"content":{}}') == Frame("")


HOSTILE = {
    "nothing": b"",
    "no JSON": b"hello",
    "no UTF-8": b'{"topic":"aws/chat","content":"\xff"}',
    "cut short": frame(json.dumps(MESSAGE))[:-5],
    "a list": b"[]",
    "a number": b"1",
    "not a number": b'{"topic":"aws/chat","content":{"Content":NaN}}',
    "no content": b'{"topic":"aws/chat"}',
    "content of a list": frame("[]"),
    "content no JSON": frame("hello"),
    "content no number": frame('{"Content":NaN}'),
    "deep": b"[" * 100_000,
    "deep objects": b'{"topic":' * 5_000 + b"1" + b"}" * 5_000,
    "deep with an escape": b'{"topic":"\\ud800","content":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep content": frame('{"Content":' * 300 + "1" + "}" * 300),
    "very deep content": frame('{"Content":' * 30_000),
    "long number": frame('{"Content":1' + "0" * 5_000 + "}"),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_frame_is_rejected_without_a_word_of_it(data: bytes) -> None:
    with pytest.raises(RejectedInput) as rejected:
        parse_frame(data)
    assert str(rejected.value).startswith(("a frame", "the content of a frame"))
    assert rejected.value.__cause__ is None


def test_half_a_surrogate_pair_is_kept_however_it_is_escaped() -> None:
    inner = b'{"topic":"aws/chat","content":"{\\"Content\\":\\"\\\\ud83d\\"}"}'
    outer = b'{"topic":"aws/chat","content":"{\\"Content\\":\\"\\ud83d\\"}"}'
    assert parse_frame(inner).item == parse_frame(outer).item == {"Content": "\ud83d"}


@given(
    st.binary()
    | st.builds(
        json.dumps,
        st.builds(dict, topic=st.just("aws/chat"), content=st.text() | strategies.items((CHAT,))),
    ).map(str.encode)
)
def test_no_frame_at_all_raises_anything_else(data: bytes) -> None:
    with suppress(RejectedInput):
        item = parse_frame(data).item
        rows(document(*([] if item is None else [item])))


# Whose an item is


@pytest.mark.parametrize(
    ("item", "own"),
    [
        ({}, True),
        ({"InitialContactId": CHAT, "ContactId": "a-leg-not-known-yet"}, True),
        ({"InitialContactId": OTHER, "ContactId": CHAT}, False),
        ({"InitialContactId": OTHER, "RelatedContactId": CHAT}, False),
        ({"ContactId": CHAT}, True),
        ({"ContactId": LEG}, True),
        ({"ContactId": OTHER}, False),
        ({"InitialContactId": "", "ContactId": OTHER}, False),
        ({"InitialContactId": [CHAT], "ContactId": OTHER}, False),
        ({"RelatedContactId": OTHER}, True),
        ({"RelatedContactId": OTHER, "InitialContactId": CHAT}, True),
    ],
)
def test_an_item_is_of_the_chat_that_it_names_or_of_a_known_leg(item: Object, own: bool) -> None:
    assert is_of(item, CHAT, {LEG}) is own
    assert len(document({**item, "Id": "m1"}).items) == own


def test_only_another_chats_name_tells_without_its_legs() -> None:
    assert names_another_chat({"InitialContactId": OTHER}, CHAT)
    assert not names_another_chat({"InitialContactId": CHAT}, CHAT)
    assert not names_another_chat({"ContactId": OTHER}, CHAT)


def test_a_chat_is_sure_of_its_name_once_an_item_says_it() -> None:
    assert document(MESSAGE).provisional
    assert not document({**MESSAGE, "InitialContactId": CHAT}).provisional


# What becomes of it


@pytest.fixture(scope="module")
def chats() -> list[Chat]:
    return list(scripts(seed=7, count=40, start=datetime(2026, 9, 1, tzinfo=UTC), days=30))


def as_frames(transcript: list[Object], chat: str) -> Iterator[Object]:
    """A transcript as the websocket tells it: receipts apart, the older way and the newer."""
    for number, item in enumerate(transcript):
        metadata = dict(item.get("MessageMetadata", {}))
        receipts = metadata.pop("Receipts", [])
        told = {name: value for name, value in item.items() if name != "MessageMetadata"}
        if metadata:
            told["MessageMetadata"] = metadata
        yield {**told, "InitialContactId": chat}
        for place, receipt in enumerate(receipts):
            own = f"metadata-{number}-{place}"
            yield (
                metadata_item(item["Id"], own, receipt)
                if number % 2
                else metadata_item(None, item["Id"], receipt)
            )


def test_frames_give_the_rows_that_get_transcript_gives(chats: list[Chat]) -> None:
    receipts = 0
    for chat in chats:
        items = [item for page in chat.pages() for item in page["Transcript"]]
        current = [item for item in items if "RelatedContactId" not in item]
        initial = chat.pages()[0]["InitialContactId"]
        at_ms = chat.ended_ms + 1_000
        response = {"InitialContactId": initial, "Transcript": current}
        expected = rows(from_response(response, read_at=at_ms, whole=True))
        frames = list(as_frames(current, initial))
        for told in (frames, frames[::-1], frames * 2):
            made = from_frames(
                initial, told, legs=(), read_at=at_ms, observed_until_ms=at_ms, whole=True
            )
            assert rows(made) == expected
        receipts += len(expected["receipts"])
    assert receipts


def test_a_metadata_item_under_the_id_of_its_message_leaves_the_message_its_row() -> None:
    for named in (None, "m1"):
        found = rows(document(MESSAGE), document(metadata_item(named, "m1", RECEIPT)))
        assert found == rows(answered({**MESSAGE, "MessageMetadata": {"Receipts": [RECEIPT]}}))
        assert [row["item_id"] for row in found["messages"]] == ["m1"]
        assert [row["message_id"] for row in found["receipts"]] == ["m1"]


def test_a_metadata_item_with_an_id_of_its_own_keeps_it() -> None:
    assert set(document(metadata_item("m1", "own", RECEIPT)).items) == {"own"}


def test_an_item_that_came_both_ways_is_kept_once(subtests: pytest.Subtests) -> None:
    pushed = {**MESSAGE, "InitialContactId": CHAT}
    for earlier, later in ((-5, 5), (5, -5)):
        with subtests.test(frame_first=earlier < later):
            by_frame = document(pushed, at_ms=AT_MS + earlier)
            by_call = answered(MESSAGE, at_ms=AT_MS + later)
            assert merge(by_frame, by_call) == merge(by_call, by_frame)
            assert len(merge(by_frame, by_call).items["m1"]["versions"]) == 1


def test_times_of_another_precision_make_no_second_version() -> None:
    precise = {**MESSAGE, "AbsoluteTime": "2026-09-01T12:00:00.123456Z"}
    by_frame, by_call = document(MESSAGE), answered(precise, at_ms=AT_MS + 1)
    (version,) = merge(by_frame, by_call).items["m1"]["versions"]
    assert version["item"] == precise


def test_the_end_of_the_chat_is_observed_by_the_frame_that_tells_it() -> None:
    ended = {
        "Id": "end",
        "Type": "EVENT",
        "ContentType": "application/vnd.amazonaws.connect.event.chat.ended",
        "AbsoluteTime": "2026-09-21T14:13:25.000Z",
    }
    made = document(ended, at_ms=AT_MS)
    assert made.participant == {
        "read_at": AT_MS,
        "whole_read_at": AT_MS,
        "observed_until": 1_790_000_005_000_000,
        "saw_end": True,
    }


def test_what_may_have_missed_something_observes_nothing() -> None:
    made = from_frames(CHAT, [MESSAGE], legs=(), read_at=AT_MS, observed_until_ms=None, whole=False)
    assert made.participant == {
        "read_at": AT_MS,
        "whole_read_at": None,
        "observed_until": None,
        "saw_end": False,
    }


def test_items_are_left_as_they_came() -> None:
    item = {**metadata_item(None, "m1", RECEIPT), "InitialContactId": CHAT}
    before = dumps(item)
    document(item)
    assert dumps(item) == before
