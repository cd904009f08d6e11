"""How chats end, and what the simulated service shows of one whose end waits."""

from __future__ import annotations

import pytest

from local.chats import Chat
from local.participant_service import ParticipantService
from local.scripted.ending import EndedBy
from local.scripted.items import EVENT_TYPES, Item
from local.truth import told_receipts
from tests.unit.local.served import CHATS, DENIED, Served, refusal, serving

LIMIT_S = 8
GONE = (EVENT_TYPES + "participant.left", EVENT_TYPES + "participant.autodisconnection")


def ending(chat: Chat) -> list[Item]:
    return [item for item in chat.own_items if item.sent_ms >= chat.closing_ms]


def ended(*by: EndedBy) -> list[Chat]:
    return [chat for chat in CHATS if chat.ended_by in by]


def is_customers(item: Item) -> bool:
    return item.sender is not None and item.sender.role == "CUSTOMER"


class TestAScriptedEnd:
    def test_is_the_agents_also_where_a_disconnect_flow_asks_how_it_was(self) -> None:
        asked = [chat for chat in CHATS if chat.legs[-1].initiation_method == "DISCONNECT"]
        assert asked
        assert {chat.ended_by for chat in asked} == {EndedBy.AGENT}
        assert len(ended(EndedBy.AGENT)) > len(asked)

    def test_is_of_each_kind(self) -> None:
        assert {chat.ended_by for chat in CHATS} == set(EndedBy)
        assert {chat.kind for chat in ended(EndedBy.FLOW)} == {"bot"}
        assert "ghost" in {chat.kind for chat in ended(EndedBy.NOBODY)}

    def test_begins_with_the_customers_going(self) -> None:
        for chat in CHATS:
            if chat.kind == "ghost":
                assert chat.closing_ms == chat.ended_ms
                continue
            first, *rest = ending(chat)
            assert is_customers(first)
            assert first.content_type in GONE
            assert rest[-1].content_type == EVENT_TYPES + "chat.ended"
            assert 0 < chat.ended_ms - chat.closing_ms < 100

    def test_of_an_agent_leaves_the_customer_alone(self) -> None:
        for chat in ended(EndedBy.AGENT):
            assert not any(item.sender for item in ending(chat)[1:])

    def test_by_connect_may_have_no_participant_left(self) -> None:
        ways = {ending(chat)[0].content_type for chat in ended(EndedBy.NOBODY) if ending(chat)}
        assert ways == set(GONE)
        others = (EndedBy.AGENT, EndedBy.CUSTOMER, EndedBy.FLOW)
        assert {ending(chat)[0].content_type for chat in ended(*others)} == {GONE[0]}


CHAT = ended(EndedBy.AGENT)[0]


def seen(served: Served, token: str) -> set[str]:
    pages = served.pages(token, MaxResults=100)
    return {item["Id"] for page in pages for item in page}


class TestAnEndThatWaits:
    def test_shows_all_but_the_end_until_it_is_released(self) -> None:
        with serving([CHAT]) as served:
            served.service.hold_end(CHAT.initial_contact_id, LIMIT_S)
            token = served.connection(CHAT)
            served.clock.set(CHAT.ended_ms + 1000 * (LIMIT_S - 1))
            late = served.connection(CHAT)
            all_ids = {item.item_id for item in CHAT.items}
            for held in (token, late):
                assert seen(served, held) == all_ids - {item.item_id for item in ending(CHAT)}
            served.service.release(CHAT.initial_contact_id)
            assert refusal(lambda: seen(served, token)) == DENIED
            assert refusal(lambda: served.connection(CHAT)) == DENIED

    def test_is_over_after_its_limit_which_no_clock_makes_shorter(self) -> None:
        speed = 8.0
        with serving([CHAT], at_ms=CHAT.closing_ms - 1, speed=speed) as served:
            served.service.hold_end(CHAT.initial_contact_id, LIMIT_S)
            token = served.connection(CHAT)
            over_ms = CHAT.closing_ms + int(1000 * LIMIT_S * speed)
            served.clock.set(over_ms - 1)
            assert seen(served, token)
            served.clock.set(over_ms)
            assert refusal(lambda: seen(served, token)) == DENIED

    def test_is_over_later_if_it_is_held_again_after_its_end(self) -> None:
        with serving([CHAT]) as served:
            served.service.hold_end(CHAT.initial_contact_id, LIMIT_S)
            token = served.connection(CHAT)
            served.clock.set(CHAT.closing_ms + 1000 * (LIMIT_S - 1))
            served.service.hold_end(CHAT.initial_contact_id, LIMIT_S)
            served.clock.advance(LIMIT_S - 1)
            assert seen(served, token)
            served.clock.advance(1)
            assert refusal(lambda: seen(served, token)) == DENIED

    def test_is_not_yet_told_of_by_describe_contact(self) -> None:
        leg = CHAT.legs[-1]
        with serving([CHAT], at_ms=CHAT.ended_ms + 1) as served:

            def described() -> object:
                answer = served.connect.describe_contact(
                    InstanceId=CHAT.instance_id, ContactId=leg.contact_id
                )
                return answer["Contact"].get("DisconnectTimestamp")

            served.service.hold_end(CHAT.initial_contact_id, LIMIT_S)
            assert described() is None
            served.service.release(CHAT.initial_contact_id)
            assert described() is not None

    def test_changes_nothing_before(self) -> None:
        at_ms = (CHAT.started_ms + CHAT.closing_ms) // 2
        with serving([CHAT], at_ms=at_ms) as served:
            token = served.connection(CHAT)
            before = seen(served, token)
            served.service.hold_end(CHAT.initial_contact_id, LIMIT_S)
            assert seen(served, token) == before

    def test_needs_a_chat(self) -> None:
        with serving([CHAT]) as served, pytest.raises(LookupError):
            served.service.hold_end("nobody", LIMIT_S)


class TestWhatWasTold:
    def test_is_what_the_answers_held_and_no_more(self) -> None:
        """A page that was not asked for, an answer that was cut: their receipts are not told."""
        chat = max(CHATS, key=lambda chat: sum(len(item.receipts) for item in chat.own_items))
        with serving([chat]) as served:
            token = served.connection(chat)
            newest = served.participant.get_transcript(ConnectionToken=token, MaxResults=5)
            told = told_receipts(chat, served.service.calls)
            expected = {
                (chat.initial_contact_id, item["MessageMetadata"]["MessageId"], recipient)
                for item in newest["Transcript"]
                for receipt in item.get("MessageMetadata", {}).get("Receipts", ())
                for recipient in [receipt["RecipientParticipantId"]]
            }
            assert told.keys() == expected
            served.pages(token, MaxResults=100)
            assert len(told_receipts(chat, served.service.calls)) > len(expected)


def test_no_chat_waits_of_its_own_accord() -> None:
    with serving([CHAT]) as served:
        token = served.connection(CHAT)
        served.clock.set(CHAT.ended_ms)
        assert isinstance(served.service, ParticipantService)
        assert refusal(lambda: seen(served, token)) == DENIED
