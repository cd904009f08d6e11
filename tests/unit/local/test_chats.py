"""Scripted chats: the same for the same arguments, true to the service at every moment."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.chats import Chat, main, scripts
from local.scripted.items import timestamp
from local.scripted.moved import moved
from local.scripted.receipts import WINDOW_MS, Arrival, Sent, throttle

START = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = 30
EVENT = "application/vnd.amazonaws.connect.event."

ITEM_MEMBERS = {
    *("AbsoluteTime", "Attachments", "ContactId", "Content", "ContentType", "DisplayName", "Id"),
    *("MessageMetadata", "ParticipantId", "ParticipantRole", "RelatedContactId", "Type"),
}
EXPORTED_ITEM_MEMBERS = ITEM_MEMBERS - {"ContactId", "MessageMetadata", "RelatedContactId"}
ATTACHMENT_MEMBERS = {"AttachmentId", "AttachmentName", "ContentType", "Status"}
METADATA_MEMBERS = {
    *("MessageId", "MessageProcessingStatus", "Receipts"),
    *("MessageCompleted", "ChunkNumber"),
}
RECEIPT_MEMBERS = {"DeliveredTimestamp", "ReadTimestamp", "RecipientParticipantId"}
EXPORT_MEMBERS = {
    *("AWSAccountId", "ContactId", "InitialContactId", "InstanceId", "Participants"),
    *("Transcript", "Version"),
}
TYPES = {
    *("TYPING", "PARTICIPANT_JOINED", "PARTICIPANT_LEFT", "CHAT_ENDED", "TRANSFER_SUCCEEDED"),
    *("TRANSFER_FAILED", "MESSAGE", "EVENT", "ATTACHMENT", "CONNECTION_ACK"),
    *("MESSAGE_DELIVERED", "MESSAGE_READ", "MESSAGEMETADATA"),
}
ROLES = {"AGENT", "CUSTOMER", "SYSTEM", "CUSTOM_BOT", "SUPERVISOR"}
EVENT_ORDER = ("INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED")

type Json = dict[str, Any]


def make(count: int, *, seed: int = 7, days: int = DAYS) -> list[Chat]:
    return list(scripts(seed=seed, count=count, start=START, days=days))


CHATS = make(2_000)


def moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=time_ms)


def part_of(chat: Chat, share: float) -> datetime:
    """A moment within the chat's life and the minutes around it."""
    span_ms = chat.ended_ms - chat.started_ms + 120_000
    return moment(chat.started_ms - 60_000 + int(share * span_ms))


def receipt_times(items: list[Json]) -> set[tuple[str, str, str, str]]:
    """Each (item, recipient, which, time) that a view knows."""
    return {
        (item["Id"], receipt["RecipientParticipantId"], which, receipt[which])
        for item in items
        for receipt in item.get("MessageMetadata", {}).get("Receipts", [])
        for which in ("DeliveredTimestamp", "ReadTimestamp")
        if which in receipt
    }


def active(chat: Chat, time_ms: int) -> int:
    """How many participants are in the chat at a time; flows and Lex bots are none."""
    return sum(
        one.role != "SYSTEM" and one.joined_ms <= time_ms < one.left_ms for one in chat.participants
    )


any_chat = st.sampled_from(CHATS)
any_share = st.floats(0, 1)


class TestTheSameArguments:
    def test_give_the_same_chats(self) -> None:
        assert make(50) == make(50)

    def test_give_the_same_chat_whatever_the_count(self) -> None:
        assert make(40) == make(200)[:40]

    def test_give_other_chats_with_another_seed(self) -> None:
        ids = {chat.initial_contact_id for seed in range(5) for chat in make(40, seed=seed)}
        assert len(ids) == 200

    @pytest.mark.parametrize(
        "layout", [["--files-per", "7"], ["--jsonl", "25"], ["--jsonl", "25", "--gzip"], ["--gzip"]]
    )
    def test_write_the_same_bytes(self, tmp_path: Path, layout: list[str]) -> None:
        written = []
        for name in ("one", "two"):
            options = ["--chats", "20", "--shape", "both", "--output", str(tmp_path / name)]
            assert main(options + layout) == 0
            files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
            written.append(
                {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}
            )
        assert written[0] == written[1]
        assert len(written[0]) >= 2


