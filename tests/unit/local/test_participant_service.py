"""The simulated Participant Service, as boto3 and plain HTTP see it."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http.client import HTTPConnection, IncompleteRead
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import BotoCoreError
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlake.sources.recordings import is_redacted
from local.chats import Chat
from local.participant_service import Behaviour, Fault
from local.participant_service.constraints import violations
from local.participant_service.operations import Operation, operations
from tests.unit.local.served import (
    CHATS,
    DENIED,
    INVALID,
    LONG,
    PERSISTENT,
    START,
    THROTTLED,
    TRANSFERRED,
    UNLIMITED,
    Json,
    Served,
    moment,
    refusal,
    serving,
)

if TYPE_CHECKING:
    pass


def as_modelled(item: Json) -> Json:
    """The item as boto3 gives it, whose model does not know how messages are streamed."""
    if "MessageMetadata" not in item:
        return item
    unknown = {"MessageCompleted", "ChunkNumber"}
    known = {n: v for n, v in item["MessageMetadata"].items() if n not in unknown}
    return {**item, "MessageMetadata": known}


class TestAWholeTranscript:
    @pytest.mark.parametrize("size", [1, 7, 100])
    def test_is_read_backward(self, size: int) -> None:
        for chat in (LONG, PERSISTENT, TRANSFERRED):
            with serving([chat]) as served:
                pages = served.pages(
                    served.connection(chat),
                    MaxResults=size,
                    ScanDirection="BACKWARD",
                    SortOrder="ASCENDING",
                )
                assert [item for page in reversed(pages) for item in page] == chat.transcript(
                    moment(chat.ended_ms - 1)
                )

    @pytest.mark.parametrize("size", [3, 100])
    def test_of_the_chats_own_items_is_read_forward_from_the_first(self, size: int) -> None:
        with serving([PERSISTENT]) as served:
            pages = served.pages(
                served.connection(PERSISTENT),
                MaxResults=size,
                SortOrder="ASCENDING",
                StartPosition={"Id": PERSISTENT.own_items[0].item_id},
            )
            own = [
                item
                for item in PERSISTENT.transcript(moment(PERSISTENT.ended_ms - 1))
                if "ContactId" in item
            ]
            assert len(own) > 3
            assert [item for page in pages for item in page] == own

    def test_is_right_for_every_chat_in_the_middle_of_its_life(self) -> None:
        chats = CHATS[:120]
        with serving(chats) as served:
            for chat in chats:
                served.clock.set((chat.started_ms + chat.ended_ms) // 2)
                now = moment(served.clock.now_ms())
                pages = served.pages(served.connection(chat), MaxResults=100, SortOrder="ASCENDING")
                found = [item for page in reversed(pages) for item in page]
                assert found == [as_modelled(item) for item in chat.transcript(now)]

    def test_holds_members_that_the_model_does_not_know(self) -> None:
        first, *rest = LONG.items
        chat = replace(LONG, items=(replace(first, unmodelled=(("ChunkNumber", 3),)), *rest))
        with serving([chat]) as served:
            token = served.connection(chat)
            body = json.dumps({"StartPosition": {"Id": first.item_id}, "MaxResults": 1})
            status, answer = served.raw("POST", "/participant/transcript", body, token)
        assert status == 200
        assert answer["Transcript"][0]["ChunkNumber"] == 3

    def test_is_empty_before_the_chat_starts(self) -> None:
        with serving([PERSISTENT], at_ms=PERSISTENT.started_ms - 1) as served:
            assert served.pages(served.connection(PERSISTENT)) == [[]]


def expected_pages(items: list[Json], parameters: Json) -> list[list[Json]]:
    """The pages of a chat that brings nothing back, by the words of the reference."""
    position: Json = parameters.get("StartPosition", {})
    forward = parameters.get("ScanDirection", "FORWARD" if position else "BACKWARD") == "FORWARD"
    if "Id" in position:
        place = next(n for n, item in enumerate(items) if item["Id"] == position["Id"])
        chosen = items[place:] if forward else items[: place + 1]
    elif "AbsoluteTime" in position:
        time = position["AbsoluteTime"]  # of one form, so that text is in the order of time
        chosen = [
            item
            for item in items
            if (item["AbsoluteTime"] >= time if forward else item["AbsoluteTime"] <= time)
        ]
    elif "MostRecent" in position:
        before = max(0, len(items) - position["MostRecent"])
        chosen = items[before:] if forward else items[: before + 1]
    else:
        chosen = [] if forward else items
    if not forward:
        chosen = chosen[::-1]
    size = parameters.get("MaxResults") or 10
    pages = [chosen[start : start + size] for start in range(0, len(chosen), size)] or [[]]
    descends = parameters.get("SortOrder", "DESCENDING") == "DESCENDING"
    return [page if descends != forward else page[::-1] for page in pages]


@st.composite
def readings(draw: st.DrawFn) -> Json:
    shown = LONG.transcript(moment(LONG.ended_ms - 1))
    positions = st.one_of(
        st.builds(lambda item: {"Id": item["Id"]}, st.sampled_from(shown)),
        st.builds(lambda item: {"AbsoluteTime": item["AbsoluteTime"]}, st.sampled_from(shown)),
        st.sampled_from(["2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"]).map(
            lambda text: {"AbsoluteTime": text}
        ),
        st.builds(lambda count: {"MostRecent": count}, st.integers(0, 100)),
        st.just({}),
    )
    optional: Json = {
        "MaxResults": st.integers(0, 100),
        "ScanDirection": st.sampled_from(["FORWARD", "BACKWARD"]),
        "SortOrder": st.sampled_from(["ASCENDING", "DESCENDING"]),
        "StartPosition": positions,
    }
    return draw(st.fixed_dictionaries({}, optional=optional))


class TestEveryWayOfReading:
    @pytest.fixture(scope="class")
    @classmethod
    def served(cls) -> Iterator[tuple[Served, str]]:
        with serving([LONG]) as served:
            yield served, served.connection(LONG)

    @settings(max_examples=settings().max_examples * 3 // 2)
    @given(parameters=readings())
    def test_gives_the_pages_that_the_reference_promises(
        self, served: tuple[Served, str], parameters: Json
    ) -> None:
        by, token = served
        items = LONG.transcript(moment(LONG.ended_ms - 1))
        assert by.pages(token, **parameters) == expected_pages(items, parameters)

    def test_is_ten_items_newest_first_when_nothing_is_said(
        self, served: tuple[Served, str]
    ) -> None:
        by, token = served
        newest = LONG.transcript(moment(LONG.ended_ms - 1))[:-11:-1]
        some: list[Json] = [{}, {"MaxResults": 0}, {"StartPosition": {}}]
        for parameters in some:
            answer: Any = by.participant.get_transcript(ConnectionToken=token, **parameters)
            assert answer["Transcript"] == newest
            assert answer["InitialContactId"] == LONG.initial_contact_id

    def test_forward_without_a_start_gives_nothing(self, served: tuple[Served, str]) -> None:
        by, token = served
        assert by.pages(token, ScanDirection="FORWARD") == [[]]

    def test_from_a_time_between_two_milliseconds_takes_neither_twice(
        self, served: tuple[Served, str]
    ) -> None:
        by, token = served
        items = LONG.transcript(moment(LONG.ended_ms - 1))
        start = {"AbsoluteTime": items[9]["AbsoluteTime"].replace("Z", "500+00:00")}
        later = by.pages(token, MaxResults=100, StartPosition=start, SortOrder="ASCENDING")
        earlier = by.pages(
            token,
            MaxResults=100,
            StartPosition=start,
            SortOrder="ASCENDING",
            ScanDirection="BACKWARD",
        )
        assert earlier[0] + later[0] == items

    @pytest.mark.parametrize(
        "parameters",
        [
            {"MaxResults": 101},
            {"MaxResults": -1},
            {"ScanDirection": "SIDEWAYS"},
            {"SortOrder": "ascending"},
            {"ContactId": ""},
            {"ContactId": "c" * 257},
            {"NextToken": "n" * 1001},
            {"NextToken": "made up"},
            {"NextToken": urlsafe_b64encode(bytes(20)).decode()},
            {"NextToken": "not base64: ä"},
            {"StartPosition": {"Id": "unknown"}},
            {"StartPosition": {"MostRecent": 101}},
            {"StartPosition": {"AbsoluteTime": "yesterday"}},
            {"StartPosition": {"Id": LONG.items[0].item_id, "MostRecent": 1}},
        ],
    )
    def test_beyond_the_model_is_refused(
        self, served: tuple[Served, str], parameters: Json
    ) -> None:
        by, token = served
        call = by.participant.get_transcript
        assert refusal(lambda: call(ConnectionToken=token, **parameters)) == INVALID

    @pytest.mark.parametrize(
        "body", ["", "{", "[]", '"text"', '{"MaxResults": "10"}', '{"MaxResults": true}']
    )
    def test_in_another_form_is_refused(self, served: tuple[Served, str], body: str) -> None:
        by, token = served
        status, answer = by.raw("POST", "/participant/transcript", body, token)
        if body:
            assert (status, list(answer)) == (400, ["Message"])
        else:
            assert status == 200

    def test_with_a_misspelt_member_is_refused_without_repeating_it(
        self, served: tuple[Served, str]
    ) -> None:
        by, token = served
        status, answer = by.raw("POST", "/participant/transcript", '{"maxresults": 3}', token)
        assert status == 400
        assert "maxresults" not in answer["Message"]


class TestANextToken:
    def test_is_bound_to_its_chat_and_its_parameters(self) -> None:
        other = next(chat for chat in CHATS if chat.started_ms < LONG.ended_ms < chat.ended_ms)
        with serving([LONG, other]) as served:
            token, others = served.connection(LONG), served.connection(other)
            page = served.participant.get_transcript
            next_token = page(ConnectionToken=token)["NextToken"]
            assert page(ConnectionToken=token, NextToken=next_token)["Transcript"]
            for connection, parameters in (
                (others, {}),
                (token, {"SortOrder": "ASCENDING"}),
                (token, {"ScanDirection": "FORWARD"}),
                (token, {"ContactId": LONG.initial_contact_id}),
                (token, {"StartPosition": {"MostRecent": 3}}),
            ):
                wrong: Any = {"ConnectionToken": connection, "NextToken": next_token, **parameters}
                assert refusal(partial(page, **wrong)) == INVALID

    def test_goes_on_with_a_fresh_connection_while_the_chat_goes_on(self) -> None:
        with serving([LONG], at_ms=(LONG.started_ms + LONG.ended_ms) // 2) as served:
            page = served.participant.get_transcript
            shown = LONG.transcript(moment(served.clock.now_ms()))
            first = page(ConnectionToken=served.connection(LONG), MaxResults=5)
            served.clock.set(LONG.ended_ms - 1)
            second: Any = page(
                ConnectionToken=served.connection(LONG),
                MaxResults=100,
                NextToken=first["NextToken"],
            )
            read = [item["Id"] for item in [*first["Transcript"], *second["Transcript"]]]
        assert read == [item["Id"] for item in reversed(shown)]


class TestContacts:
    def test_of_the_chain_filter_the_transcript(self) -> None:
        with serving([TRANSFERRED, LONG]) as served:
            token = served.connection(TRANSFERRED)
            items = TRANSFERRED.transcript(moment(TRANSFERRED.ended_ms - 1))
            for leg in TRANSFERRED.legs:
                pages = served.pages(
                    token, ContactId=leg.contact_id, MaxResults=4, SortOrder="ASCENDING"
                )
                read = [item for page in reversed(pages) for item in page]
                assert read
                assert read == [item for item in items if item["ContactId"] == leg.contact_id]

    def test_of_another_chat_give_an_empty_transcript(self) -> None:
        with serving([TRANSFERRED, LONG]) as served:
            token = served.connection(TRANSFERRED)
            for contact_id in (LONG.initial_contact_id, "no contact at all"):
                answer: Any = served.participant.get_transcript(
                    ConnectionToken=token, ContactId=contact_id
                )
                assert answer["Transcript"] == []
                assert "NextToken" not in answer


class TestEarlierChats:
    def test_come_back_by_next_token_only_after_the_chats_own_items(self) -> None:
        with serving([PERSISTENT]) as served:
            token = served.connection(PERSISTENT)
            first, *others = served.pages(token, MaxResults=100, ScanDirection="BACKWARD")
        assert {"ContactId" in item for item in first} == {True}
        assert any("RelatedContactId" in item for page in others for item in page)

    @pytest.mark.parametrize(
        "parameters",
        [
            {"ContactId": PERSISTENT.initial_contact_id},
            {"StartPosition": {"MostRecent": 100}},
            {"StartPosition": {"MostRecent": 1}, "ScanDirection": "BACKWARD"},
            {"StartPosition": {"AbsoluteTime": "2026-01-01T00:00:00Z"}},
            {
                "StartPosition": {"AbsoluteTime": "2027-01-01T00:00:00Z"},
                "ScanDirection": "BACKWARD",
            },
        ],
    )
    def test_never_come_back_with_a_filter(self, parameters: Json) -> None:
        with serving([PERSISTENT]) as served:
            pages = served.pages(served.connection(PERSISTENT), MaxResults=2, **parameters)
        read = [item for page in pages for item in page]
        shown = [item for item in PERSISTENT.own_items if item.sent_ms < PERSISTENT.ended_ms]
        assert len(read) == len(shown) > 2
        assert all("ContactId" in item for item in read)

    def test_are_no_place_to_start_from(self) -> None:
        past = PERSISTENT.items[0].item_id
        with serving([PERSISTENT]) as served:
            token = served.connection(PERSISTENT)
            call = served.participant.get_transcript
            position: Any = {"Id": past}
            assert refusal(lambda: call(ConnectionToken=token, StartPosition=position)) == INVALID


class TestReceipts:
    def test_grow_as_the_clock_moves_on(self) -> None:
        chat = max(CHATS, key=lambda chat: sum(len(item.receipts) for item in chat.own_items))
        moments = sorted(
            {
                time_ms
                for item in chat.own_items
                for time_ms in (item.sent_ms, *item.changes())
                if chat.started_ms <= time_ms < chat.ended_ms
            }
        )
        counts = []
        with serving([chat], at_ms=chat.started_ms) as served:
            token = served.connection(chat)
            for time_ms in moments:
                for at_ms in (time_ms - 1, time_ms):
                    served.clock.set(at_ms)
                    pages = served.pages(token, MaxResults=100, SortOrder="ASCENDING")
                    read = [item for page in reversed(pages) for item in page]
                    assert read == chat.transcript(moment(at_ms))
                    counts.append(sum(_times_known(item) for item in read))
        assert counts == sorted(counts)
        assert counts[0] == 0 < counts[-1]


def _times_known(item: Json) -> int:
    receipts = item.get("MessageMetadata", {}).get("Receipts", [])
    return sum(len(receipt) - 1 for receipt in receipts)


class TestAToken:
    def test_that_is_unknown_is_denied(self) -> None:
        with serving([LONG]) as served:
            assert refusal(_reading(served, "made up")) == DENIED
            assert refusal(_connecting(served, "made up")) == DENIED

    def test_that_is_missing_or_too_long_is_refused(self) -> None:
        with serving([LONG]) as served:
            assert refusal(_reading(served, "t" * 1001)) == INVALID
            status, _ = served.raw("POST", "/participant/transcript", "{}")
            assert status == 400
            status, _ = served.raw(
                "POST", "/participant/transcript", '{"ConnectionToken": "in the body"}'
            )
            assert status == 400

    def test_of_the_other_kind_is_denied(self) -> None:
        with serving([LONG]) as served:
            participant = served.service.participant_token(LONG.initial_contact_id)
            assert refusal(_reading(served, participant)) == DENIED
            assert refusal(_connecting(served, served.connection(LONG))) == DENIED

    def test_that_expired_is_denied_and_a_fresh_one_reads_on(self) -> None:
        behaviour = replace(UNLIMITED, connection_token_s=60)
        with serving([LONG], behaviour, at_ms=LONG.started_ms) as served:
            participant = served.service.participant_token(LONG.initial_contact_id)
            credentials: Any = _connecting(served, participant)()["ConnectionCredentials"]
            expiry = datetime.fromisoformat(credentials["Expiry"])
            assert expiry == moment(LONG.started_ms) + timedelta(seconds=60)
            served.clock.advance(59.999)
            _reading(served, credentials["ConnectionToken"])()
            served.clock.advance(0.001)
            assert refusal(_reading(served, credentials["ConnectionToken"])) == DENIED
            _reading(served, served.connection(LONG))()

    def test_ends_with_the_chat(self) -> None:
        with serving([LONG]) as served:
            token = served.connection(LONG)
            participant = served.service.participant_token(LONG.initial_contact_id)
            _reading(served, token)()
            served.clock.set(LONG.ended_ms)
            assert refusal(_reading(served, token)) == DENIED
            assert refusal(_connecting(served, participant)) == DENIED

    def test_outlives_the_chat_by_the_switch_but_still_expires(self) -> None:
        behaviour = replace(UNLIMITED, tokens_outlive_chat=True, connection_token_s=60)
        with serving([LONG], behaviour) as served:
            token = served.connection(LONG)
            served.clock.set(LONG.ended_ms + 1000)
            _reading(served, token)()
            fresh = served.connection(LONG)
            served.clock.advance(59)
            assert refusal(_reading(served, token)) == DENIED
            assert served.pages(fresh, MaxResults=100, SortOrder="ASCENDING")[-1]

    def test_of_an_agent_reads_while_the_agent_is_there(self) -> None:
        first = TRANSFERRED.legs[0]
        assert first.agent is not None
        agent = next(one for one in TRANSFERRED.participants if one.role == "AGENT")
        with serving([TRANSFERRED], at_ms=agent.left_ms - 1) as served:
            token, expiry = served.service.agent_connection_token(first.contact_id)
            assert expiry == moment(agent.left_ms - 1) + timedelta(days=1)
            assert _reading(served, token)()["Transcript"]
            served.clock.set(agent.left_ms)
            assert refusal(_reading(served, token)) == DENIED

    def test_of_an_agent_is_not_had_where_there_was_none(self) -> None:
        bot = next(chat for chat in CHATS if chat.kind == "bot")
        with serving([bot]) as served:
            for contact_id in (bot.initial_contact_id, "unknown"):
                with pytest.raises(LookupError):
                    served.service.agent_connection_token(contact_id)

    def test_tells_nothing_and_is_printed_nowhere(self, capfd: pytest.CaptureFixture[str]) -> None:
        with serving([LONG]) as served:
            tokens = [
                served.service.participant_token(LONG.initial_contact_id),
                served.connection(LONG),
                served.connection(LONG),
                served.service.agent_connection_token(LONG.legs[-1].contact_id)[0],
            ]
            _reading(served, tokens[1])()
            refusal(_reading(served, tokens[0]))
            noted = repr(served.service.calls)
        assert len(set(tokens)) == 4
        assert all(100 < len(token) <= 1000 for token in tokens)
        assert capfd.readouterr() == ("", "")
        assert not any(token in noted for token in tokens)


def _reading(served: Served, token: str) -> Callable[[], Any]:
    return lambda: served.participant.get_transcript(ConnectionToken=token)


def _connecting(served: Served, token: str) -> Callable[[], Any]:
    return lambda: served.participant.create_participant_connection(
        ParticipantToken=token, Type=["CONNECTION_CREDENTIALS"]
    )


class TestAConnection:
    def test_has_what_was_asked_for(self) -> None:
        with serving([LONG]) as served:
            token = served.service.participant_token(LONG.initial_contact_id)
            connect = served.participant.create_participant_connection
            both: Any = connect(
                ParticipantToken=token, Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"]
            )
            only: Any = connect(ParticipantToken=token, Type=["WEBSOCKET"], ConnectParticipant=True)
        assert {"ConnectionCredentials", "Websocket"} <= both.keys()
        assert both["Websocket"]["Url"].startswith("ws://127.0.0.1:")
        assert datetime.fromisoformat(both["Websocket"]["ConnectionExpiry"]) > moment(LONG.ended_ms)
        assert "ConnectionCredentials" not in only

    @pytest.mark.parametrize("kinds", [[], ["PIGEON"], ["WEBRTC_CONNECTION"], "WEBSOCKET"])
    def test_of_no_known_kind_is_refused(self, kinds: Any) -> None:
        with serving([LONG]) as served:
            token = served.service.participant_token(LONG.initial_contact_id)
            connect = served.participant.create_participant_connection
            if isinstance(kinds, str):
                status, _ = served.raw(
                    "POST", "/participant/connection", json.dumps({"Type": kinds}), token
                )
                assert status == 400
            else:
                assert refusal(lambda: connect(ParticipantToken=token, Type=kinds)) == INVALID


class TestTheQuota:
    def test_lets_a_burst_through_and_then_the_rate(self) -> None:
        with serving([LONG], replace(Behaviour(), create_connection_burst=99)) as served:
            served.clock.advance(-60)
            token = served.connection(LONG)
            assert _statuses(served, token, 20) == [200] * 12 + [429] * 8
            assert refusal(_reading(served, token)) == THROTTLED
            served.clock.advance(0.5)
            assert _statuses(served, token, 6) == [200] * 4 + [429] * 2
            served.clock.advance(40)
            assert _statuses(served, token, 14) == [200] * 12 + [429] * 2

    def test_counts_each_operation_by_itself(self) -> None:
        with serving([LONG], replace(Behaviour(), get_transcript_burst=1)) as served:
            token = served.connection(LONG)
            assert _statuses(served, token, 2) == [200, 429]
            assert served.connection(LONG)
            search = served.connect.search_contacts
            parameters: Any = _search(LONG)
            assert search(**parameters)["Contacts"]
            assert refusal(lambda: search(**parameters)) == THROTTLED
            served.clock.advance(2)
            assert search(**parameters)["Contacts"]

    def test_is_passed_visibly(self) -> None:
        with serving([LONG], replace(UNLIMITED, get_transcript_burst=2)) as served:
            served.clock.advance(-60)
            token = served.connection(LONG)
            for gap_s, calls in ((0.0, 3), (0.999, 2), (0.001, 4)):
                served.clock.advance(gap_s)
                _statuses(served, token, calls)
            assert served.service.busiest_second("GetTranscript") == 6
            assert served.service.busiest_second("CreateParticipantConnection") == 1
            assert served.service.busiest_second("DescribeContact") == 0
            noted = Counter(call.operation for call in served.service.calls)
            assert noted == {"GetTranscript": 9, "CreateParticipantConnection": 1}


def _statuses(served: Served, token: str, count: int) -> list[int]:
    return [served.raw("POST", "/participant/transcript", "{}", token)[0] for _ in range(count)]


class TestAFault:
    def test_of_the_service_comes_as_often_as_ordered(self) -> None:
        with serving([LONG]) as served:
            token = served.connection(LONG)
            served.service.fail_next("GetTranscript", Fault(status=500), times=2)
            for _ in range(2):
                assert refusal(_reading(served, token)) == (500, "InternalServerException")
            _reading(served, token)()
            assert [call.status for call in served.service.calls] == [200, 500, 500, 200]

    def test_may_be_for_one_chat_only(self) -> None:
        with serving([TRANSFERRED, LONG]) as served:
            served.clock.set(min(TRANSFERRED.ended_ms, LONG.ended_ms) - 1)
            tokens = [served.connection(chat) for chat in (TRANSFERRED, LONG)]
            last_leg = TRANSFERRED.legs[-1].contact_id
            served.service.fail_next("GetTranscript", Fault(status=429), contact=last_leg)
            _reading(served, tokens[1])()
            assert refusal(_reading(served, tokens[0])) == THROTTLED
            _reading(served, tokens[0])()
            noted = [(call.status, call.contact_id) for call in served.service.calls[-3:]]
            ids = LONG.initial_contact_id, TRANSFERRED.initial_contact_id
            assert noted == [(200, ids[0]), (429, ids[1]), (200, ids[1])]

    def test_may_cut_the_response_after_the_work_is_done(self) -> None:
        with serving([LONG]) as served:
            served.service.fail_next("StartChatContact", Fault(cut=True))
            start = served.connect.start_chat_contact
            parameters: Any = _start(LONG) | {"ClientToken": "once"}
            # botocore does not look at the length: what cannot be parsed is an empty answer to it.
            assert start(**parameters).keys() == {"ResponseMetadata"}
            # The only chat is given; a repetition by the same client gets it nevertheless.
            assert start(**parameters)["ContactId"] == LONG.initial_contact_id
            assert refusal(lambda: start(**parameters | {"ClientToken": "twice"}))[0] == 429
            served.service.fail_next("GetTranscript", Fault(cut=True))
            with pytest.raises(IncompleteRead):
                served.raw("POST", "/participant/transcript", "{}", served.connection(LONG))

    def test_may_delay_in_seconds_of_the_clock(self) -> None:
        # In seconds of the machine, it would outlast the client's patience.
        with serving([LONG], speed=20_000) as served:
            token = served.connection(LONG)
            served.service.fail_next("GetTranscript", Fault(delay_s=6000))
            began = time.monotonic()
            _reading(served, token)()
            assert time.monotonic() - began >= 0.3
            _reading(served, token)()

    def test_that_delays_does_not_hold_up_the_end(self) -> None:
        # Or this test would, beyond its own time.
        with serving([LONG]) as served:
            token = served.connection(LONG)
            served.service.fail_next("GetTranscript", Fault(delay_s=600))
            connection = HTTPConnection(served.service.url.removeprefix("http://"))
            connection.request("POST", "/participant/transcript", "{}", {"X-Amz-Bearer": token})
        connection.close()

    def test_of_an_operation_that_is_not_simulated_cannot_be_ordered(self) -> None:
        with serving([LONG]) as served, pytest.raises(ValueError, match="GetAttachment"):
            served.service.fail_next("GetAttachment", Fault(status=500))


def _start(chat: Chat) -> Json:
    return {
        "InstanceId": chat.instance_id,
        "ContactFlowId": "flow",
        "ParticipantDetails": {"DisplayName": "Someone"},
    }


class TestStartingAChat:
    def test_gives_the_chats_in_the_order_of_their_starts(self) -> None:
        chats = CHATS[:30]
        in_order = sorted(chats, key=lambda chat: chat.started_ms)
        held = in_order[3]
        with serving(chats, at_ms=in_order[0].started_ms) as served:
            served.service.participant_token(held.initial_contact_id)
            parameters: Any = _start(held)
            started: list[Any] = [
                served.connect.start_chat_contact(**parameters) for _ in chats[1:]
            ]
            code = refusal(lambda: served.connect.start_chat_contact(**parameters))
        in_order.remove(held)
        assert [one["ContactId"] for one in started] == [one.initial_contact_id for one in in_order]
        assert code == (429, "LimitExceededException")
        for answer, chat in zip(started, in_order, strict=True):
            customer = next(one for one in chat.participants if one.role == "CUSTOMER")
            assert answer["ParticipantId"] == customer.participant_id
            source = chat.legs[0].related_contact_id
            assert answer.get("ContinuedFromContactId") == source

    def test_gives_a_token_that_connects(self) -> None:
        with serving([PERSISTENT]) as served:
            parameters: Any = _start(PERSISTENT)
            started = served.connect.start_chat_contact(**parameters)
            assert started["ContinuedFromContactId"] == PERSISTENT.legs[0].related_contact_id
            token = _connecting(served, started["ParticipantToken"])()
            assert _reading(served, token["ConnectionCredentials"]["ConnectionToken"])()

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"InstanceId": "another"}, (404, "ResourceNotFoundException")),
            ({"InstanceId": "i" * 101}, (400, "InvalidParameterException")),
            ({"ParticipantDetails": {}}, (400, "InvalidParameterException")),
            ({"ChatDurationInMinutes": 59}, (400, "InvalidParameterException")),
            ({"ChatDurationInMinutes": 10_081}, (400, "InvalidParameterException")),
        ],
    )
    def test_wrongly_is_refused(self, change: Json, expected: tuple[int, str]) -> None:
        with serving([LONG]) as served:
            parameters: Any = _start(LONG) | change
            assert refusal(lambda: served.connect.start_chat_contact(**parameters)) == expected


def _search(chat: Chat, **changes: Any) -> Json:
    return {
        "InstanceId": chat.instance_id,
        "TimeRange": {
            "Type": "INITIATION_TIMESTAMP",
            "StartTime": START,
            "EndTime": START + timedelta(days=7),
        },
    } | changes


class TestDescribeContact:
    def test_tells_what_is_known_by_now(self) -> None:
        leg = next(leg for leg in LONG.legs if leg.agent and leg.queued_ms and leg.connected_ms)
        assert leg.agent is not None
        assert leg.connected_ms is not None
        with serving([LONG], at_ms=leg.connected_ms - 1) as served:

            def described() -> Any:
                return served.connect.describe_contact(
                    InstanceId=LONG.instance_id, ContactId=leg.contact_id
                )["Contact"]

            waiting = described()
            assert waiting["Id"] == leg.contact_id
            assert waiting["InitialContactId"] == LONG.initial_contact_id
            assert (waiting["Channel"], waiting["InitiationMethod"]) == ("CHAT", "API")
            assert waiting["InitiationTimestamp"] == moment(leg.initiated_ms)
            assert not {"AgentInfo", "DisconnectTimestamp"} & waiting.keys()
            served.clock.set(leg.disconnected_ms)
            over = described()
            assert over["AgentInfo"]["ConnectedToAgentTimestamp"] == moment(leg.connected_ms)
            assert over["AgentInfo"]["Id"] in leg.agent.arn
            assert over["QueueInfo"]["EnqueueTimestamp"] < over["DisconnectTimestamp"]
            assert over["DisconnectTimestamp"] == moment(leg.disconnected_ms)

    def test_names_the_contacts_before(self) -> None:
        last = TRANSFERRED.legs[-1]
        first = PERSISTENT.legs[0]
        with serving([TRANSFERRED, PERSISTENT], at_ms=_END_MS) as served:
            described: Any = [
                served.connect.describe_contact(
                    InstanceId=LONG.instance_id, ContactId=leg.contact_id
                )["Contact"]
                for leg in (last, first)
            ]
        assert described[0]["PreviousContactId"] == TRANSFERRED.legs[-2].contact_id
        assert described[0]["InitialContactId"] == TRANSFERRED.initial_contact_id
        assert described[1]["RelatedContactId"] == first.related_contact_id

    @pytest.mark.parametrize("redacts", [True, False])
    def test_names_the_copy_from_before_redaction_once_the_leg_is_over(self, redacts: bool) -> None:
        leg = LONG.legs[0]
        behaviour = replace(UNLIMITED, redacts=redacts)
        with serving([LONG], at_ms=leg.disconnected_ms - 1, behaviour=behaviour) as served:

            def recordings() -> Any:
                return served.connect.describe_contact(
                    InstanceId=LONG.instance_id, ContactId=leg.contact_id
                )["Contact"].get("Recordings")

            assert recordings() is None
            served.clock.set(leg.disconnected_ms)
            assert is_redacted(recordings(), leg.export_key) is (True if redacts else None)

    def test_of_an_unknown_or_future_contact_is_not_found(self) -> None:
        with serving([LONG], at_ms=LONG.started_ms - 1) as served:
            describe = served.connect.describe_contact
            for instance_id, contact_id in (
                (LONG.instance_id, "unknown"),
                (LONG.instance_id, LONG.initial_contact_id),
                ("another", LONG.initial_contact_id),
            ):
                call = partial(describe, InstanceId=instance_id, ContactId=contact_id)
                assert refusal(call) == (404, "ResourceNotFoundException")


_END_MS = max(chat.ended_ms for chat in CHATS) + 86_400_000


class TestSearchContacts:
    @pytest.fixture(scope="class")
    @classmethod
    def served(cls) -> Iterator[Served]:
        with serving(CHATS, at_ms=_END_MS) as served:
            yield served

    def _found(self, served: Served, **changes: Any) -> list[Json]:
        found: list[Any] = []
        parameters: Json = _search(LONG, **changes)
        while True:
            answer: Any = served.connect.search_contacts(**parameters)
            found += answer["Contacts"]
            if "NextToken" not in answer:
                assert answer["TotalCount"] == len(found)
                return found
            parameters["NextToken"] = answer["NextToken"]

    def test_finds_every_leg_once_newest_first(self, served: Served) -> None:
        found = self._found(served)
        legs = [leg for chat in CHATS for leg in chat.legs]
        assert len(found) == len(legs)
        assert {one["Id"] for one in found} == {leg.contact_id for leg in legs}
        times = [one["InitiationTimestamp"] for one in found]
        assert times == sorted(times, reverse=True)

    def test_finds_what_ended_in_a_range_by_its_order(self, served: Served) -> None:
        start, end = START + timedelta(hours=30), START + timedelta(hours=40)
        found = self._found(
            served,
            TimeRange={"Type": "DISCONNECT_TIMESTAMP", "StartTime": start, "EndTime": end},
            SearchCriteria={"Channels": ["CHAT", "VOICE"]},
            Sort={"FieldName": "DISCONNECT_TIMESTAMP", "Order": "ASCENDING"},
            MaxResults=7,
        )
        # A time in a request may have whole seconds only.
        ended = sorted(
            leg.disconnected_ms
            for chat in CHATS
            for leg in chat.legs
            if start <= moment(leg.disconnected_ms) <= end
        )
        assert len(ended) > 14
        assert [one["DisconnectTimestamp"] for one in found] == [moment(one) for one in ended]

    def test_finds_no_chat_on_another_channel(self, served: Served) -> None:
        assert self._found(served, SearchCriteria={"Channels": ["VOICE"]}) == []

    def test_finds_only_what_has_happened(self) -> None:
        middle_ms = sorted(chat.started_ms for chat in CHATS)[200]
        ended = {"TimeRange": _search(LONG)["TimeRange"] | {"Type": "DISCONNECT_TIMESTAMP"}}
        with serving(CHATS, at_ms=middle_ms) as served:
            found = self._found(served)
            over = self._found(served, **ended)
            known = {
                leg.contact_id
                for chat in CHATS
                for leg in chat.legs
                if leg.initiated_ms <= middle_ms
            }
        assert {one["Id"] for one in found} == known
        assert {one["Id"] for one in over} < known
        assert max(one["DisconnectTimestamp"] for one in over) <= moment(middle_ms)
        assert {one["Id"] for one in found if "DisconnectTimestamp" in one} == {
            one["Id"] for one in over
        }

    @pytest.mark.parametrize(
        "change",
        [
            {"MaxResults": 0},
            {"MaxResults": 101},
            {"NextToken": "made up"},
            {"SearchCriteria": {"Channels": ["PIGEON"]}},
            {"SearchCriteria": {"AgentIds": ["one"]}},
            {"Sort": {"FieldName": "CHANNEL", "Order": "ASCENDING"}},
            {"Sort": {"FieldName": "INITIATION_TIMESTAMP"}},
            {"TimeRange": {"Type": "INITIATION_TIMESTAMP", "StartTime": START}},
            {
                "TimeRange": {
                    "Type": "INITIATION_TIMESTAMP",
                    "StartTime": START,
                    "EndTime": START - timedelta(days=1),
                }
            },
        ],
    )
    def test_wrongly_is_refused(self, served: Served, change: Json) -> None:
        parameters: Any = _search(LONG, **change)
        expected = (400, "InvalidParameterException")
        assert refusal(lambda: served.connect.search_contacts(**parameters)) == expected


class TestTheModel:
    def test_is_held_against_every_response(self) -> None:
        first, *rest = LONG.items
        chat = replace(LONG, items=(replace(first, content="c" * 16_385), *rest))

        def read_it() -> None:
            with serving([chat]) as served:
                token = served.connection(chat)
                position: Any = {"Id": first.item_id}
                with pytest.raises(BotoCoreError):
                    served.participant.get_transcript(ConnectionToken=token, StartPosition=position)

        with pytest.raises(ExceptionGroup) as failed:
            read_it()
        assert "Content has a length above 16384" in str(failed.value.exceptions[0])

    def test_may_be_held_against_a_sample_only(self) -> None:
        first, *rest = LONG.items
        chat = replace(LONG, items=(replace(first, content="c" * 16_385), *rest))
        with serving([chat], replace(UNLIMITED, validate_every=50)) as served:
            token = served.connection(chat)
            _reading(served, token)()
            position: Any = {"Id": first.item_id}
            answer = served.participant.get_transcript(
                ConnectionToken=token, StartPosition=position
            )
        assert answer["Transcript"]

    @pytest.mark.parametrize(
        "value",
        [
            {"ConnectionToken": "t"},
            {"ConnectionToken": "t", "MaxResults": 100, "StartPosition": {"MostRecent": 0}},
            {},
            {"ConnectionToken": ""},
            {"ConnectionToken": 7},
            {"ConnectionToken": "t", "MaxResults": -1},
            {"ConnectionToken": "t", "MaxResults": "1"},
            {"ConnectionToken": "t", "StartPosition": []},
            {"ConnectionToken": "t", "StartPosition": {"Id": ""}},
            {"ConnectionToken": "t", "Unknown": 1},
        ],
    )
    def test_is_read_as_botocore_reads_it(self, value: Json) -> None:
        shape = _operation("GetTranscript").input
        botocores = ParamValidator().validate(value, shape)
        assert bool(list(violations(shape, value))) == botocores.has_errors()

    def test_has_no_other_paths(self) -> None:
        with serving([LONG]) as served:
            for method, path in (("POST", "/participant/attachment"), ("GET", "/contact/chat")):
                status, answer = served.raw(method, path, "")
                assert (status, list(answer)) == (404, ["Message"])


def _operation(name: str) -> Operation:
    return next(operation for operation in operations() if operation.name == name)


class TestManyClients:
    def test_are_answered_fast_enough_for_300_live_chats(self) -> None:
        with serving(CHATS[:300], replace(UNLIMITED, tokens_outlive_chat=True)) as served:
            served.clock.set(_END_MS)
            tokens = [served.connection(chat) for chat in CHATS[:300]]
            body = json.dumps({"MaxResults": 100, "SortOrder": "ASCENDING"})
            connection = HTTPConnection(served.service.url.removeprefix("http://"), timeout=30)
            began = time.process_time()
            for token in tokens:
                headers = {"X-Amz-Bearer": token}
                connection.request("POST", "/participant/transcript", body, headers)
                assert connection.getresponse().read()
            connection.close()
            # Client, server and a check of every response; the promise is 100 calls a second.
            assert time.process_time() - began < 3
