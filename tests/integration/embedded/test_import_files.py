"""What is imported is in the tables: once, in whatever order and pieces it comes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlake.operations.publish_waiting import BatchLimits
from local.chats import scripts
from tests.lake_folder import (
    Chatlake,
    LakeFolder,
    comparable,
    expected_rows,
    export,
    message,
    new_lake,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

    from local.chats import Chat
    from tests.lake_folder import Rows
    from tests.oracle import Object

START = datetime(2026, 9, 1, tzinfo=UTC)
SENT_AT = "2026-09-01T10:00:00.000Z"


def generated(count: int, *, seed: int = 11) -> list[Chat]:
    return list(scripts(seed=seed, count=count, start=START, days=3))


def pages_and_exports(chats: Sequence[Chat], page_size: int = 100) -> list[Object]:
    pages = [value for chat in chats for value in chat.pages(page_size=page_size)]
    return pages + [value for chat in chats for value in chat.exports()]


def halfway(chat: Chat) -> datetime:
    return datetime.fromtimestamp((chat.started_ms + chat.ended_ms) / 2000, UTC)


# --- the same again


def test_importing_twice_changes_nothing(lake: LakeFolder) -> None:
    values = pages_and_exports(generated(25))
    first = lake.take(*values)
    rows, snapshots = lake.rows(), lake.snapshots()
    assert len(first.upserted.new) == 25
    assert comparable(rows) == expected_rows(*values)

    second = lake.take(*values)

    assert (len(second.upserted.unchanged), second.upserted.new, second.upserted.changed) == (
        25,
        set(),
        set(),
    )
    assert second.outcome.published == set()
    assert lake.rows() == rows
    assert lake.snapshots() == snapshots


def test_importing_twice_says_how_many_chats_were_unchanged(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    file = lake.write("chats.jsonl", *pages_and_exports(generated(3)))

    first, second = chatlake("import", file), chatlake("import", file)

    assert "chats 3 new, 0 changed, 0 unchanged." in first.err
    assert "3 chats published" in first.err
    assert "chats 0 new, 0 changed, 3 unchanged." in second.err
    assert "0 chats published" in second.err
    assert (second.code, second.out) == (0, "")


def test_one_value_twice_in_one_file_is_one_chat(lake: LakeFolder) -> None:
    summary = lake.take(page("c1", message()), page("c1", message()))
    assert (summary.transcripts, summary.upserted.new) == (2, {"c1"})
    assert comparable(lake.rows()) == expected_rows(page("c1", message()))


def test_a_changed_chat_is_the_only_one_that_is_written_again(lake: LakeFolder) -> None:
    lake.take(page("c1", message("m1")), page("c2", message("m1")))

    summary = lake.take(page("c1", message("m1")), page("c2", message("m1"), message("m2")))

    assert (summary.upserted.changed, summary.upserted.unchanged) == ({"c2"}, {"c1"})
    assert summary.outcome.published == {"c2"}
    assert comparable(lake.rows()) == expected_rows(
        page("c1", message("m1")), page("c2", message("m1"), message("m2"))
    )


def test_a_day_that_a_chat_no_longer_has_rows_on_is_cleared(lake: LakeFolder) -> None:
    """The time of an item moves to the next day with a version that wins."""
    before = page("c1", message("m1", MessageMetadata={"MessageProcessingStatus": "PROCESSING"}))
    after = page("c1", message("m1", AbsoluteTime="2026-09-02T10:00:00.000Z"))
    lake.take(before)
    lake.take(after)
    assert [row["sent_at"].day for row in lake.rows()["messages"]] == [2]
    assert comparable(lake.rows()) == expected_rows(before, after)


# --- any order, any pieces


@pytest.fixture(scope="module")
def mixed() -> tuple[list[Object], Rows]:
    """Chats as small pages, early snapshots of them and exports; and the rows of all that."""
    legs = {1: 0, 2: 0}
    chats: list[Chat] = []
    for chat in generated(60):
        kind = min(len(chat.legs), 2)
        if legs[kind] < 2 and len(chat.own_items) < 60:
            legs[kind] += 1
            chats.append(chat)
    assert legs == {1: 2, 2: 2}
    values = pages_and_exports(chats, page_size=9)
    values += [value for chat in chats for value in chat.pages(at=halfway(chat), page_size=30)]
    return values, expected_rows(*values)


@st.composite
def pieces(draw: DrawFn, count: int) -> list[list[list[int]]]:
    """Imports of files of positions: every position at least once, some again, in any order."""
    order: list[int] = draw(st.permutations(range(count)))
    again = draw(st.lists(st.integers(0, count - 1), max_size=5))
    places = [*order, *again]
    cuts = draw(st.lists(st.integers(0, len(places)), max_size=4))
    bounds = [0, *sorted(cuts), len(places)]
    files = [places[a:b] for a, b in pairwise(bounds) if a < b]
    imports: list[list[list[int]]] = [[]]
    for file in files:
        imports[-1].append(file)
        if draw(st.booleans()):
            imports.append([])
    return [files for files in imports if files]


@settings(max_examples=settings().max_examples // 8, derandomize=True)
@given(data=st.data())
def test_any_order_and_any_pieces_give_the_same_rows(
    data: st.DataObject, mixed: tuple[list[Object], Rows], tmp_path_factory: pytest.TempPathFactory
) -> None:
    values, expected = mixed
    lake = new_lake(tmp_path_factory.mktemp("lake"))
    suffix = data.draw(st.sampled_from((".jsonl", ".jsonl.gz")))
    for number, files in enumerate(data.draw(pieces(len(values)))):
        folder = f"import-{number}"
        for position, places in enumerate(files):
            lake.write(f"{folder}/{position}{suffix}", *(values[place] for place in places))
        summary = lake.import_files(lake.inbox / folder)
        assert summary.rejected == []
    assert comparable(lake.rows()) == expected


def test_the_revision_does_not_tell_in_which_order_a_chat_was_read(
    mixed: tuple[list[Object], Rows], tmp_path_factory: pytest.TempPathFactory
) -> None:
    values, _ = mixed
    at_once = new_lake(tmp_path_factory.mktemp("lake"))
    at_once.take(*values)
    one_by_one = new_lake(tmp_path_factory.mktemp("lake"))
    shuffled = list(values)
    random.Random(5).shuffle(shuffled)
    for start in range(0, len(shuffled), 9):
        one_by_one.take(*shuffled[start : start + 9])
    assert one_by_one.rows() == at_once.rows()


def test_an_older_snapshot_takes_nothing_away(lake: LakeFolder) -> None:
    chat = next(chat for chat in generated(30) if len(chat.own_items) > 10)
    whole, earlier = chat.pages(), chat.pages(at=halfway(chat))
    assert len(earlier[0]["Transcript"]) < len(whole[0]["Transcript"])
    lake.take(*whole)
    rows = lake.rows()
    lake.take(*earlier)
    assert lake.rows() == rows
    assert comparable(rows) == expected_rows(*whole)


def test_receipts_stay_when_an_older_snapshot_has_fewer(lake: LakeFolder) -> None:
    def snapshot(*receipts: Object) -> Object:
        return page("c1", message("m1", MessageMetadata={"Receipts": list(receipts)}))

    delivered = {"RecipientParticipantId": "agent", "DeliveredTimestamp": SENT_AT}
    read = {**delivered, "ReadTimestamp": "2026-09-01T10:00:07.500Z"}
    lake.take(snapshot(read))
    lake.take(snapshot(delivered))
    lake.take(snapshot())

    [receipt] = lake.rows()["receipts"]
    assert (receipt["delivery_latency_ms"], receipt["read_latency_ms"]) == (0, 7500)
    assert lake.rows()["messages"][0]["receipt_count"] == 1


@pytest.mark.parametrize("export_first", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_the_export_may_come_before_or_after_the_pages(
    lake: LakeFolder, *, export_first: bool, together: bool
) -> None:
    chat = next(chat for chat in generated(40) if len(chat.legs) > 1)
    pages, exports = chat.pages(page_size=20), chat.exports()
    parts = [exports, pages] if export_first else [pages, exports]
    for values in [[*parts[0], *parts[1]]] if together else parts:
        lake.take(*values)

    rows = lake.rows()
    assert comparable(rows) == expected_rows(*pages, *exports)
    assert {row["sources"] for row in rows["contacts"]} == {"export,participant"}
    assert {row["receipts_available"] for row in rows["contacts"]} == {True}


# --- chats whose initial contact is not named


def provisional_leg() -> list[Object]:
    """A response and an export of the second leg of a chat, neither of which names the first."""
    item = message("m2", ContactId="c2", AbsoluteTime="2026-09-02T10:00:00.000Z")
    return [
        page(None, item, message("m3", ContactId="c2", Type="CHAT_ENDED")),
        export("c2", message("m2", AbsoluteTime="2026-09-02T10:00:00.000Z"), Unknown=1),
    ]


def whole_chat() -> Object:
    return page("c1", message("m1", ContactId="c1"), message("m4", ContactId="c2"))


@pytest.mark.parametrize("leg", provisional_leg(), ids=["response", "export"])
@pytest.mark.parametrize("leg_first", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_a_chat_keyed_by_its_own_contact_gives_way_to_the_one_it_is_a_leg_of(
    lake: LakeFolder, leg: Object, *, leg_first: bool, together: bool
) -> None:
    values = [leg, whole_chat()] if leg_first else [whole_chat(), leg]
    if together:
        lake.take(*values)
    else:
        for value in values:
            lake.take(value)

    rows = lake.rows()
    assert {row["initial_contact_id"] for table in rows.values() for row in table} == {"c1"}
    assert comparable(rows) == expected_rows(*values)
    assert lake.differences() == []
    assert len(lake.documents()) == 1


def test_several_legs_find_their_chat_one_after_another(lake: LakeFolder) -> None:
    values = [*provisional_leg(), whole_chat(), page("c1", message("m5", ContactId="c3"))]
    late = export("c3", message("m5"))
    for value in [late, *values]:
        lake.take(value)
    assert comparable(lake.rows()) == expected_rows(*values, late)


def test_a_chat_without_an_initial_contact_is_keyed_by_its_own(lake: LakeFolder) -> None:
    values = provisional_leg()
    lake.take(*values)
    rows = lake.rows()
    assert {row["initial_contact_id"] for row in rows["messages"]} == {"c2"}
    assert comparable(rows) == expected_rows(*values)


def test_a_contact_id_of_null_is_none_so_the_value_is_a_response(lake: LakeFolder) -> None:
    for empty in (None, ""):
        value = page("c1", message(ContactId="c1"), ContactId=empty)
        assert lake.take(value).rejected == []
    assert [row["sources"] for row in lake.rows()["contacts"]] == ["participant"]


# --- where files are


def test_files_are_found_in_folders_by_globs_and_by_name(lake: LakeFolder) -> None:
    lake.write("by-folder/deep/er/1.json", page("c1", message()))
    lake.write("by-folder/2.jsonl.gz", page("c2", message()), page("c3", message()))
    lake.write_bytes("by-folder/readme.txt", b"not a transcript")
    lake.write("by-glob/4.json.gz", page("c4", message()))
    lake.write("by-glob/5.jsonl", page("c5", message()))
    lake.write("by-name.json", page("c6", message()))
    lake.write("not-asked-for.json", page("c7", message()))

    summary = lake.import_files(
        lake.inbox / "by-folder",
        lake.inbox / "by-glob" / "*.json*",
        lake.inbox / "by-name.json",
        lake.inbox / "by-folder" / "2.jsonl.gz",
        f"{lake.inbox}/**/2.jsonl.gz",
    )

    assert (summary.files, summary.rejected) == (5, [])
    assert summary.upserted.new == {f"c{number}" for number in range(1, 7)}


def test_a_file_name_that_looks_like_a_glob_is_taken_by_its_name(lake: LakeFolder) -> None:
    odd = lake.write("chat [1]*.json", page("c1", message()))
    lake.write("chat 1.json", page("c2", message()))
    assert lake.import_files(odd).upserted.new == {"c1"}


def test_blank_lines_and_carriage_returns_between_values_are_nothing(lake: LakeFolder) -> None:
    lines = [b"", b'{"InitialContactId":"c1","Transcript":[]}\r', b"  \t", b"", b"\r"]
    summary = lake.import_files(lake.write_bytes("a.jsonl", b"\n".join(lines)))
    assert (summary.transcripts, summary.rejected) == (1, [])


def test_a_chat_without_items_is_a_contact_without_messages(lake: LakeFolder) -> None:
    lake.take(page("c1"))
    rows = lake.rows()
    assert comparable(rows) == expected_rows(page("c1"))
    assert len(rows["contacts"]) == 1


@pytest.mark.parametrize(
    "limits",
    [
        BatchLimits(import_bytes=4000, publish_bytes=60_000, publish_chats=4),
        BatchLimits(import_bytes=4000, publish_chats=4),
        BatchLimits(publish_bytes=60_000),
    ],
    ids=["small", "few chats", "few bytes"],
)
def test_many_chats_go_through_several_batches(lake: LakeFolder, limits: BatchLimits) -> None:
    chats = generated(14, seed=3)
    values = [value for chat in chats for value in chat.pages(page_size=5)]
    summary = lake.take(*values, limits=limits)
    assert len(summary.upserted.new) == 14
    assert len(lake.tables()["messages"].metadata.snapshots) > 2
    assert comparable(lake.rows()) == expected_rows(*values)
    assert lake.differences() == []


def test_rows_of_many_days_are_each_in_the_partition_of_their_day(lake: LakeFolder) -> None:
    items = [
        message(f"m{day}", AbsoluteTime=f"{START + timedelta(days=day * 40):%Y-%m-%dT%H:%M:%SZ}")
        for day in range(12)
    ]
    values: list[Any] = [page("c1", *items), page("c2", message("m1", AbsoluteTime=None))]
    lake.take(*values)
    lake.take(page("c1", message("m0", Content="x", DisplayName=None, AbsoluteTime=None)))
    assert len(lake.rows()["messages"]) == 13
    assert lake.differences() == []