class TestAView:
    @given(any_chat, any_share, any_share)
    def test_holds_all_that_an_earlier_one_held(self, chat: Chat, one: float, two: float) -> None:
        earlier, later = (chat.transcript(part_of(chat, share)) for share in sorted((one, two)))
        final = chat.transcript()
        ids = [[item["Id"] for item in items] for items in (earlier, later, final)]
        assert ids[1][: len(ids[0])] == ids[0]
        assert ids[2][: len(ids[1])] == ids[1]

    @given(any_chat, any_share)
    def test_holds_nothing_from_later(self, chat: Chat, share: float) -> None:
        at = part_of(chat, share)
        times = [item["AbsoluteTime"] for item in chat.transcript(at)]
        assert all(datetime.fromisoformat(time) <= at for time in times)
        assert times == sorted(times)

    @given(any_chat, any_share, any_share)
    def test_loses_no_receipt_that_was_seen(self, chat: Chat, one: float, two: float) -> None:
        earlier, later = (chat.transcript(part_of(chat, share)) for share in sorted((one, two)))
        assert receipt_times(earlier) <= receipt_times(later) <= receipt_times(chat.transcript())

    def test_knows_a_receipt_from_its_time_on(self) -> None:
        receipts = [one for chat in CHATS for item in chat.items for one in item.receipts]
        for receipt in receipts:
            for which, time_ms in (
                ("DeliveredTimestamp", receipt.delivered_ms),
                ("ReadTimestamp", receipt.read_ms),
            ):
                if time_ms is not None:
                    known_ms = time_ms - receipt.skew_ms
                    assert which not in (receipt.as_of(known_ms - 1) or {})
                    assert (receipt.as_of(known_ms) or {})[which] == timestamp(time_ms)
        assert len(receipts) > 5_000

    def test_grows_receipts_while_the_chat_lives(self) -> None:
        halves = [len(receipt_times(chat.transcript(part_of(chat, 0.5)))) for chat in CHATS[:300]]
        wholes = [len(receipt_times(chat.transcript())) for chat in CHATS[:300]]
        assert 0 < sum(halves) < sum(wholes)

    def test_is_in_order_of_time(self) -> None:
        for chat in CHATS:
            times = [item.sent_ms for item in chat.items]
            assert times == sorted(times)

    def test_is_empty_before_the_chat(self) -> None:
        for chat in CHATS:
            (page,) = chat.pages(moment(chat.started_ms - 1))
            assert page == {"InitialContactId": chat.initial_contact_id, "Transcript": []}

    def test_shows_a_file_in_progress_until_it_is_settled(self) -> None:
        outcomes: Counter[str] = Counter()
        for chat in CHATS:
            for item in chat.items:
                for attachment in item.attachments:
                    before = attachment.as_of(max(item.sent_ms, attachment.settled_ms - 1))
                    assert before["Status"] == "IN_PROGRESS"
                    outcomes[item.as_of(attachment.settled_ms)["Attachments"][0]["Status"]] += 1
        assert outcomes["APPROVED"] > outcomes["REJECTED"] > 0
        assert set(outcomes) == {"APPROVED", "REJECTED"}

    def test_shows_processing_until_it_is_done(self) -> None:
        outcomes: Counter[str | None] = Counter()
        for chat in CHATS:
            for item in chat.items:
                if item.processing is not None:
                    during = item.as_of(item.processing.done_ms - 1)["MessageMetadata"]
                    assert during["MessageProcessingStatus"] == "PROCESSING"
                    after = item.as_of(item.processing.done_ms).get("MessageMetadata", {})
                    outcomes[after.get("MessageProcessingStatus")] += 1
        assert set(outcomes) == {None, "FAILED", "REJECTED"}
        assert outcomes[None] > 20 * (outcomes["FAILED"] + outcomes["REJECTED"])


