"""Chats through the deployed stack when tokens die with them and events are lost, late or twice.

Twice: listened to by their websockets, and read in turn.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from chatlake.capture.reserve import BURST, LEFT
from local.demo import OLDER_PROCESSES
from local.participant_service import Push
from local.scripted.chat import Chat
from local.scripted.items import EVENT_TYPES, JsonObject
from local.truth import told_receipts
from tests import oracle
from tests.e2e.pipeline import dying
from tests.e2e.pipeline.canaries import leaks
from tests.e2e.pipeline.dying import Died
from tests.e2e.pipeline.happening import heard
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.tables import Rows, comparable, of_chats
from tests.metric_blobs import assert_they_hold_numbers_only, blobs, values
from tests.oracle import Input, Row

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]

_OK = 200
_ENDED = EVENT_TYPES + "chat.ended"


def made(factory: pytest.TempPathFactory, source: str) -> Died:
    return once(factory, f"dying-{source}", partial(dying.run, source=source))


@pytest.fixture(scope="module", params=["websocket", "polling"])
def died(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Died:
    return made(tmp_path_factory, request.param)


@pytest.fixture(scope="module")
def listened(tmp_path_factory: pytest.TempPathFactory) -> Died:
    return made(tmp_path_factory, "websocket")


def moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=time_ms)


def in_tables(time_ms: int) -> datetime:
    """A moment as tables have it: UTC, without a zone."""
    return moment(time_ms).replace(tzinfo=None)


def reads(died: Died, chat: Chat) -> list[int]:
    """When the chat was read, in epoch milliseconds."""
    return [
        call.at_ms
        for call in died.calls
        if call.operation == "GetTranscript"
        and call.status == _OK
        and call.contact_id == chat.initial_contact_id
    ]


def as_last_read(died: Died, chat: Chat) -> list[Input]:
    """The transcript as it was at the last read; all of these chats have a page only."""
    found = reads(died, chat)
    if not found:
        return []
    [page] = chat.pages(moment(found[-1]))
    return [Input("response", page, read_at=found[-1], whole=True)]


def pushed(died: Died, chat: Chat) -> list[Push]:
    """The frames of a chat that arrived."""
    found = died.evidence.listened.pushed.get(chat.initial_contact_id, [])
    return [push for push in found if push.heard]


def seen(died: Died, chat: Chat) -> list[Input]:
    """What the service told of a chat: the last read, and every frame."""
    return [*as_last_read(died, chat), *heard(chat, pushed(died, chat))]


def expected(died: Died, chats: list[Chat]) -> Rows:
    """Rows of what was told and what could be read, exactly but for the last moments' receipts."""
    ids = {chat.initial_contact_id for chat in chats}
    told = [one for one in died.told if _chat_of(one.value) in ids]
    told += [one for chat in chats for one in seen(died, chat)]
    return comparable(oracle.rows(told, published_at=datetime.now(UTC)))


def _chat_of(value: JsonObject) -> str:
    detail: JsonObject = value.get("detail", value)
    return str(detail.get("initialContactId") or detail.get("InitialContactId"))


def without(rows: list[Row], *columns: str) -> list[Row]:
    return [{n: v for n, v in row.items() if n not in columns} for row in rows]


def test_events_were_lost_late_and_repeated(died: Died) -> None:
    assert min(died.lost, died.late, died.repeated) >= 3


def test_every_exported_item_is_there_once_and_as_it_was(died: Died) -> None:
    chats = [chat for chat in died.cast.chats() if chat is not died.cast.unheard]
    exported = {item.item_id for chat in chats for item in chat.own_items if item.exported}
    found, wanted = (
        without([row for row in rows["messages"] if row["item_id"] in exported], "receipt_count")
        for rows in (comparable(died.rows), expected(died, chats))
    )
    assert len(found) == len(exported)
    assert found == wanted


def test_all_receipts_are_there_that_were_sent_before_the_last_read(died: Died) -> None:
    """And all that a frame told of."""
    for chat in died.cast.chats():
        rows = of_chats(died.rows, chat.initial_contact_id)["receipts"]
        found = {(row["message_id"], row["recipient_participant_id"]): row for row in rows}
        assert len(found) == len(rows)
        for key, known in _receipts(seen(died, chat)).items():
            for column in ("delivered_at", "read_at"):
                assert known[column] is None or found[key][column] == known[column]


def test_no_receipt_is_there_that_was_not_sent(died: Died) -> None:
    for chat in died.cast.chats():
        [whole] = chat.pages()
        truth = _receipts([Input("response", whole)])
        for row in of_chats(died.rows, chat.initial_contact_id)["receipts"]:
            sent = truth[row["message_id"], row["recipient_participant_id"]]
            assert row["delivered_at"] in {None, sent["delivered_at"]}
            assert row["read_at"] in {None, sent["read_at"]}


