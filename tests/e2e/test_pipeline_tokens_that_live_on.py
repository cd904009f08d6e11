"""Chats of every sort through the deployed stack, when tokens still open a chat after its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from chatlake.capture.reserve import BURST, LEFT
from local.demo import OLDER_PROCESSES
from local.scripted.chat import Chat
from tests import oracle
from tests.e2e.pipeline import living
from tests.e2e.pipeline.canaries import leaks
from tests.e2e.pipeline.living import Lived
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.tables import TABLES, Rows, comparable, of_chats
from tests.metric_blobs import assert_they_hold_numbers_only, blobs, values
from tests.oracle import Row

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return once(tmp_path_factory, "living", living.run)


@pytest.fixture(scope="module")
def expected(lived: Lived) -> Rows:
    return comparable(oracle.rows(lived.told, published_at=datetime.now(UTC)))


def rows_of(lived: Lived, *chats: Chat) -> Rows:
    return of_chats(lived.rows, *(chat.initial_contact_id for chat in chats))


def said(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["item_type"] == "MESSAGE"]


@pytest.mark.parametrize("table", TABLES)
def test_the_rows_are_those_of_all_that_happened(lived: Lived, expected: Rows, table: str) -> None:
    assert expected[table]
    assert comparable(lived.rows)[table] == expected[table]


def test_every_read_chat_is_complete_and_has_its_receipts(lived: Lived) -> None:
    unread = {chat.initial_contact_id for chat in (lived.cast.sourceless, lived.cast.unnamed_first)}
    read = [row for row in lived.rows["contacts"] if row["initial_contact_id"] not in unread]
    assert {row["sources"] for row in read} == {"event,export,participant"}
    assert {row["complete"] for row in read} == {True}
    assert {row["receipts_available"] for row in read} == {True}


def test_a_chat_that_was_transferred_twice_has_three_contacts(lived: Lived) -> None:
    chat = lived.cast.transferred
    rows = rows_of(lived, chat)
    contacts = sorted(rows["contacts"], key=lambda row: row["initiated_at"])
    assert [row["contact_id"] for row in contacts] == [leg.contact_id for leg in chat.legs]
    assert [row["previous_contact_id"] for row in contacts] == [
        None,
        *(leg.contact_id for leg in chat.legs[:-1]),
    ]
    assert {row["contact_id"] for row in rows["messages"]} == {leg.contact_id for leg in chat.legs}


def test_what_persistent_chats_bring_back_counts_once(lived: Lived) -> None:
    chats = (lived.cast.first, lived.cast.second, lived.cast.third)
    messages = said(rows_of(lived, *chats)["messages"])
    own = [row["item_id"] for row in messages if row["related_contact_id"] is None]
    assert sorted(own) == sorted(
        item.item_id for chat in chats for item in chat.own_items if item.type == "MESSAGE"
    )
    # The last one brings back both others, the second one the first.
    assert len(messages) > len(own)
    assert len({row["item_id"] for row in messages}) == len(own)


def test_a_chat_of_five_thousand_messages_is_there_whole(lived: Lived) -> None:
    rows = rows_of(lived, lived.cast.long)
    assert len({row["item_id"] for row in said(rows["messages"])}) == len(said(rows["messages"]))
    assert len(said(rows["messages"])) == 5_000
    assert [row["message_count"] for row in rows["contacts"]] == [5_000]


def test_a_chat_without_a_message_has_its_contact(lived: Lived) -> None:
    rows = rows_of(lived, lived.cast.silent)
    assert said(rows["messages"]) == []
    assert [row["message_count"] for row in rows["contacts"]] == [0]


def test_a_chat_without_token_and_export_is_seen_to_have_no_source(lived: Lived) -> None:
    rows = rows_of(lived, lived.cast.sourceless)
    assert rows["messages"] == []
    assert [row["sources"] for row in rows["contacts"]] == ["event", "event"]
    assert {row["receipts_available"] for row in rows["contacts"]} == {None}
    assert {row["complete"] for row in rows["contacts"]} == {False}
    without_source = lived.evidence.warned["ChatsWithoutSource"]
    assert without_source.count(lived.cast.sourceless.initial_contact_id) == 1
    assert lived.evidence.counted["Capture"]["ChatsWithoutSource"] == len(without_source)


def test_a_token_that_comes_after_the_first_event_still_opens_the_chat(lived: Lived) -> None:
    rows = rows_of(lived, lived.cast.late_token)
    assert rows["receipts"]


def test_legs_that_nothing_named_the_chat_of_come_together_when_something_does(
    lived: Lived,
) -> None:
    chat = lived.cast.unnamed_first
    legs = [leg.contact_id for leg in chat.legs]
    # Connect would not tell either, so that at first they were chats of their own.
    assert {call.status for call in lived.calls if call.operation == "DescribeContact"} >= {500}
    before = of_chats(lived.rows_before, *legs)["contacts"]
    assert {row["initial_contact_id"] for row in before} == set(legs)
    after = of_chats(lived.rows, *legs)
    assert {row["initial_contact_id"] for rows in after.values() for row in rows} == {legs[0]}
    assert {row["contact_id"] for row in after["contacts"]} == set(legs)


def test_a_call_is_nobodys_chat(lived: Lived) -> None:
    assert lived.voice_targets == 0
    assert lived.voice_tracked == "EventsIgnored"
    assert not [row for row in lived.rows["contacts"] if row["contact_id"] == "a-call"]


def test_an_event_of_a_new_type_is_ignored_and_not_lost_sight_of(lived: Lived) -> None:
    # This one, the call's, and every COMPLETED that repeats an end.
    assert lived.evidence.counted["Track"]["EventsIgnored"] >= 2
    assert lived.evidence.dead_letters == 0
    assert lived.evidence.failures == []


def test_a_receipt_whose_message_comes_to_be_known_later_has_one_row(lived: Lived) -> None:
    chat = lived.cast.hidden.initial_contact_id
    [hidden] = set(lived.cast.as_exported.items) - set(lived.cast.hidden.items)

    def receipts(rows: Rows) -> list[Row]:
        found = of_chats(rows, chat)["receipts"]
        return [row for row in found if row["message_id"] == hidden.item_id]

    [before] = receipts(lived.rows_before)
    [after] = receipts(lived.rows)
    assert before["sent_at"] is None
    assert after["sent_at"] is not None
    assert after["recipient_participant_id"] == before["recipient_participant_id"]


def test_no_second_has_more_calls_than_are_allowed(lived: Lived) -> None:
    # What the reserve has to spare may begin at once; so may a call of each older process.
    allowed = living.CAPTURE_RATE + OLDER_PROCESSES + BURST - LEFT
    assert 0 < lived.evidence.busiest_second <= allowed
    assert {call.status for call in lived.calls if call.operation == "GetTranscript"} == {200}


def test_websockets_keep_no_chat_alive_and_leave_room_for_pages(lived: Lived) -> None:
    found = lived.evidence.listened
    assert found.pushed
    assert (found.kept_alive, found.before_page) == (set(), set())
    assert set(found.most_open.values()) <= {1, 2}


def test_nothing_private_is_in_a_log(lived: Lived) -> None:
    assert "Capture" in "".join(lived.evidence.logs)
    assert leaks(lived.evidence.logs, lived.cast.chats()) == []


def test_metrics_are_numbers_and_each_chat_is_measured_once(lived: Lived) -> None:
    written = [blob for log in lived.evidence.logs.values() for blob in blobs(log)]
    [stack] = {blob["service"] for blob in written}
    assert_they_hold_numbers_only(written, stack)
    # Legs that nothing named the chat of were chats of their own at first.
    contacts = [*lived.rows_before["contacts"], *lived.rows["contacts"]]
    chats = {row["initial_contact_id"] for row in contacts}
    assert 0 < len(values(written, "EndToRows")) <= len(chats)
    assert sum(values(written, "MessagesPublished")) >= 5_000
    assert values(written, "ReadLatency", "AGENT")
    assert values(written, "ReadLatency", "CUSTOMER")
    assert max(values(written, "ChatsLive")) > 0
    assert max(values(written, "CallsOfRate")) > 0


def test_what_is_private_would_be_seen_in_a_log(lived: Lived) -> None:
    chats = lived.cast.chats()
    content = max((item.content or "" for item in lived.cast.with_bot.items), key=len)
    logs = {"a": f"token={'x' * 400}", "b": f"{{{json.dumps(content)}}}", "c": "nothing"}
    logs["d"] = f"by {lived.cast.transferred.participants[1].name}"
    assert leaks(logs, chats) == ["a: token", "d: display name", "b: content"]
