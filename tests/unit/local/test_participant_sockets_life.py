"""The simulated websocket of a participant: how it opens, lives, breaks and closes."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from websockets.sync.client import connect

from local.clock import Clock
from local.participant_service import Fault, ParticipantService
from local.scripted.items import EVENT_TYPES
from local.scripted.unattended import ENDS_AFTER_MS, unattended
from tests.unit.local.listening import (
    HEARTBEAT,
    ORDERLY,
    PING,
    SUBSCRIBE,
    Client,
    hearing,
    item_of,
    listening,
    refused,
    url,
)
from tests.unit.local.served import CHATS, DENIED, LONG, TRANSFERRED, Json, refusal, serving

MIDDLE_MS = (LONG.started_ms + LONG.ended_ms) // 2
CONTACT = LONG.initial_contact_id
CHAT_OF_HOURS = max(CHATS, key=lambda chat: chat.closing_ms - chat.started_ms)


def is_closed(client: Client) -> int:
    """The code by which the service closed."""
    return client.heard_until_closed()[1]


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

    def test_answers_a_subscription_with_its_topics(self) -> None:
        with serving([LONG]) as served, listening(served, LONG, subscribed=False) as client:
            client.send({"topic": "aws/subscribe", "content": {"topics": ["aws/ping"]}})
            assert client.receive() == {
                "topic": "aws/subscribe",
                "content": {"status": "success", "topics": ["aws/ping"]},
            }

    @pytest.mark.parametrize("message", ["", "{", "[]", "7", '{"topic": "unknown"}', b"\xff"])
    def test_does_not_answer_what_it_does_not_know(self, message: str | bytes) -> None:
        with serving([LONG]) as served, listening(served, LONG) as client:
            client.connection.send(message)
            assert client.is_answered(HEARTBEAT)

    def test_of_plain_http_is_refused(self) -> None:
        with serving([LONG]) as served:
            status, _ = served.raw("GET", "/participant/websocket", "")
            assert status == 404

    def test_is_one_of_five_of_its_participant(self) -> None:
        with serving([LONG], at_ms=MIDDLE_MS) as served, ExitStack() as stack:
            sockets = served.service.sockets
            [first, *_] = [stack.enter_context(listening(served, LONG)) for _ in range(5)]
            assert refused(served, LONG) == 429
            assert sockets.most_open == {CONTACT: 5}
            assert sockets.opened == {CONTACT: 5}
            assert sockets.refused == {429: 1}
            first.connection.close()
            assert refused(served, LONG) == 101
            assert sockets.most_open == {CONTACT: 5}

    def test_lives_an_hour(self) -> None:
        chat = CHAT_OF_HOURS
        assert chat.closing_ms - chat.started_ms > 3_600_000
        with hearing(chat) as client:
            client.served.clock.set(chat.started_ms + 3_599_999)
            assert client.served.service.sockets.open_now() == 1
            client.served.clock.advance(0.001)
            assert is_closed(client) == 1000

    def test_ends_with_its_chat_and_after_its_last_item(self) -> None:
        with hearing(LONG) as client:
            client.served.clock.set(LONG.ended_ms)
            items, code = client.heard_until_closed()
            assert items[-1]["ContentType"] == EVENT_TYPES + "chat.ended"
            assert code == 1000
            assert client.served.service.sockets.open_now() == 0

    def test_hears_by_a_clock_that_runs(self) -> None:
        start_s = LONG.closing_ms / 1000 - 60
        clock = Clock(start_s, speed=60)
        with ParticipantService([LONG], clock, ORDERLY) as service:
            with connect(service.websocket_url(CONTACT), compression=None) as connection:
                connection.send(json.dumps(SUBSCRIBE))
                *_, last = connection
            ended = item_of(json.loads(last))
        assert ended["ContentType"] == EVENT_TYPES + "chat.ended"
        assert all(push.at_ms >= push.frame.due_ms for push in service.sockets.pushed[CONTACT])

    def test_of_an_agent_ends_when_the_agent_leaves(self) -> None:
        agent = next(one for one in TRANSFERRED.participants if one.role == "AGENT")
        with hearing(TRANSFERRED, at_ms=agent.left_ms - 1) as customer:
            served = customer.served
            token = served.service._tokens.of_participant(TRANSFERRED, agent)
            answer: Any = served.participant.create_participant_connection(
                ParticipantToken=token, Type=["WEBSOCKET"]
            )
            with listening(served, TRANSFERRED, at=answer["Websocket"]["Url"]) as agents:
                served.clock.set(agent.left_ms)
                items, code = agents.heard_until_closed()
                assert code == 1000
            assert customer.heard()[: len(items)] == items
            assert served.service.sockets.open_now() == 1

    def test_ends_with_its_customers_disconnection(self) -> None:
        with hearing(LONG) as one, listening(one.served, LONG) as other:
            one.served.service.sockets.disconnect(CONTACT)
            assert is_closed(one) == is_closed(other) == 1000
            assert refused(one.served, LONG) == 403

    def test_is_not_to_be_had_where_there_are_none(self) -> None:
        with serving([LONG], replace(ORDERLY, websockets=False)) as served:
            assert refused(served, LONG) == 403

    def test_opens_while_an_end_waits_however_long(self) -> None:
        with serving([LONG], at_ms=MIDDLE_MS) as served:
            served.service.hold_end(CONTACT, 3_600)
            served.clock.set(LONG.ended_ms + 200_000)
            assert refused(served, LONG) == 101
            served.service.release(CONTACT)
            assert refusal(lambda: url(served, LONG)) == DENIED

    def test_has_no_url_from_a_call_that_fails(self) -> None:
        with serving([LONG]) as served:
            served.service.fail_next("CreateParticipantConnection", Fault(status=500))
            assert refusal(lambda: url(served, LONG))[0] == 500


class TestCommands:
    def test_silence_heartbeats(self) -> None:
        with hearing(LONG) as client:
            sockets = client.served.service.sockets
            assert sockets.silence(CONTACT) == 1
            assert not client.is_answered(HEARTBEAT, within_s=0.2)
            assert not client.is_answered(PING, within_s=0.2)
            client.served.clock.set(MIDDLE_MS)
            assert client.receive()["topic"] == "aws/chat"
            with listening(client.served, LONG) as later:
                assert later.is_answered(HEARTBEAT)
            sockets.restore(CONTACT)

    def test_apply_to_one_chat_or_to_all(self) -> None:
        other = next(chat for chat in CHATS if chat.started_ms < MIDDLE_MS < chat.closing_ms)
        with (
            serving([LONG, other], at_ms=MIDDLE_MS) as served,
            listening(served, LONG) as client,
            listening(served, other) as others,
        ):
            sockets = served.service.sockets
            assert sockets.silence(other.initial_contact_id) == 1
            assert client.is_answered(PING)
            assert not others.is_answered(PING, within_s=0.2)
            assert sockets.open_now() == 2
            assert sockets.cut() == 2
            assert is_closed(client) == is_closed(others) == 1006

    def test_close_in_order(self) -> None:
        with hearing(LONG) as client:
            client.served.service.sockets.close(CONTACT)
            assert is_closed(client) == 1000

    def test_let_frames_come_late(self) -> None:
        at_ms = LONG.own_items[8].sent_ms
        with hearing(LONG, at_ms=at_ms - 1) as slow, listening(slow.served, LONG) as prompt:
            served = slow.served
            with listening(served, LONG) as client:
                served.service.sockets.delay(CONTACT, seconds=5)
                served.clock.set(at_ms)
                assert client.heard() == slow.heard() == prompt.heard() == []
                served.clock.advance(4.999)
                assert slow.heard() == []
                served.clock.advance(0.001)
                assert [item["Id"] for item in slow.heard()] == [LONG.own_items[8].item_id]

    def test_let_even_the_end_come_late(self) -> None:
        with hearing(LONG) as client:
            client.served.service.sockets.delay(CONTACT, seconds=5)
            client.served.clock.set(LONG.ended_ms)
            assert client.heard() == []
            client.served.clock.advance(5)
            items, code = client.heard_until_closed()
            assert items[-1]["ContentType"] == EVENT_TYPES + "chat.ended"
            assert code == 1000

    def test_leave_it_half_open(self) -> None:
        with hearing(LONG) as client, listening(client.served, LONG) as other:
            served = client.served
            served.service.sockets.half_open(CONTACT)
            served.clock.set(LONG.ended_ms)
            for one in (client, other):
                with pytest.raises(TimeoutError):
                    one.connection.recv(timeout=0.2)
                assert not one.is_answered(HEARTBEAT, within_s=0.2)
            assert not client.connection.ping().wait(0.2)
            assert CONTACT not in served.service.sockets.pushed

    def test_let_others_hear_while_one_is_half_open(self) -> None:
        with hearing(LONG) as client:
            client.served.service.sockets.half_open(CONTACT)
            with listening(client.served, LONG) as other:
                client.served.clock.set(MIDDLE_MS)
                assert other.heard()

    def test_refuse_handshakes(self) -> None:
        with serving([LONG], at_ms=MIDDLE_MS) as served:
            sockets = served.service.sockets
            sockets.refuse(CONTACT, 429)
            assert refused(served, LONG) == 429
            sockets.refuse(status=403)
            sockets.accept(CONTACT)
            assert refused(served, LONG) == 403
            sockets.accept()
            assert refused(served, LONG) == 101

    def test_send_junk(self) -> None:
        with hearing(LONG) as client:
            client.served.service.sockets.junk(CONTACT, "{", b"\xff", "[" * 50_000)
            assert [client.connection.recv(timeout=30) for _ in range(3)] == [
                "{",
                b"\xff",
                "[" * 50_000,
            ]


NOBODYS = unattended(1, LONG.started_ms)


class TestAChatThatNobodyAttends:
    def test_ends_after_five_minutes(self) -> None:
        with serving([NOBODYS], at_ms=NOBODYS.started_ms + ENDS_AFTER_MS - 1) as served:
            assert refused(served, NOBODYS) == 101
            late = url(served, NOBODYS)
            served.clock.advance(0.001)
            assert refused(served, NOBODYS, late) == 403
            assert served.service.sockets.kept_alive == set()

    def test_is_kept_alive_by_a_socket_that_is_subscribed(self) -> None:
        with serving([NOBODYS], at_ms=NOBODYS.started_ms) as served:
            with listening(served, NOBODYS) as client:
                served.clock.advance(3_000)
                assert len(client.heard()) == 1
                assert refused(served, NOBODYS) == 101
            assert served.service.sockets.kept_alive == {NOBODYS.initial_contact_id}

    def test_is_told_apart_from_one_whose_page_came(self) -> None:
        joined_ms = next(i.sent_ms for i in LONG.own_items if i.sender)
        for at_ms, before_page in ((joined_ms - 1, {CONTACT}), (joined_ms, set())):
            with hearing(LONG, at_ms=at_ms) as client:
                assert client.served.service.sockets.before_page == before_page
                assert client.served.service.sockets.kept_alive == set()