def _receipts(inputs: list[Input]) -> dict[tuple[str, str], Row]:
    rows = oracle.rows(inputs, published_at=datetime.now(UTC))["receipts"]
    return {(row["message_id"], row["recipient_participant_id"]): row for row in rows}


def test_receipts_are_saved_while_tokens_live(died: Died) -> None:
    ids = [chat.initial_contact_id for chat in died.cast.usual]
    assert of_chats(died.rows, *ids)["receipts"]


def test_contacts_are_the_merged_truth_of_what_was_told(died: Died) -> None:
    chats = [chat for chat in died.cast.chats() if chat is not died.cast.unheard]
    found, wanted = (
        # A read counts from a moment before the service notes that it was asked.
        without(rows["contacts"], "receipt_count", "receipts_observed_until")
        for rows in (comparable(died.rows), expected(died, chats))
    )
    assert found == wanted


def test_contacts_say_what_was_read_of_them(died: Died) -> None:
    for chat in died.cast.chats():
        if chat is died.cast.unheard:
            continue
        was_read = bool(reads(died, chat))
        assert not (was_read and chat is died.cast.foreign)
        for row in of_chats(died.rows, chat.initial_contact_id)["contacts"]:
            assert row["sources"] == ("event,export,participant" if was_read else "event,export")
            assert row["receipts_available"] is was_read
            observed = row["receipts_observed_until"]
            assert (observed is not None) is was_read
            assert observed is None or observed <= in_tables(last_seen_ms(died, chat))
            assert row["complete"] is True


def last_seen_ms(died: Died, chat: Chat) -> int:
    """Until when something can have been seen: the last read, or the end that a socket saw."""
    return max(reads(died, chat)[-1], chat.ended_ms if pushed(died, chat) else 0)


def test_what_no_event_told_of_is_known_after_reconciling(died: Died) -> None:
    unheard = died.cast.unheard.initial_contact_id
    assert of_chats(died.rows, unheard)["contacts"] == []
    endless = [chat.initial_contact_id for chat in died.cast.endless]
    before = of_chats(died.rows, *endless)["contacts"]
    assert {row["disconnected_at"] for row in before} == {None}

    assert died.reconcile_answer["ContactsFound"] >= len(endless) + 1
    after = {row["contact_id"]: row for row in died.rows_reconciled["contacts"]}
    for chat in died.cast.chats():
        for leg in chat.legs:
            row = after[leg.contact_id]
            assert row["initial_contact_id"] == chat.initial_contact_id
            assert row["initiated_at"] == in_tables(leg.initiated_ms)
            assert row["disconnected_at"] == in_tables(leg.disconnected_ms)
    messages = of_chats(died.rows_reconciled, unheard)["messages"]
    assert {row["item_id"] for row in messages} == {
        item.item_id for item in died.cast.unheard.own_items if item.exported
    }


def test_an_erased_chat_stays_erased_whatever_comes_again(died: Died) -> None:
    ids = [chat.initial_contact_id for chat in died.cast.erased]
    before = of_chats(died.rows_reconciled, *ids)
    for table in ("messages", "contacts"):
        assert {row["initial_contact_id"] for row in before[table]} == set(ids)
    assert sorted(died.erase_answer["erased"]) == sorted(ids)
    for rows in (died.rows_erased, died.rows_returned, died.rows_twice):
        assert not any(of_chats(rows, *ids).values())
    assert died.left.documents == []


def test_of_an_erased_chat_its_contacts_are_remembered_only_as_erased(died: Died) -> None:
    kinds = ("chat#", "watch#", "leg#", "schedule#")
    assert not any(key.startswith(kinds) for key in died.left.state)


def test_an_erasure_leaves_other_chats_as_they_were(died: Died) -> None:
    ids = {chat.initial_contact_id for chat in died.cast.chats()}
    others = ids - {chat.initial_contact_id for chat in died.cast.erased}
    expected = comparable(of_chats(died.rows_reconciled, *others))
    assert comparable(died.rows_erased) == expected
    assert comparable(died.rows_returned) == expected


def test_two_publishers_of_the_same_chats_at_once_leave_each_row_once(died: Died) -> None:
    assert died.together
    assert comparable(died.rows_twice) == comparable(died.rows_returned)


def test_nothing_failed_for_good(died: Died) -> None:
    assert died.evidence.failures == []
    assert died.evidence.dead_letters == 0


