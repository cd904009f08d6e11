"""The simulated websocket of a participant: what it carries, and when."""

from __future__ import annotations

import pytest

from local.chats import Chat
from local.scripted.items import EVENT_TYPES
from tests.unit.local.listening import (
    HEARTBEAT,
    ORDERLY,
    PING,
    hearing,
    listening,
    refused,
    url,
)
from tests.unit.local.served import CHATS, LONG, PERSISTENT, Json, moment, serving

TYPING = EVENT_TYPES + "typing"
METADATA = EVENT_TYPES + "message.metadata"
RECEIPTS = max(CHATS, key=lambda chat: sum(len(item.receipts) for item in chat.own_items))


def said(items: list[Json]) -> list[Json]:
    """What is neither typing nor a receipt."""
    return [item for item in items if item["ContentType"] not in {TYPING, METADATA}]


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
        if item["ContentType"] == METADATA
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
        metadata = [item for item in items if item["ContentType"] == METADATA]
        ids = {item["Id"] for item in metadata}
        assert len(ids) == len(metadata)
        assert ids.isdisjoint(item.item_id for item in RECEIPTS.items)
        assert not any({"ContactId", "InitialContactId"} & item.keys() for item in metadata)
        assert {item["Type"] for item in metadata} == {"MESSAGEMETADATA"}


class TestASocket:
    def test_opens_by_its_ticket_once_and_in_time(self) -> None:
        with serving([LONG], at_ms=LONG.started_ms) as served:
            first, late = url(served, LONG), url(served, LONG)
            served.clock.advance(99.999)
            with listening(served, LONG, at=first):
                assert refused(served, LONG, first) == 403
            assert refused(served, LONG, late.partition("?")[0]) == 403
            served.clock.advance(0.001)
            assert refused(served, LONG, late) == 403
            assert served.service.sockets.refused == {403: 3}
            assert served.service.sockets.opened == {LONG.initial_contact_id: 1}

    @pytest.mark.parametrize("message", [HEARTBEAT, PING])
    def test_answers_heartbeats(self, message: Json) -> None:
        with serving([LONG]) as served, listening(served, LONG) as client:
            client.send(message)
            answer = client.receive()
        assert answer == (
            message | ({} if message == HEARTBEAT else {"statusCode": 200, "statusContent": "OK"})
        )
