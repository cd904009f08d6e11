"""Reads of a chat become one document: in any order, any number of times, with nothing lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chatlake.documents.document import Document, merge
from chatlake.documents.observation import chat_end, observed_until
from chatlake.documents.revision import content_revision, revision
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables.flatten import flatten
from local.chats import scripts
from tests import oracle, strategies
from tests.settled import is_settled, without_observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

from tests.oracle import Input, Object, Row

PUBLISHED_AT = datetime(2026, 9, 1, tzinfo=UTC)
SENT_AT = "2026-01-01T00:00:00.000Z"


def message(item_id: str | None = "m1", **members: Any) -> Object:
    own_id = {} if item_id is None else {"Id": item_id}
    return {**own_id, "Type": "MESSAGE", "AbsoluteTime": SENT_AT, **members}


def with_receipts(*receipts: object, item_id: str = "m1", **metadata: Any) -> Object:
    return message(item_id, MessageMetadata={"Receipts": list(receipts), **metadata})


def receipt(recipient: str | None = "agent", **times: object) -> Object:
    named = {} if recipient is None else {"RecipientParticipantId": recipient}
    names = {"delivered": "DeliveredTimestamp", "read": "ReadTimestamp"}
    return {**named, **{names[name]: value for name, value in times.items()}}


def second(number: int) -> str:
    return f"2026-01-01T00:00:{number:02}.000Z"


def at_second(number: int) -> datetime:
    """A moment as tables have it: UTC, without a zone."""
    return datetime(2026, 1, 1, 0, 0, number)  # noqa: DTZ001


def response(*items: Object, read_at: int = 0, whole: bool = False) -> Document:
    value = {"InitialContactId": "c1", "Transcript": list(items)}
    return from_response(value, read_at=read_at, whole=whole)


def export(*items: Object, contact_id: str = "c1", read_at: int = 0, **members: Any) -> Document:
    value = {"InitialContactId": "c1", "ContactId": contact_id, "Transcript": list(items)}
    return from_export(value | members, read_at=read_at)


def event(event_type: str, time: str = SENT_AT, **detail: Any) -> Document:
    known = {"contactId": "c1", "initialContactId": "c1", "eventType": event_type}
    return from_event({"time": time, "detail": known | detail})


def document_of(one: Input) -> Document:
    if one.kind == "response":
        return from_response(one.value, read_at=one.read_at, whole=one.whole, reached=one.reached)
    if one.kind == "export":
        return from_export(one.value, read_at=one.read_at)
    return from_event(one.value)


def merged(documents: Iterable[Document]) -> Document:
    return reduce(merge, documents)


def rows(table: str, *documents: Document) -> list[Row]:
    """The rows of a table, once the documents are merged: forwards and backwards the same."""
    forwards, backwards = merged(documents), merged(documents[::-1])
    assert forwards.to_bytes() == backwards.to_bytes()
    tables = flatten([forwards], published_at=PUBLISHED_AT)
    found: list[Row] = tables[table].to_pylist()
    return found


def row(table: str, *documents: Document) -> Row:
    (only,) = rows(table, *documents)
    return only


def all_rows(document: Document) -> dict[str, list[Row]]:
    """Everything that the tables hold of a chat, the revision aside."""
    tables = flatten([document], published_at=PUBLISHED_AT)
    columns = {
        name: table.drop_columns(["document_revision"]) if name == "contacts" else table
        for name, table in tables.items()
    }
    return {name: oracle.in_table_order(name, table.to_pylist()) for name, table in columns.items()}


def settled_rows(document: Document) -> dict[str, list[Row]]:
    """All rows that a revision stands for."""
    rows = all_rows(document)
    if is_settled(document):
        return rows
    return {table: [without_observation(table, row) for row in rows[table]] for table in rows}


DOCUMENTS = strategies.inputs(strategies.CHAT_CONTACTS).map(document_of)
MERGED_DOCUMENTS = st.lists(DOCUMENTS, min_size=1, max_size=2).map(merged)


def same(a: Document, b: Document) -> bool:
    return a == b and a.to_bytes() == b.to_bytes() and revision(a) == revision(b)


class TestMergeIsAJoin:
    @given(MERGED_DOCUMENTS, MERGED_DOCUMENTS)
    def test_it_does_not_matter_which_of_two_comes_first(self, a: Document, b: Document) -> None:
        assert same(merge(a, b), merge(b, a))

    @given(MERGED_DOCUMENTS, MERGED_DOCUMENTS, MERGED_DOCUMENTS)
    def test_it_does_not_matter_which_of_three_are_joined_first(
        self, a: Document, b: Document, c: Document
    ) -> None:
        assert same(merge(merge(a, b), c), merge(a, merge(b, c)))

    @given(MERGED_DOCUMENTS)
    def test_a_document_joined_with_itself_is_itself(self, document: Document) -> None:
        assert same(merge(document, document), document)

    @given(MERGED_DOCUMENTS, MERGED_DOCUMENTS)
    def test_what_was_merged_once_changes_nothing_again(self, a: Document, b: Document) -> None:
        both = merge(a, b)
        assert same(merge(both, a), both)
        assert same(merge(b, both), both)

    @given(st.lists(DOCUMENTS, min_size=3, max_size=4))
    def test_all_orders_of_reading_give_the_same_bytes(self, documents: list[Document]) -> None:
        first, *others = (merged(order).to_bytes() for order in permutations(documents))
        assert others == [first] * len(others)

    @given(MERGED_DOCUMENTS, MERGED_DOCUMENTS)
    def test_merging_alters_neither_of_the_two(self, a: Document, b: Document) -> None:
        before = a.to_bytes(), b.to_bytes()
        merge(a, b)
        assert (a.to_bytes(), b.to_bytes()) == before

    @given(MERGED_DOCUMENTS)
    def test_a_document_comes_back_from_its_bytes_as_it_was(self, document: Document) -> None:
        assert same(Document.from_bytes(document.to_bytes()), document)

    @given(MERGED_DOCUMENTS, MERGED_DOCUMENTS)
    def test_documents_merge_alike_before_and_after_they_were_stored(
        self, a: Document, b: Document
    ) -> None:
        stored = (Document.from_bytes(document.to_bytes()) for document in (a, b))
        assert same(merged(stored), merge(a, b))

    @given(DOCUMENTS)
    def test_a_document_is_json(self, document: Document) -> None:
        assert isinstance(json.loads(document.to_bytes()), dict)

    def test_documents_of_two_chats_do_not_merge(self) -> None:
        other = from_response({"InitialContactId": "c2", "Transcript": []})
        with pytest.raises(ValueError, match="two chats"):
            merge(response(), other)


class TestSnapshotsOfScriptedChats:
    def test_any_order_of_snapshots_gives_what_the_last_of_them_gives(self) -> None:
        start = datetime(2026, 9, 1, tzinfo=UTC)
        for chat in scripts(seed=3, count=25, start=start, days=3):
            length_ms = chat.ended_ms - chat.started_ms
            times_ms = [chat.started_ms + length_ms * n // 3 for n in range(4)]
            snapshots = [
                merged(
                    from_response(page, read_at=at_ms)
                    for page in chat.pages(datetime.fromtimestamp(at_ms / 1000, UTC), page_size=9)
                )
                for at_ms in times_ms
            ]
            last = merged(from_response(page, read_at=times_ms[-1] + 1) for page in chat.pages())
            first, *others = (merged(order) for order in permutations([*snapshots, last]))
            assert all(other.to_bytes() == first.to_bytes() for other in others)
            assert all_rows(first) == all_rows(last)


class TestAMemberOfAnItem:
    def test_takes_the_value_of_the_later_read(self) -> None:
        draft, redacted = message(Content="my card is 4111"), message(Content="my card is [PII]")
        reads = response(draft, read_at=1000), response(redacted, read_at=2000)
        assert row("messages", *reads)["content"] == "my card is [PII]"

    def test_appears_with_a_later_read(self) -> None:
        reads = response(message(), read_at=1000), response(message(Content="Hi"), read_at=2000)
        assert row("messages", *reads)["content"] == "Hi"

    def test_stays_when_a_later_read_lacks_it(self) -> None:
        reads = response(message(Content="Hi"), read_at=1000), response(message(), read_at=2000)
        assert row("messages", *reads)["content"] == "Hi"

    def test_stays_when_a_later_read_has_null_for_it(self) -> None:
        later = message(Content=None, MessageCompleted=None, MessageMetadata={"MessageId": None})
        earlier = message(
            Content="Hi", MessageCompleted=True, MessageMetadata={"MessageId": "m0", "Unknown": 1}
        )
        found = row("messages", response(earlier, read_at=1000), response(later, read_at=2000))
        assert found["content"] == "Hi"
        assert found["extra"] == '{"MessageCompleted":true,"MessageMetadata":{"Unknown":1}}'

    @pytest.mark.parametrize(
        ("name", "column"), [("ContactId", "contact_id"), ("ParticipantId", "participant_id")]
    )
    def test_stays_when_a_later_read_has_an_empty_id_for_it(self, name: str, column: str) -> None:
        reads = (
            response(message(**{name: "known"}), read_at=1000),
            response(message(**{name: ""}), read_at=2000),
        )
        assert row("messages", *reads)[column] == "known"

    def test_goes_to_extra_when_the_later_read_has_an_unreadable_value(self) -> None:
        reads = response(message(Content="Hi")), response(message(Content=["Hi"]), read_at=2000)
        found = row("messages", *reads)
        assert (found["content"], found["extra"]) == (None, '{"Content":["Hi"]}')

    def test_is_the_participants_rather_than_the_exports_even_if_that_was_read_later(self) -> None:
        reads = (
            response(message(Content="seen"), read_at=1000),
            export(message(Content="exported", DisplayName="Ann"), read_at=2000),
        )
        found = row("messages", *reads)
        assert (found["content"], found["display_name"]) == ("seen", "Ann")

    def test_is_the_finished_items_rather_than_the_processing_ones(self) -> None:
        processing = {"MessageProcessingStatus": "PROCESSING"}
        reads = (
            response(message(Content="raw", MessageMetadata=processing), read_at=2000),
            export(message(Content="processed")),
        )
        found = row("messages", *reads)
        assert (found["content"], found["processing_status"]) == ("processed", None)

    def test_is_that_of_the_greater_json_when_nothing_else_tells_two_apart(self) -> None:
        reads = response(message(Content="a")), response(message(Content="b"))
        assert row("messages", *reads)["content"] == "b"

    def test_is_greater_as_a_whole_version_not_by_itself(self) -> None:
        # Of the first member that differs: AbsoluteTime comes before Content.
        first = message(AbsoluteTime=second(1), Content="z")
        other = message(AbsoluteTime=second(2), Content="a")
        assert row("messages", response(first), response(other))["content"] == "a"

    def test_is_greater_by_canonical_json_whose_names_are_ordered_by_utf_16(self) -> None:
        before, after = "\U0001f600", "\ufb33"  # the other way round by code point
        first, other = {before: 2, after: 1}, {before: 1, after: 2}
        found = row("messages", response(message() | first), response(message() | other))
        assert json.loads(found["extra"]) == first

    def test_is_no_less_the_participants_for_having_been_exported_too(self) -> None:
        reads = (
            response(message(Content="seen"), read_at=1000),
            export(message(Content="seen"), read_at=2000),
            response(message(Content="stale"), read_at=500),
        )
        for order in permutations(reads):
            assert row("messages", *order)["content"] == "seen"

    def test_joins_two_contents_of_one_id_within_one_page(self) -> None:
        found = row("messages", response(message(Content="a"), message(DisplayName="Ann")))
        assert (found["content"], found["display_name"]) == ("a", "Ann")


class TestTheMetadataOfAMessage:
    def test_loses_processing_once_a_read_comes_without_it(self) -> None:
        reads = (
            response(message(MessageMetadata={"MessageProcessingStatus": "PROCESSING"})),
            response(message(), read_at=2000),
        )
        assert row("messages", *reads)["processing_status"] is None

    def test_does_not_get_processing_back_from_a_late_delivery(self) -> None:
        reads = (
            response(message(), read_at=1000),
            response(
                message(MessageMetadata={"MessageProcessingStatus": "PROCESSING"}), read_at=2000
            ),
        )
        assert row("messages", *reads)["processing_status"] is None

    def test_has_processing_while_nothing_else_is_known(self) -> None:
        processing = message(MessageMetadata={"MessageProcessingStatus": "PROCESSING"})
        reads = response(processing, read_at=1000), response(processing, read_at=2000)
        assert row("messages", *reads)["processing_status"] == "PROCESSING"

    def test_keeps_failed_from_the_latest_read(self) -> None:
        reads = (
            response(message(), read_at=1000),
            response(message(MessageMetadata={"MessageProcessingStatus": "FAILED"}), read_at=2000),
        )
        assert row("messages", *reads)["processing_status"] == "FAILED"

    def test_merges_member_by_member(self) -> None:
        reads = (
            response(message(MessageMetadata={"A": 1, "B": 1}), read_at=1000),
            response(message(MessageMetadata={"B": 2, "C": 2}), read_at=2000),
        )
        assert row("messages", *reads)["extra"] == '{"MessageMetadata":{"A":1,"B":2,"C":2}}'

    @pytest.mark.parametrize("name", ["", ".", "A", "MessageMetadata"])
    def test_has_members_of_its_own_whatever_they_and_those_of_the_item_are_called(
        self, name: str
    ) -> None:
        reads = (
            response(message(MessageMetadata={name: 1}), read_at=1000),
            response(message(MessageMetadata={}) | {f"MessageMetadata.{name}": 2}, read_at=2000),
        )
        assert json.loads(row("messages", *reads)["extra"]) == {
            "MessageMetadata": {name: 1},
            f"MessageMetadata.{name}": 2,
        }

    def test_that_is_no_object_counts_only_without_one_that_is(self) -> None:
        odd = response(message(MessageMetadata="odd"), read_at=2000)
        assert row("messages", odd)["extra"] == '{"MessageMetadata":"odd"}'
        known = response(message(MessageMetadata={"A": 1}), read_at=1000)
        assert row("messages", known, odd)["extra"] == '{"MessageMetadata":{"A":1}}'

    def test_keeps_what_is_no_receipt_among_its_receipts(self) -> None:
        found = response(with_receipts("odd", receipt(read=second(1)), None))
        assert row("messages", found)["extra"] == '{"MessageMetadata":{"Receipts":["odd",null]}}'
        assert row("receipts", found)["read_at"] == at_second(1)


class TestAttachments:
    @staticmethod
    def with_status(status: str, **members: Any) -> Object:
        return message(Attachments=[{"AttachmentId": "a1", "Status": status}], **members)

    def test_are_approved_once_their_scan_has_finished(self) -> None:
        reads = (
            response(self.with_status("IN_PROGRESS"), read_at=1000),
            response(self.with_status("APPROVED"), read_at=2000),
        )
        assert row("attachments", *reads)["status"] == "APPROVED"

    def test_do_not_go_back_to_in_progress(self) -> None:
        reads = (
            export(self.with_status("REJECTED")),
            response(self.with_status("IN_PROGRESS"), read_at=2000),
        )
        assert row("attachments", *reads)["status"] == "REJECTED"

    def test_in_progress_make_the_whole_item_unfinished(self) -> None:
        reads = (
            response(self.with_status("APPROVED", Content="done"), read_at=1000),
            response(self.with_status("IN_PROGRESS", Content="stale"), read_at=2000),
        )
        assert row("messages", *reads)["content"] == "done"

    def test_are_those_of_the_greatest_version_and_not_of_several(self) -> None:
        reads = (
            response(message(Attachments=[{"AttachmentId": "a1"}]), read_at=1000),
            response(message(Attachments=[{"AttachmentId": "a2"}]), read_at=2000),
        )
        assert [found["attachment_id"] for found in rows("attachments", *reads)] == ["a2"]


class TestReceipts:
    def test_grow_from_read_to_read(self) -> None:
        reads = (
            response(with_receipts(), read_at=1000),
            response(with_receipts(receipt(delivered=second(1))), read_at=2000),
            response(
                with_receipts(receipt(delivered=second(1), read=second(2)), receipt("customer")),
                read_at=3000,
            ),
        )
        found = rows("receipts", *reads)
        assert [
            (one["recipient_participant_id"], one["delivered_at"], one["read_at"]) for one in found
        ] == [("agent", at_second(1), at_second(2)), ("customer", None, None)]
        assert row("messages", *reads)["receipt_count"] == 2

    @pytest.mark.parametrize(
        "later",
        [
            message(),
            message(MessageMetadata=None),
            message(MessageMetadata="odd"),
            with_receipts(),
            with_receipts(receipt("customer", read=second(9))),
            with_receipts(receipt(delivered=second(1))),
            with_receipts(receipt(read=None)),
            with_receipts(receipt(read="never")),
            with_receipts(receipt(read=17)),
            with_receipts(receipt(read=second(9))),
        ],
    )
    def test_never_lose_a_time_once_seen(self, later: Object) -> None:
        reads = (
            response(with_receipts(receipt(read=second(2))), read_at=1000),
            response(later, read_at=2000),
        )
        found = {one["recipient_participant_id"]: one for one in rows("receipts", *reads)}
        assert found["agent"]["read_at"] == at_second(2)

    def test_have_the_earliest_of_each_time_on_its_own(self) -> None:
        reads = (
            response(with_receipts(receipt(delivered=second(3), read=second(4)))),
            response(with_receipts(receipt(delivered=second(2), read=second(5)))),
        )
        found = row("receipts", *reads)
        assert (found["delivered_at"], found["read_at"]) == (at_second(2), at_second(4))

    def test_compare_times_as_instants_and_not_as_texts(self) -> None:
        reads = (
            response(with_receipts(receipt(read="2026-01-01T01:00:03+01:00"))),
            response(with_receipts(receipt(read=second(4)))),
        )
        assert row("receipts", *reads)["read_at"] == at_second(3)

    @given(
        st.lists(st.tuples(strategies.instant(), strategies.instant()), min_size=1, max_size=6),
        st.integers(1, 3),
    )
    def test_have_the_earliest_readable_times_of_all_reads(
        self, times: list[tuple[object, object]], per_read: int
    ) -> None:
        reads = [
            response(
                with_receipts(
                    *(
                        receipt(delivered=delivered, read=read)
                        for delivered, read in times[n : n + per_read]
                    )
                )
            )
            for n in range(0, len(times), per_read)
        ]
        found = row("receipts", *reads)
        for column, values in zip(
            ("delivered_at", "read_at"), zip(*times, strict=True), strict=True
        ):
            readable = [instant for instant in map(oracle.timestamp, values) if instant is not None]
            earliest = min(readable, default=None)
            assert found[column] == (earliest and earliest.replace(tzinfo=None))

    def test_that_cannot_be_read_keep_the_greatest_raw_value(self) -> None:
        reads = (
            response(with_receipts(receipt(read="yesterday"))),
            response(with_receipts(receipt(read="tomorrow"))),
        )
        found = row("receipts", *reads)
        assert (found["read_at"], found["extra"]) == (None, '{"ReadTimestamp":"yesterday"}')

    def test_without_a_recipient_are_one(self) -> None:
        found = row(
            "receipts",
            response(with_receipts(receipt(None, read=second(2)), receipt("", read=second(1)))),
        )
        assert (found["recipient_participant_id"], found["read_at"]) == (None, at_second(1))

    def test_of_the_message_and_of_its_metadata_item_are_one(self) -> None:
        apart = {
            "Id": "x1",
            "Type": "MESSAGEMETADATA",
            "MessageMetadata": {"MessageId": "m1", "Receipts": [receipt(read=second(2))]},
        }
        inline = with_receipts(receipt(delivered=second(1)))
        found = row("receipts", response(apart, inline))
        assert (found["message_id"], found["delivered_at"], found["read_at"]) == (
            "m1",
            at_second(1),
            at_second(2),
        )

    def test_do_not_make_a_version_greater(self) -> None:
        reads = (
            response(message(Content="a") | {"MessageMetadata": {"Receipts": [receipt("zz")]}}),
            response(message(Content="b") | {"MessageMetadata": {}}),
        )
        assert row("messages", *reads)["content"] == "b"


class TestItemsWithoutAnId:
    def test_are_one_item_when_they_are_the_same(self) -> None:
        nameless = message(None, Content="Hi")
        reads = response(nameless, read_at=1000), response(nameless), export(nameless)
        assert row("messages", *reads)["item_id"].startswith("sha256:")

    def test_are_two_items_when_they_differ(self) -> None:
        reads = response(message(None, Content="a")), response(message(None, Content="b"))
        assert len(rows("messages", *reads)) == 2

    def test_are_one_item_although_their_receipts_and_attachment_states_grew(self) -> None:
        def at(status: str, *receipts: Object) -> Object:
            return message(
                None,
                Attachments=[{"AttachmentId": "a1", "Status": status}],
                MessageMetadata={"Receipts": list(receipts)},
            )

        reads = (
            response(at("IN_PROGRESS"), read_at=1000),
            response(at("APPROVED", receipt(read=second(1))), read_at=2000),
        )
        found = row("messages", *reads)
        assert (found["attachment_count"], found["receipt_count"]) == (1, 1)
        assert row("attachments", *reads)["status"] == "APPROVED"

    def test_have_an_id_that_anyone_can_compute(self) -> None:
        nameless = {"Type": "MESSAGE", "Content": "Hi"}
        assert row("messages", response(nameless))["item_id"] == (
            "sha256:65458304750c886e33cd7b120a913b71675df425888622af370422ec02b07d8e"
        )


class TestMetadataItems:
    @pytest.mark.parametrize("item_type", ["MESSAGEMETADATA", "MESSAGE_METADATA"])
    @pytest.mark.parametrize("named", [{}, {"MessageId": None}, {"MessageId": "m1"}])
    @pytest.mark.parametrize("way", [response, export])
    def test_under_the_id_of_their_message_leave_it_its_row(
        self, way: Callable[..., Document], named: Object, item_type: str
    ) -> None:
        apart = {
            **with_receipts(receipt(read=second(2)), **named),
            "Type": item_type,
            "AbsoluteTime": second(2),
        }
        reads = way(message(Content="Hi"), apart), way(apart, message(Content="Hi"), read_at=2000)
        for told in (reads, reads[::-1]):
            found = row("messages", *told)
            assert (found["item_id"], found["item_type"], found["content"]) == (
                "m1",
                "MESSAGE",
                "Hi",
            )
            assert row("receipts", *told)["read_at"] == at_second(2)

    def test_with_an_id_of_their_own_keep_it(self) -> None:
        apart = {**with_receipts(item_id="own", MessageId="m1"), "Type": "MESSAGEMETADATA"}
        assert set(response(apart).items) == {"own"}


class TestContacts:
    def test_have_the_latest_event_of_each_type(self) -> None:
        first = event("QUEUED", second(1), queueInfo={"queueArn": "queue/1"})
        second_try = event("QUEUED", second(2), queueInfo={"queueArn": "queue/2"})
        assert row("contacts", first, second_try)["queue_arn"] == "queue/2"

    def test_take_each_value_from_the_latest_event_that_has_it(self) -> None:
        events = (
            event("INITIATED", second(1), initiationTimestamp=second(1), channel="CHAT"),
            event("CONNECTED_TO_AGENT", second(2), agentInfo={"agentArn": "agent/1"}),
            event("DISCONNECTED", second(3), disconnectTimestamp=second(3), channel="Chat"),
        )
        found = row("contacts", *events)
        assert found["initiated_at"] == at_second(1)
        assert found["disconnected_at"] == at_second(3)
        assert (found["agent_arn"], found["channel"]) == ("agent/1", "Chat")

    def test_take_no_placeholder_for_a_time(self) -> None:
        events = (
            event("INITIATED", second(1), initiationTimestamp=second(1)),
            event("DISCONNECTED", second(2), initiationTimestamp="1970-01-01T00:00:00.001Z"),
        )
        found = row("contacts", *events)
        assert (found["initiated_at"], found["extra"]) == (at_second(1), None)

    def test_keep_the_unknown_members_of_an_earlier_event_when_a_later_one_has_null(self) -> None:
        events = (
            event("INITIATED", second(1), somethingNew=1),
            event("DISCONNECTED", second(2), somethingNew=None),
        )
        assert row("contacts", *events)["extra"] == '{"somethingNew":1}'

    def test_keep_what_was_unreadable_when_a_later_event_lacks_it(self) -> None:
        events = event("INITIATED", second(1), agentInfo=False), event("QUEUED", second(2))
        assert row("contacts", *events)["extra"] == '{"agentInfo":false}'

    def test_keep_the_unknown_members_of_an_export_when_another_has_null(self) -> None:
        assert row("contacts", export(New="x"), export(New=None))["extra"] == '{"New":"x"}'

    def test_of_items_that_name_none_are_the_initial_one_or_else_the_smallest(self) -> None:
        legs = export(message(), contact_id="b"), export(message(), contact_id="a")
        assert row("messages", *legs)["contact_id"] == "a"
        assert row("messages", *legs, response(message()))["contact_id"] == "c1"

    def test_of_items_are_sought_among_all_the_contacts_that_these_were_read_under(self) -> None:
        reads = (
            export(message(ContactId="c4"), contact_id="c2"),
            export(message(ContactId=5), contact_id="c3", read_at=1000),
        )
        assert row("messages", *reads)["contact_id"] == "c2"

    def test_do_not_care_for_the_order_of_the_members_of_an_event(self) -> None:
        spellings = {"channel": "CHAT", "Channel": "VOICE"}
        backwards = dict(reversed(spellings.items()))
        once, again = (event("INITIATED", **found) for found in (spellings, backwards))
        assert all_rows(once) == all_rows(again)

    def test_list_the_sources_of_the_chat_on_every_leg(self) -> None:
        found = rows("contacts", export(contact_id="c2"), response(), event("INITIATED"))
        assert [(one["contact_id"], one["sources"]) for one in found] == [
            ("c1", "event,export,participant"),
            ("c2", "event,export,participant"),
        ]

    def test_tell_whether_receipts_could_have_been_seen(self) -> None:
        assert row("contacts", event("INITIATED"))["receipts_available"] is None
        assert row("contacts", event("INITIATED"), export())["receipts_available"] is False
        assert row("contacts", export(), response())["receipts_available"] is True

    def test_are_complete_once_the_whole_was_read_after_their_end(self) -> None:
        ended = event("DISCONNECTED", disconnectTimestamp=second(2))
        end_ms = int(at_second(2).timestamp() * 1000)
        assert not row("contacts", ended, response(read_at=end_ms))["complete"]
        assert not row("contacts", ended, response(read_at=end_ms - 1, whole=True))["complete"]
        assert row("contacts", ended, response(read_at=end_ms, whole=True))["complete"]
        # Neither of the two reads was whole and late enough.
        halves = response(read_at=end_ms - 1, whole=True), response(read_at=end_ms + 1)
        assert not row("contacts", ended, *halves)["complete"]

    def test_are_complete_when_exported_each_on_its_own(self) -> None:
        found = rows("contacts", export(contact_id="c2"), event("INITIATED"))
        assert [(one["contact_id"], one["complete"]) for one in found] == [
            ("c1", False),
            ("c2", True),
        ]

    def test_are_complete_when_a_participant_saw_the_chat_end(self) -> None:
        ended = message(
            "end", Type="EVENT", ContentType="application/vnd.amazonaws.connect.event.chat.ended"
        )
        assert row("contacts", response(ended))["complete"]
        assert not row("contacts", response(ended | {"RelatedContactId": "past"}))["complete"]
        assert not rows("contacts", export(ended, contact_id="c2"))[0]["complete"]

    def test_have_the_greatest_instance_when_inputs_differ(self) -> None:
        reads = export(InstanceId="b"), event("INITIATED", instanceArn="arn:aws:connect:x/a")
        assert row("contacts", *reads)["instance_id"] == "b"


class TestTheRevision:
    @given(
        st.lists(strategies.inputs(strategies.CHAT_CONTACTS), min_size=1, max_size=3),
        st.integers(1, 9),
        st.integers(0, 10**12),
    )
    def test_does_not_change_with_the_times_of_reading(
        self, inputs: list[Input], stretch: int, later_ms: int
    ) -> None:
        # A whole read may come after a contact's end or not; that is a fact about the chat.
        inputs = [replace(one, whole=False) for one in inputs]
        other = [replace(one, read_at=one.read_at * stretch + later_ms) for one in inputs]
        first, second = (merged(map(document_of, some)) for some in (inputs, other))
        assert content_revision(first) == content_revision(second)
        # Once the end is known, until when it was observed is a fact about the chat, too.
        end = chat_end(first)
        # So it is of files, whose newest time is what they say.
        told = [
            observed_until(chat, end)
            if end is not None or (chat.participant and not chat.participant["read_at"])
            else None
            for chat in (first, second)
        ]
        assert (revision(first) == revision(second)) == (told[0] == told[1])

    @given(MERGED_DOCUMENTS, MERGED_DOCUMENTS)
    def test_differs_where_rows_differ(self, a: Document, b: Document) -> None:
        assume(settled_rows(a) != settled_rows(b))
        assert revision(a) != revision(b)

    @given(MERGED_DOCUMENTS, DOCUMENTS)
    def test_differs_where_one_more_read_changed_a_row(self, a: Document, b: Document) -> None:
        both = merge(a, b)
        assume(settled_rows(a) != settled_rows(both))
        assert revision(a) != revision(both)

    def test_is_the_same_after_a_read_that_brought_nothing_new(self) -> None:
        first = response(with_receipts(receipt(read=second(1))), read_at=1000)
        again = response(with_receipts(receipt(read=second(1))), read_at=2000)
        assert revision(merge(first, again)) == revision(first)

    def test_is_the_same_after_a_stale_read(self) -> None:
        stale = response(message(Content="Hi"), read_at=1000)
        fresh = response(message(Content="Hi!", DisplayName="Ann"), read_at=2000)
        assert revision(merge(stale, fresh)) == revision(fresh)

    def test_is_the_same_after_an_event_came_twice(self) -> None:
        once = event("DISCONNECTED", disconnectTimestamp=second(2))
        assert revision(merge(once, once)) == revision(once)

    @pytest.mark.parametrize(
        "news",
        [
            response(message("m2"), read_at=1000),
            response(with_receipts(receipt(read=second(1)))),
            response(message(MessageMetadata={"MessageProcessingStatus": "FAILED"})),
            response(message(Unknown=1)),
            export(),
            export(contact_id="c2"),
            event("INITIATED"),
            response(message("end", Type="CHAT_ENDED")),
        ],
        ids=str,
    )
    def test_changes_with_what_rows_are_made_of(self, news: Document) -> None:
        known = response(message())
        assert revision(merge(known, news)) != revision(known)

    def test_changes_with_a_receipt_alone(self) -> None:
        known = response(with_receipts(receipt(delivered=second(1))))
        news = response(with_receipts(receipt(read=second(2))))
        assert revision(merge(known, news)) != revision(known)

    def test_changes_when_a_whole_read_makes_a_contact_complete(self) -> None:
        known = merge(event("DISCONNECTED", disconnectTimestamp=second(2)), response())
        end_ms = int(at_second(2).replace(tzinfo=UTC).timestamp() * 1000)
        seen = merge(known, response(read_at=end_ms))
        assert revision(merge(seen, response(read_at=end_ms - 1, whole=True))) == revision(seen)
        assert revision(merge(seen, response(read_at=end_ms, whole=True))) != revision(seen)

    def test_changes_with_the_last_observation_once_the_end_is_known(self) -> None:
        ended = event("DISCONNECTED", disconnectTimestamp=second(2))
        end_ms = int(at_second(2).replace(tzinfo=UTC).timestamp() * 1000)
        reads = [response(message(), read_at=end_ms + late) for late in (-900, -400, 0, 900)]
        open_, over = (
            [revision(merge(chat, read)) for read in reads] for chat in (response(), ended)
        )
        assert len({*open_}) == 1, "before the end, the clock of reading is in no revision"
        assert over[0] != over[1] != over[2] == over[3], "what is observed after the end is no news"
