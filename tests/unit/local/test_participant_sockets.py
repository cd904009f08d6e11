"""The simulated websocket of a participant: what it carries, and when."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from local.chats import Chat
from local.participant_service import Behaviour
from local.participant_service.frames import frames_of
from local.scripted.items import EVENT_TYPES
from local.truth import told_receipts
from tests.unit.local.listening import (
    ORDERLY,
    hearing,
    listening,
)
from tests.unit.local.served import CHATS, LONG, PERSISTENT, Json, moment, serving

TYPING = EVENT_TYPES + "typing"
METADATA = EVENT_TYPES + "message.metadata"
STREAMED = max(CHATS, key=lambda chat: sum(item.streaming is not None for item in chat.own_items))
FILES = max(CHATS, key=lambda chat: sum(bool(item.attachments) for item in chat.own_items))
SEPARATE = next(
    chat for chat in CHATS if any(item.type == "MESSAGEMETADATA" for item in chat.own_items)
)


def with_both(chat: Chat) -> Chat:
    """The chat with the receipts at their messages, too, as few chats have them."""
    reported = [item for item in chat.items if item.type == "MESSAGEMETADATA"]
    items = (
        replace(
            item,
            receipts=tuple(
                receipt
                for report in reported
                if item.type == "MESSAGE" and report.message_id == item.item_id
                for receipt in report.receipts
            )
            or item.receipts,
        )
        for item in chat.items
    )
    return replace(chat, items=tuple(items))


RECEIPTS = max(CHATS, key=lambda chat: sum(len(item.receipts) for item in chat.own_items))


def said(items: list[Json]) -> list[Json]:
    """What is neither typing nor a receipt."""
    return [item for item in items if item.get("ContentType") not in {TYPING, METADATA}]


def receipts(items: list[Json]) -> list[tuple[str, str, str | None, str | None]]:
    """What frames of metadata tell: the message, the recipient, and both times."""
    return [
        (
            item["MessageMetadata"].get("MessageId", item["Id"]),
            receipt["RecipientParticipantId"],
            receipt.get("DeliveredTimestamp"),
            receipt.get("ReadTimestamp"),
        )
        for item in items
        if item.get("ContentType") == METADATA
        for receipt in item["MessageMetadata"]["Receipts"]
    ]


def shown(chat: Chat, at_ms: int) -> list[tuple[str, str, str | None, str | None]]:
    """The receipts that GetTranscript answers at a moment, in the same form."""
    return [
        (
            item["MessageMetadata"]["MessageId"],
            receipt["RecipientParticipantId"],
            receipt.get("DeliveredTimestamp"),
            receipt.get("ReadTimestamp"),
        )
        for item in chat.transcript(moment(at_ms))
        for receipt in item.get("MessageMetadata", {}).get("Receipts", ())
    ]


class TestASubscription:
    def test_brings_what_comes_and_nothing_that_was_before(self) -> None:
        middle_ms = (LONG.started_ms + LONG.ended_ms) // 2
        with hearing(LONG, at_ms=middle_ms) as client:
            assert client.heard() == []
            client.served.clock.set(LONG.closing_ms - 1)
            items = client.heard()
        sent = [item for item in LONG.own_items if middle_ms < item.sent_ms < LONG.closing_ms]
        assert {item["Id"] for item in said(items)} == {item.item_id for item in sent}
        assert [item["AbsoluteTime"] for item in items] == sorted(
            item["AbsoluteTime"] for item in items
        )

    def test_is_needed(self) -> None:
        with (
            serving([LONG], ORDERLY, at_ms=LONG.started_ms) as served,
            listening(served, LONG, subscribed=False) as client,
        ):
            served.clock.set(LONG.closing_ms - 1)
            assert client.heard() == []
            assert client.subscribe()["content"]["status"] == "success"
            assert client.heard() == []

    def test_brings_each_item_when_it_is_said(self) -> None:
        with hearing(LONG) as client:
            for item in [item for item in LONG.own_items if item.sent_ms < LONG.closing_ms]:
                client.served.clock.set(item.sent_ms - 1)
                before = {one["Id"] for one in client.heard()}
                client.served.clock.set(item.sent_ms)
                assert item.item_id not in before
                assert item.item_id in {one["Id"] for one in client.heard()}

    def test_brings_items_as_get_transcript_has_them_with_their_chat(self) -> None:
        with hearing(LONG) as client:
            client.served.clock.set(LONG.ended_ms)
            items, code = client.heard_until_closed()
        expected = [
            {name: value for name, value in item.items() if name != "MessageMetadata"}
            for item in LONG.transcript()
        ]
        found = [
            {name: value for name, value in item.items() if name != "MessageMetadata"}
            for item in said(items)
        ]
        assert {item.pop("InitialContactId") for item in found} == {LONG.initial_contact_id}
        assert found == expected
        assert code == 1000
        assert found[-1]["ContentType"] == EVENT_TYPES + "chat.ended"

    def test_goes_to_every_socket_of_every_participant(self) -> None:
        with hearing(LONG) as one, listening(one.served, LONG) as other:
            one.served.clock.set(LONG.closing_ms - 1)
            assert one.heard() == other.heard() != []

    def test_brings_back_nothing_of_earlier_chats(self) -> None:
        with hearing(PERSISTENT, at_ms=PERSISTENT.started_ms - 1) as client:
            client.served.clock.set(PERSISTENT.closing_ms - 1)
            items = client.heard()
        assert items
        assert not any("RelatedContactId" in item for item in items)

    def test_brings_typing_that_no_transcript_has(self) -> None:
        with hearing(LONG) as client:
            client.served.clock.set(LONG.closing_ms - 1)
            typing = [item for item in client.heard() if item.get("ContentType") == TYPING]
        assert {item["Id"] for item in typing}.isdisjoint(item.item_id for item in LONG.items)
        assert {item["ParticipantRole"] for item in typing} >= {"AGENT", "CUSTOMER"}
        assert {item["InitialContactId"] for item in typing} == {LONG.initial_contact_id}

    def test_brings_a_streamed_message_piece_by_piece(self) -> None:
        streamed = [item for item in STREAMED.own_items if item.streaming is not None]
        with hearing(STREAMED) as client:
            client.served.clock.set(STREAMED.closing_ms - 1)
            items = client.heard()
        for item in streamed:
            assert item.streaming is not None
            [*pieces, whole] = [one for one in items if one["Id"] == item.item_id]
            assert [one["MessageMetadata"]["MessageCompleted"] for one in pieces] == (
                [False] * len(item.streaming.pieces)
            )
            assert "".join(one["Content"] for one in pieces) == whole["Content"] == item.content
            assert whole["MessageMetadata"]["MessageCompleted"] is True

    def test_brings_a_file_again_when_it_is_settled(self) -> None:
        attached = [
            item
            for item in FILES.own_items
            for attachment in item.attachments
            if attachment.settled_ms < FILES.closing_ms
        ]
        with hearing(FILES) as client:
            client.served.clock.set(FILES.closing_ms - 1)
            items = client.heard()
        for item in attached:
            [before, after] = [one["Attachments"] for one in items if one["Id"] == item.item_id]
            assert [one["Status"] for one in before] == ["IN_PROGRESS"]
            assert [one["Status"] for one in after] == [item.attachments[0].outcome]

    def test_waits_where_the_end_does(self) -> None:
        with hearing(LONG) as client:
            served = client.served
            served.service.hold_end(LONG.initial_contact_id, 60)
            served.clock.set(LONG.ended_ms + 1_000)
            before = {item["Id"] for item in client.heard()}
            served.service.release(LONG.initial_contact_id)
            after, code = client.heard_until_closed()
        ending = [item for item in LONG.own_items if item.sent_ms >= LONG.closing_ms]
        assert [item["Id"] for item in after] == [item.item_id for item in ending]
        assert before.isdisjoint(item.item_id for item in ending)
        assert before
        assert code == 1000


class TestReceipts:
    def test_come_in_frames_of_their_own_when_get_transcript_shows_them(self) -> None:
        moments = sorted(
            {
                time_ms - receipt.skew_ms
                for item in RECEIPTS.own_items
                for receipt in item.receipts
                for time_ms in (receipt.delivered_ms, receipt.read_ms)
                if time_ms is not None and time_ms - receipt.skew_ms < RECEIPTS.closing_ms
            }
        )
        known: dict[tuple[str, str], tuple[str | None, str | None]] = {}
        with hearing(RECEIPTS) as client:
            for time_ms in moments:
                for at_ms in (time_ms - 1, time_ms):
                    client.served.clock.set(at_ms)
                    for message, recipient, *times in receipts(client.heard()):
                        known[message, recipient] = (times[0], times[1])
                    told = {(*key, *times) for key, times in known.items()}
                    assert told == set(shown(RECEIPTS, at_ms))
        assert len(known) > 10
        # Both directions.
        assert len({recipient for _, recipient in known}) > 1

    def test_name_no_contact_and_have_an_id_of_their_own(self) -> None:
        with hearing(RECEIPTS) as client:
            client.served.clock.set(RECEIPTS.closing_ms - 1)
            items = client.heard()
        metadata = [item for item in items if item.get("ContentType") == METADATA]
        ids = {item["Id"] for item in metadata}
        assert len(ids) == len(metadata)
        assert ids.isdisjoint(item.item_id for item in RECEIPTS.items)
        assert not any({"ContactId", "InitialContactId"} & item.keys() for item in metadata)
        assert {item["Type"] for item in metadata} == {"MESSAGEMETADATA"}

    def test_may_have_the_id_of_the_message_for_want_of_a_message_id(self) -> None:
        behaviour = replace(ORDERLY, metadata_without_id=1)
        with hearing(RECEIPTS, behaviour) as client:
            client.served.clock.set(RECEIPTS.closing_ms - 1)
            items = client.heard()
        metadata = [item for item in items if item.get("ContentType") == METADATA]
        assert {item["Id"] for item in metadata} <= {item.item_id for item in RECEIPTS.items}
        assert not any("MessageId" in item["MessageMetadata"] for item in metadata)

    @pytest.mark.parametrize("chat", [SEPARATE, with_both(SEPARATE)], ids=["separate", "both"])
    def test_that_are_items_of_the_transcript_come_as_these_and_once(self, chat: Chat) -> None:
        with hearing(chat) as client:
            client.served.clock.set(chat.closing_ms - 1)
            items = client.heard()
        metadata = [item for item in items if item.get("ContentType") == METADATA]
        expected = [
            item.item_id
            for item in chat.own_items
            if item.type == "MESSAGEMETADATA" and item.sent_ms < chat.closing_ms
        ]
        assert [item["Id"] for item in metadata] == expected
        assert not any({"ContactId", "InitialContactId"} & item.keys() for item in metadata)

    def test_that_were_pushed_count_as_told(self) -> None:
        with hearing(RECEIPTS) as client:
            client.served.clock.set(RECEIPTS.closing_ms - 1)
            pushed = client.served.service.sockets.pushed[RECEIPTS.initial_contact_id]
            client.served.service.sockets.open_now()
            assert told_receipts(RECEIPTS, [], pushed) == {}  # nobody knows yet if they arrived
            client.heard()
            told = told_receipts(RECEIPTS, [], pushed)
        assert {(*key[1:], *times) for key, times in told.items()} == (
            set(shown(RECEIPTS, RECEIPTS.closing_ms - 1))
        )


class TestFrames:
    def test_may_come_twice(self) -> None:
        with hearing(LONG, replace(ORDERLY, frames_twice=1)) as client:
            client.served.clock.set(LONG.ended_ms)
            items, _ = client.heard_until_closed()
        counts = Counter(str(item) for item in items)
        last = {item.item_id for item in LONG.own_items if item.sent_ms >= LONG.closing_ms}
        assert {counts[str(item)] for item in items if item["Id"] not in last} == {2}
        assert {counts[str(item)] for item in items if item["Id"] in last} == {1}

    def test_may_come_out_of_order_but_not_after_the_end(self) -> None:
        with hearing(LONG, replace(ORDERLY, frames_late=0.5)) as client:
            client.served.clock.set(LONG.ended_ms)
            items, _ = client.heard_until_closed()
        with hearing(LONG) as client:
            client.served.clock.set(LONG.ended_ms)
            expected, _ = client.heard_until_closed()
        assert items != expected
        assert sorted(map(str, items)) == sorted(map(str, expected))
        assert items[-1] == expected[-1]

    def test_are_the_same_in_every_run(self) -> None:
        assert frames_of(LONG, Behaviour()) == frames_of(LONG, Behaviour())

    def test_are_noted_with_their_place_and_time(self) -> None:
        with hearing(LONG) as client:
            at_ms = LONG.own_items[10].sent_ms
            client.served.clock.set(at_ms)
            heard = {item["Id"] for item in client.heard()}
            pushed = client.served.service.sockets.pushed
        assert pushed.keys() == {LONG.initial_contact_id}
        noted = pushed[LONG.initial_contact_id]
        assert {push.at_ms for push in noted} == {at_ms}
        said = [push.frame for push in noted if not push.frame.tells_receipts]
        for frame in said:
            assert frame.item.item_id in heard
            assert frame.place is None or LONG.items[frame.place] == frame.item