class TestStreamedMessages:
    def test_come_in_pieces_until_they_are_whole(self) -> None:
        found = 0
        for chat in CHATS:
            for item in chat.items:
                streaming = item.streaming
                if streaming is None:
                    continue
                views = [item.as_of(at) for at in (item.sent_ms, *streaming.changes())]
                *pieces, whole = views
                assert "".join(piece["Content"] for piece in pieces) == whole["Content"]
                assert whole["Content"] == item.as_exported()["Content"] == item.content
                assert whole["AbsoluteTime"] == timestamp(item.sent_ms)
                assert all(a["AbsoluteTime"] < b["AbsoluteTime"] for a, b in pairwise(pieces))
                told = [view["MessageMetadata"] for view in views]
                numbers = list(range(1, len(pieces) + 1))
                assert [one["ChunkNumber"] for one in told] == [*numbers, len(pieces)]
                assert [one["MessageCompleted"] for one in told] == [False] * len(pieces) + [True]
                found += 1
        assert found > 100

    def test_are_whole_before_anything_else_is_said_and_before_the_end(self) -> None:
        for chat in CHATS:
            said = sorted(i.sent_ms for i in chat.own_items if i.type == "MESSAGE")
            for item in chat.own_items:
                if item.streaming is not None:
                    later = [at for at in said if at > item.sent_ms]
                    assert item.streaming.whole_ms < min([*later, chat.ended_ms])

    def test_come_as_much_later_in_a_chat_that_is_moved(self) -> None:
        chat = next(chat for chat in CHATS if any(item.streaming for item in chat.items))
        later = moved(chat, chat.started_ms + 1_000)
        for item, same in zip(chat.items, later.items, strict=True):
            assert [at + 1_000 for at in item.changes()] == same.changes()

    def test_are_a_flows_bots_and_only_in_some_chats(self) -> None:
        speakers = Counter(
            (item.sender.role, item.sender.name)
            for chat in CHATS
            for item in chat.items
            if item.streaming is not None and item.sender is not None
        )
        assert set(speakers) == {("SYSTEM", "BOT")}
        with_bot = [c for c in CHATS if any(p.name == "BOT" for p in c.participants)]
        streams = [any(item.streaming for item in chat.items) for chat in with_bot]
        assert 0.25 < mean(streams) < 0.45


class TestPages:
    @given(any_chat, st.one_of(st.none(), any_share), st.integers(1, 100))
    def test_are_newest_first_and_ascend_within(
        self, chat: Chat, share: float | None, page_size: int
    ) -> None:
        at = None if share is None else part_of(chat, share)
        pages = chat.pages(at, page_size)
        assert all(len(page["Transcript"]) <= page_size for page in pages)
        assert ["NextToken" in page for page in pages] == [True] * (len(pages) - 1) + [False]
        assert all(0 < len(page["NextToken"]) <= 1_000 for page in pages[:-1])
        assert {page["InitialContactId"] for page in pages} == {chat.initial_contact_id}
        joined = [item for page in reversed(pages) for item in page["Transcript"]]
        assert joined == chat.transcript(at)

    def test_hold_a_hundred_items_unless_told_otherwise(self) -> None:
        longest = max(CHATS, key=lambda chat: len(chat.items))
        assert len(longest.items) > 100
        assert len(longest.pages()[0]["Transcript"]) == 100

    def test_need_room_for_an_item(self) -> None:
        with pytest.raises(ValueError, match="page_size"):
            CHATS[0].pages(page_size=0)