def test_no_second_has_more_calls_than_are_allowed(died: Died) -> None:
    # What the reserve has to spare may begin at once; so may a call of each older process.
    older = OLDER_PROCESSES if died.source == "websocket" else 0
    assert 0 < died.evidence.busiest_second <= dying.CAPTURE_RATE + older + BURST - LEFT
    assert 0 < died.evidence.busiest_connecting <= dying.CONNECTION_RATE + older


def test_nothing_private_is_in_a_log(died: Died) -> None:
    assert leaks(died.evidence.logs, died.cast.chats()) == []


def test_a_stack_that_polls_opens_no_websocket(tmp_path_factory: pytest.TempPathFactory) -> None:
    died = made(tmp_path_factory, "polling")
    assert not died.evidence.listened.opened
    assert not died.evidence.listened.pushed


def followed(died: Died) -> list[Chat]:
    """The chats whose token is known and whose customer comes, but for that which is refused."""
    chats = [*died.cast.usual, *died.cast.endless, *died.cast.erased]
    return [chat for chat in chats if chat is not died.cast.refused]


def test_every_receipt_that_a_frame_told_of_is_there(listened: Died) -> None:
    ids = {chat.initial_contact_id for chat in followed(listened)}
    assert listened.evidence.listened.pushed.keys() == ids
    for chat in followed(listened):
        told = told_receipts(chat, [], pushed(listened, chat))
        rows: dict[tuple[str, ...], Row] = {
            (row["initial_contact_id"], row["message_id"], row["recipient_participant_id"]): row
            for row in of_chats(listened.rows, chat.initial_contact_id)["receipts"]
        }
        for key, times in told.items():
            for column, time in zip(("delivered_at", "read_at"), times, strict=True):
                at = oracle.timestamp(time)
                assert at is None or rows[key][column] == at.replace(tzinfo=None)
        assert told


def test_a_chat_whose_websocket_is_open_is_not_read(listened: Died) -> None:
    # One read shows the customer, and one brings what was before the socket.
    made_reads = [len(reads(listened, chat)) for chat in followed(listened)]
    assert min(made_reads) >= 2
    assert sum(made_reads) <= 3 * len(made_reads)
    assert len(reads(listened, listened.cast.unattended)) > 3


def test_a_chat_whose_end_was_heard_is_observed_until_then(listened: Died) -> None:
    heard_of = [
        chat
        for chat in listened.cast.chats()
        if any(push.frame.item.content_type == _ENDED for push in pushed(listened, chat))
    ]
    assert heard_of == followed(listened)
    for chat in heard_of:
        for found, wanted in zip(
            *(
                comparable(of_chats(rows, chat.initial_contact_id))["contacts"]
                for rows in (listened.rows, expected(listened, [chat]))
            ),
            strict=True,
        ):
            assert found["receipts_observed_until"] == wanted["receipts_observed_until"]


def test_a_websocket_that_breaks_is_opened_again_and_the_gap_is_read(listened: Died) -> None:
    chat = listened.cast.broken
    assert listened.evidence.listened.opened[chat.initial_contact_id] == 2
    assert len(reads(listened, chat)) >= 3
    counted = listened.evidence.counted["Capture"]
    assert counted["SocketsLost"] == 1
    # One of each chat, and one of that whose socket broke.
    assert counted["GapsRead"] == len(followed(listened)) + 1


def test_a_chat_whose_websocket_is_refused_is_read_in_turn(listened: Died) -> None:
    chat = listened.cast.refused
    found = listened.evidence.listened
    assert found.refused == {403: 1}
    assert chat.initial_contact_id not in found.opened
    assert len(reads(listened, chat)) > 3
    assert of_chats(listened.rows, chat.initial_contact_id)["receipts"]


def test_websockets_keep_no_chat_alive_and_leave_room_for_pages(listened: Died) -> None:
    found = listened.evidence.listened
    unattended = listened.cast.unattended
    assert reads(listened, unattended)
    assert found.opened[unattended.initial_contact_id] == 0
    assert (found.kept_alive, found.before_page) == (set(), set())
    assert set(found.most_open.values()) <= {1, 2}


def test_how_chats_are_followed_is_measured(died: Died) -> None:
    written = [blob for log in died.evidence.logs.values() for blob in blobs(log)]
    [stack] = {blob["service"] for blob in written}
    assert_they_hold_numbers_only(written, stack)
    assert min(values(written, "LeaseAge")) >= 0
    listens = died.source == "websocket"
    assert (max(values(written, "ChatsCoveredBySocket")) > 0) is listens
    opened = died.evidence.listened.opened.total()
    assert died.evidence.counted["Capture"]["SocketsOpened"] == opened
    assert (died.evidence.counted["Capture"]["FramesRead"] > 0) is listens
    assert died.evidence.counted["Capture"]["FramesRejected"] == 0