class TestTheShape:
    def test_has_only_the_members_and_words_of_the_service(self) -> None:
        for chat in CHATS:
            for at in (None, part_of(chat, 0.5)):
                for item in chat.transcript(at):
                    self.check_item(item)

    def check_item(self, item: Json) -> None:
        assert set(item) <= ITEM_MEMBERS
        assert {"AbsoluteTime", "Id", "Type"} <= set(item)
        assert None not in item.values()
        assert item["Type"] in TYPES
        assert item.get("ParticipantRole", "SYSTEM") in ROLES
        assert ("ContactId" in item) != ("RelatedContactId" in item)
        assert 1 <= len(item.get("Content", "-")) <= 16_384
        assert len(item["AbsoluteTime"]) == len("2026-04-01T12:00:00.123Z")
        assert item["AbsoluteTime"].endswith("Z")
        for attachment in item.get("Attachments", []):
            assert set(attachment) == ATTACHMENT_MEMBERS
            assert attachment["Status"] in {"APPROVED", "REJECTED", "IN_PROGRESS"}
        metadata = item.get("MessageMetadata", {"MessageId": item["Id"]})
        assert "MessageId" in metadata
        assert set(metadata) <= METADATA_MEMBERS
        statuses = {"PROCESSING", "FAILED", "REJECTED"}
        assert metadata.get("MessageProcessingStatus", "FAILED") in statuses
        for receipt in metadata.get("Receipts", []):
            assert "RecipientParticipantId" in receipt
            assert len(receipt) > 1
            assert set(receipt) <= RECEIPT_MEMBERS

    def test_gives_every_item_of_a_chat_its_own_id(self) -> None:
        for chat in CHATS:
            ids = [item.item_id for item in chat.items]
            assert len(set(ids)) == len(ids)

    def test_tells_events_by_their_content_type(self) -> None:
        types: defaultdict[str | None, set[str]] = defaultdict(set)
        for chat in CHATS:
            for item in chat.items:
                types[item.content_type].add(item.type)
        assert types[f"{EVENT}participant.joined"] == {"EVENT", "PARTICIPANT_JOINED"}
        assert types[f"{EVENT}chat.ended"] == {"EVENT", "CHAT_ENDED"}
        assert types["text/plain"] == {"MESSAGE"}

    @given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
    def test_writes_times_to_the_millisecond(self, naive: datetime) -> None:
        time = naive.replace(tzinfo=UTC, microsecond=naive.microsecond // 1000 * 1000)
        time_ms = (time - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
        expected = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert timestamp(time_ms) == expected


class TestThrottling:
    def test_reports_only_the_latest_message_of_a_window(self) -> None:
        burst = [Arrival(message, 1_000 * message, None) for message in range(4)]
        assert throttle(burst) == [Sent(5_300, 3, is_read=False)]

    def test_reports_a_message_of_the_next_window_again(self) -> None:
        sent = throttle([Arrival(0, 0, None), Arrival(1, 5_001, None)])
        assert sent == [Sent(5_300, 0, is_read=False), Sent(10_301, 1, is_read=False)]

    def test_skips_delivered_after_a_read(self) -> None:
        assert throttle([Arrival(0, 0, 100)]) == [Sent(5_100, 0, is_read=True)]

    def test_reports_delivered_and_then_a_later_read(self) -> None:
        sent = throttle([Arrival(0, 0, 9_000)])
        assert sent == [Sent(5_300, 0, is_read=False), Sent(14_000, 0, is_read=True)]

    @given(st.lists(st.tuples(st.integers(0, 60_000), st.none() | st.integers(0, 60_000))))
    def test_never_sends_twice_within_a_window(self, drawn: list[tuple[int, int | None]]) -> None:
        sent = throttle(
            Arrival(message, arrived_ms, None if delay_ms is None else arrived_ms + delay_ms)
            for message, (arrived_ms, delay_ms) in enumerate(sorted(drawn, key=lambda one: one[0]))
        )
        assert all(b.sent_ms - a.sent_ms >= WINDOW_MS for a, b in pairwise(sent))
        assert bool(sent) == bool(drawn)


class TestReceipts:
    def test_of_one_recipient_are_a_window_apart(self) -> None:
        for chat in CHATS:
            times: defaultdict[str, set[int]] = defaultdict(set)
            for item in chat.items:
                for receipt in item.receipts:
                    known = {receipt.delivered_ms, receipt.read_ms} - {None}
                    times[receipt.recipient_id] |= {time for time in known if time is not None}
            for of_recipient in times.values():
                assert all(b - a >= WINDOW_MS for a, b in pairwise(sorted(of_recipient)))

    def test_are_sent_only_by_who_is_there_and_not_the_sender(self) -> None:
        for chat in CHATS:
            people = {person.participant_id: person for person in chat.participants}
            for item in chat.items:
                for receipt in item.receipts:
                    reader = people[receipt.recipient_id]
                    assert item.sender is not reader
                    for time in (receipt.delivered_ms, receipt.read_ms):
                        if time is not None:
                            assert reader.joined_ms < time - receipt.skew_ms < reader.left_ms
                            assert time - receipt.skew_ms < chat.ended_ms

    def test_are_missing_while_more_than_two_are_active(self) -> None:
        crowded = 0
        for chat in CHATS:
            for item in chat.own_items:
                if active(chat, item.sent_ms) > 2:
                    crowded += item.type == "MESSAGE"
                    assert not item.receipts
                for receipt in item.receipts:
                    for time in (receipt.delivered_ms, receipt.read_ms):
                        assert time is None or active(chat, time - receipt.skew_ms) <= 2
        assert crowded > 50

    def test_come_in_every_way_that_clients_report(self) -> None:
        ways: Counter[tuple[bool, bool]] = Counter()
        latencies = []
        unreported = 0
        for chat in CHATS:
            for item in chat.own_items:
                unreported += item.type == "MESSAGE" and not item.receipts
                for receipt in item.receipts:
                    ways[receipt.delivered_ms is not None, receipt.read_ms is not None] += 1
                    if receipt.read_ms is not None:
                        latencies.append(receipt.read_ms - item.sent_ms)
        assert min(ways[True, True], ways[False, True], ways[True, False], unreported) > 500
        assert not ways[False, False]
        assert 0 < sum(latency < 0 for latency in latencies) < len(latencies) / 50
        assert median(latencies) < 15_000
        assert max(latencies) > 60_000

    def test_are_slower_where_the_queue_is(self) -> None:
        latencies: defaultdict[str, list[int]] = defaultdict(list)
        for chat in CHATS:
            queues = {leg.contact_id: leg.queue.name for leg in chat.legs if leg.queue}
            people = {person.participant_id: person for person in chat.participants}
            for item in chat.own_items:
                for receipt in item.receipts:
                    if people[receipt.recipient_id].role == "AGENT" and receipt.read_ms:
                        queue = queues[item.contact_id or ""]
                        latencies[queue].append(receipt.read_ms - item.sent_ms)
        assert median(latencies["Technical help"]) > 1.5 * median(latencies["Premium"])


class TestReturningCustomers:
    def test_bring_back_items_of_earlier_chats_unchanged(self) -> None:
        own = {
            item.item_id: (chat, item) for chat in CHATS for item in chat.items if item.contact_id
        }
        brought_back = 0
        for chat in CHATS:
            for item in chat.transcript():
                if "RelatedContactId" not in item:
                    continue
                source, original = own[item["Id"]]
                assert source.index < chat.index
                assert source.ended_ms < chat.started_ms
                assert item == original.as_exported() | {"RelatedContactId": original.contact_id}
                brought_back += 1
        assert brought_back > 500

    def test_say_whom_they_continue_and_stay_themselves(self) -> None:
        by_id = {chat.initial_contact_id: chat for chat in CHATS}
        chat_of = {leg.contact_id: chat.index for chat in CHATS for leg in chat.legs}
        returning = [chat for chat in CHATS if chat.past_chats]
        for chat in returning:
            source = by_id[chat.legs[0].related_contact_id or ""]
            names = {
                one.name
                for one in (*source.participants, *chat.participants)
                if one.role == "CUSTOMER"
            }
            assert len(names) == 1
            past = {
                chat_of[item.related_contact_id]
                for item in chat.items
                if item.related_contact_id is not None
            }
            assert source.index in past
            assert len(past) == chat.past_chats <= 2
            assert chat.language == source.language


class TestTheMixture:
    def share(self, holds: list[bool]) -> float:
        return sum(holds) / len(CHATS)

    def test_has_some_of_every_kind(self) -> None:
        kinds = Counter(chat.kind for chat in CHATS)
        assert set(kinds) == {"agent", "bot", "abandoned", "silent", "ghost"}
        assert kinds["agent"] > 0.75 * len(CHATS)
        assert min(kinds.values()) >= 5

    def test_has_about_eighteen_items_and_a_long_tail(self) -> None:
        sizes = [len(chat.own_items) for chat in CHATS]
        assert 16 < mean(sizes) < 20
        assert min(sizes) == 1
        assert max(sizes) > 100

    def test_has_transfers_over_two_and_three_contacts(self) -> None:
        legs = Counter(
            sum(leg.initiation_method != "DISCONNECT" for leg in chat.legs) for chat in CHATS
        )
        assert 0.08 < legs[2] / len(CHATS) < 0.18
        assert 0.01 < legs[3] / len(CHATS) < 0.06
        assert any(leg.initiation_method == "DISCONNECT" for chat in CHATS for leg in chat.legs)

    def test_has_bots_before_agents(self) -> None:
        first_words = [
            next(
                (
                    item.sender.name
                    for item in chat.own_items
                    if item.type == "MESSAGE"
                    and item.sender
                    and item.sender.name in {"BOT", "Helper"}
                ),
                None,
            )
            for chat in CHATS
            if chat.kind == "agent"
        ]
        counts = Counter(first_words)
        assert 0.25 < 1 - counts[None] / len(first_words) < 0.45
        assert min(counts["BOT"], counts["Helper"]) > 50

    def test_has_a_third_participant_now_and_then(self) -> None:
        crowded = [
            any(active(chat, one.joined_ms) > 2 for one in chat.participants) for chat in CHATS
        ]
        assert 0.02 < self.share(crowded) < 0.08
        roles = {one.role for chat in CHATS for one in chat.participants}
        assert roles == ROLES

    def test_has_chats_without_receipts_or_words_of_the_customer(self) -> None:
        silent = [
            not any(
                item.type == "MESSAGE" and item.sender and item.sender.role == "CUSTOMER"
                for item in chat.own_items
            )
            for chat in CHATS
        ]
        unreported = [not any(item.receipts for item in chat.items) for chat in CHATS]
        assert 0.02 < self.share(silent) < 0.08
        assert 0.18 < self.share(unreported) < 0.35

    def test_has_files_and_returning_customers(self) -> None:
        with_files = [any(item.attachments for item in chat.own_items) for chat in CHATS]
        assert 0.04 < self.share(with_files) < 0.20
        past = Counter(chat.past_chats for chat in CHATS)
        assert 0.02 < past[1] / len(CHATS) < 0.08
        assert past[2] >= 5

    def test_has_every_type_and_many_content_types(self) -> None:
        items = [item for chat in CHATS for item in chat.items]
        assert {item.type for item in items} == TYPES
        message = "application/vnd.amazonaws.connect.message."
        assert {item.content_type for item in items} >= {
            *("text/plain", "text/markdown", "application/json", f"{message}interactive"),
            *(f"{message}interactive.response", f"{EVENT}typing", f"{EVENT}chat.rehydrated"),
            *(f"{EVENT}transfer.succeeded", f"{EVENT}transfer.failed", f"{EVENT}message.metadata"),
        }

    def test_has_emoji_and_writing_from_right_to_left(self) -> None:
        text = "".join(item.content or "" for chat in CHATS for item in chat.items)
        assert "🙏" in text
        assert "م" in text
        assert "ñ" in text
        assert "す" in text

    def test_follows_the_hours_and_the_week(self) -> None:
        starts = [moment(chat.started_ms) for chat in CHATS]
        assert all(START <= start < START + timedelta(days=DAYS) for start in starts)
        hours = Counter(start.hour for start in starts)
        days = Counter(start.weekday() for start in starts)
        assert hours[10] > 5 * hours[4]
        assert days[0] / 4 > 2 * days[6] / 4


class TestSeparateReceipts:
    def test_name_a_message_of_the_chat(self) -> None:
        found = 0
        for chat in CHATS:
            messages = {item.item_id for item in chat.own_items if item.type == "MESSAGE"}
            for item in chat.transcript():
                if item["Type"] == "MESSAGEMETADATA":
                    assert item["ContentType"] == f"{EVENT}message.metadata"
                    assert item["MessageMetadata"]["MessageId"] in messages - {item["Id"]}
                    assert len(item["MessageMetadata"]["Receipts"]) == 1
                    found += 1
                if item["Type"] in {"MESSAGE_DELIVERED", "MESSAGE_READ"}:
                    assert orjson.loads(item["Content"])["messageId"] in messages
        assert found > 50

    def test_come_alone_or_beside_the_inline_ones(self) -> None:
        shapes = Counter(
            any(item.receipts and item.type == "MESSAGE" for item in chat.items)
            for chat in CHATS
            if any(item.type == "MESSAGEMETADATA" for item in chat.items)
        )
        assert shapes[True] > 0
        assert shapes[False] > 0


class TestExports:
    def test_are_one_for_each_contact_in_the_shape_of_connect(self) -> None:
        for chat in CHATS:
            exports = chat.exports()
            assert [export["ContactId"] for export in exports] == [
                leg.contact_id for leg in chat.legs
            ]
            for export in exports:
                assert set(export) == EXPORT_MEMBERS
                assert export["InitialContactId"] == chat.initial_contact_id
                assert export["InstanceId"] == chat.instance_arn.rpartition("/")[2]
                named = {one["ParticipantId"] for one in export["Participants"]}
                items = export["Transcript"]
                assert named == {item["ParticipantId"] for item in items if "ParticipantId" in item}
                assert all(set(item) <= EXPORTED_ITEM_MEMBERS for item in items)

    def test_hold_what_was_said_in_the_chat_itself(self) -> None:
        for chat in CHATS:
            exported = {item["Id"] for one in chat.exports() for item in one["Transcript"]}
            said = {
                item.item_id for item in chat.own_items if item.type in {"MESSAGE", "ATTACHMENT"}
            }
            assert said <= exported <= {item.item_id for item in chat.own_items}

    def test_leave_out_what_only_clients_care_for(self) -> None:
        exported = [item for chat in CHATS for one in chat.exports() for item in one["Transcript"]]
        assert {item["Type"] for item in exported} == TYPES - {
            *("CONNECTION_ACK", "TYPING", "MESSAGEMETADATA", "MESSAGE_DELIVERED", "MESSAGE_READ"),
        }
        assert f"{EVENT}typing" not in {item.get("ContentType") for item in exported}

    def test_lie_where_connect_puts_them(self) -> None:
        leg = CHATS[0].legs[0]
        start = moment(leg.initiated_ms)
        day, minute = start.strftime("%Y/%m/%d"), start.strftime("%Y%m%dT%H:%M")
        key = f"connect/example/ChatTranscripts/{day}/{leg.contact_id}_{minute}_UTC.json"
        assert leg.export_key == key


class TestContactEvents:
    def test_tell_the_life_of_each_contact_in_order(self) -> None:
        for chat in CHATS:
            times = [event["time"] for event in chat.contact_events()]
            assert times == sorted(times)
            events = [event["detail"] for event in chat.contact_events()]
            for leg in chat.legs:
                types = [one["eventType"] for one in events if one["contactId"] == leg.contact_id]
                expected = {"INITIATED", "DISCONNECTED", "COMPLETED"}
                expected |= {"QUEUED"} if leg.queue else set()
                expected |= {"CONNECTED_TO_AGENT"} if leg.agent else set()
                assert types == [event_type for event_type in EVENT_ORDER if event_type in expected]

    def test_are_envelopes_of_event_bridge(self) -> None:
        ids = set()
        for chat in islice(CHATS, 200):
            for event in chat.contact_events():
                assert event["source"] == "aws.connect"
                assert event["detail-type"] == "Amazon Connect Contact Event"
                assert event["detail"]["channel"] == "CHAT"
                assert event["detail"]["initialContactId"] == chat.initial_contact_id
                assert all(member[0].islower() for member in event["detail"])
                assert event["id"] not in ids
                ids.add(event["id"])

    def test_chain_the_contacts_of_a_transfer(self) -> None:
        for chat in CHATS:
            previous = None
            for leg in chat.legs:
                assert leg.previous_contact_id == previous
                previous = leg.contact_id
            transfers = sum(leg.initiation_method == "TRANSFER" for leg in chat.legs)
            announced = [
                item for item in chat.own_items if item.content_type == f"{EVENT}transfer.succeeded"
            ]
            assert len(announced) == transfers
            assert chat.legs[0].contact_id == chat.initial_contact_id

    def test_know_nothing_of_what_comes_later(self) -> None:
        for chat in islice(CHATS, 200):
            for event in chat.contact_events():
                early = event["detail"]["eventType"] == "INITIATED"
                assert not early or "queueInfo" not in event["detail"]
                ended = event["detail"]["eventType"] in {"DISCONNECTED", "COMPLETED"}
                assert ended == ("disconnectTimestamp" in event["detail"])


class TestTheCommand:
    def run(self, output: Path, *options: str) -> list[Path]:
        assert main(["--chats", "30", "--output", str(output), *options]) == 0
        return sorted(path for path in output.rglob("*") if path.is_file())

    def test_writes_a_file_for_each_page_in_folders(self, tmp_path: Path) -> None:
        files = self.run(tmp_path, "--files-per", "8")
        pages = [page for chat in make(30, seed=1) for page in chat.pages()]
        assert sorted(map(orjson.dumps, pages)) == sorted(path.read_bytes() for path in files)
        assert max(Counter(path.parent for path in files).values()) == 8

    def test_writes_lines_of_exports(self, tmp_path: Path) -> None:
        files = self.run(tmp_path, "--shape", "exports", "--jsonl", "9", "--seed", "3")
        lines = [path.read_bytes().splitlines() for path in files]
        exports = [export for chat in make(30, seed=3) for export in chat.exports()]
        assert [orjson.loads(line) for file in lines for line in file] == exports
        assert {len(file) for file in lines[:-1]} == {9}

    def test_compresses_what_it_would_write(self, tmp_path: Path) -> None:
        plain = self.run(tmp_path / "plain", "--jsonl", "10", "--shape", "both")
        zipped = self.run(tmp_path / "zipped", "--jsonl", "10", "--shape", "both", "--gzip")
        assert [path.name + ".gz" for path in plain] == [path.name for path in zipped]
        for one, other in zip(plain, zipped, strict=True):
            assert gzip.decompress(other.read_bytes()) == one.read_bytes()

    @pytest.mark.parametrize("layout", ["--jsonl", "--files-per"])
    def test_compresses_without_the_time_of_day(self, tmp_path: Path, layout: str) -> None:
        for path in self.run(tmp_path, layout, "50", "--gzip"):
            assert path.read_bytes()[4:8] == bytes(4)

    def test_refuses_a_period_without_a_day(self, tmp_path: Path) -> None:
        with pytest.raises(SystemExit) as refusal:
            main(["--days", "0", "--output", str(tmp_path)])
        assert refusal.value.code == 2

    def test_is_quiet_where_nobody_watches(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.run(tmp_path)
        assert capsys.readouterr() == ("", "")


def test_the_last_events_of_a_contact_have_the_services_figures_of_it() -> None:
    responses = 0
    for chat in CHATS[:300]:
        said = [item for item in chat.own_items if item.type == "MESSAGE"]
        for event in chat.contact_events():
            detail = event["detail"]
            if detail["eventType"] not in {"DISCONNECTED", "COMPLETED"}:
                assert "chatMetrics" not in detail
                continue
            of_leg = [item for item in said if item.contact_id == detail["contactId"]]
            roles = Counter(item.sender.role for item in of_leg if item.sender)
            metrics = detail["chatMetrics"]
            assert metrics["chatContactMetrics"]["totalMessages"] == len(of_leg)
            for name, role in (("agentMetrics", "AGENT"), ("customerMetrics", "CUSTOMER")):
                assert metrics.get(name, {"messagesSent": 0})["messagesSent"] == roles[role]
            responses += "agentFirstResponseTimeInMillis" in metrics["chatContactMetrics"]
            assert metrics["chatContactMetrics"].get("agentFirstResponseTimeInMillis", 0) >= 0
    assert responses > 200
