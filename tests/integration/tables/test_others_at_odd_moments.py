"""Others write where it is least expected: between load and commit, before a chat is, after it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from pyiceberg.types import NestedField, StringType, StructType

from chatlake.exceptions import TableDiffers
from chatlake.tables import schema
from chatlake.tables.lake import replacement
from tests.integration.tables.beside_others import CHANGES, TABLES, WHOLE, Beside
from tests.others.with_pyiceberg import PyicebergOthers
from tests.stateful.reads import CHAT, LEG, OTHER_CHAT, READS, READS_OF
from tests.stateful.world import World

if TYPE_CHECKING:
    pass


def test_a_leg_whose_rows_sql_has_deleted_is_erased_with_its_chat(
    world: World, others: PyicebergOthers
) -> None:
    world.upsert(READS["a read of a leg"], READS_OF[OTHER_CHAT]["a message"])
    world.drain()
    assert LEG in others.raw_chats("messages")
    for table in TABLES:
        others.delete(table, LEG)
    world.upsert(READS["the word that it is a leg"])
    world.drain()
    assert world.erase(CHAT).erased == {CHAT}
    assert not any(LEG in others.raw_chats(table) for table in TABLES)


def test_erasing_again_by_a_leg_names_the_tag_that_still_holds_rows_of_the_leg(
    world: World, others: PyicebergOthers
) -> None:
    world.upsert(READS["a read of a leg"], READS["a message"], READS["the word that it is a leg"])
    world.drain()
    others.tag("messages", "audit")
    first = world.erase(LEG)
    again = world.erase(LEG)
    assert [ref.name for ref in first.still_held] == ["audit"]
    assert (again.already_erased, again.still_held) == ({LEG}, first.still_held)


def test_a_message_for_a_chat_erased_long_ago_reads_no_file_and_commits_nothing(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.world.erase(CHAT)
    before = [beside.others.version(table) for table in TABLES]
    read: list[Any] = []
    monkeypatch.setattr(replacement, "read_raw", lambda *which: read.append(which))
    beside.world.announce([CHAT])
    assert beside.world.publish().unchanged == {CHAT}
    assert read == []
    assert [beside.others.version(table) for table in TABLES] == before


def test_files_without_statistics_are_no_sign_of_an_earlier_version(beside: Beside) -> None:
    name = "write.metadata.metrics.column.processing_status"
    with beside.others.table("messages").transaction() as transaction:
        transaction.set_properties({name: "none"})
    beside.others.update("messages", OTHER_CHAT, "participant_role", "theirs")
    beside.others.delete("receipts", OTHER_CHAT)
    beside.change(CHAT)
    assert set(beside.values("messages", OTHER_CHAT, "participant_role")) == {"theirs"}
    assert beside.rows("receipts", OTHER_CHAT) == []


def test_a_commit_to_a_branch_between_load_and_commit_is_a_conflict_that_is_tried_again(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = beside.world.lake
    beside.others.branch("messages", "trial")
    [row, *_] = beside.others.answers("messages")["pyiceberg"]
    replace = lake.replace
    to_insert = [row]

    def after_others(table: schema.Table, *arguments: Any) -> bool:
        if table.name == "messages" and to_insert:
            beside.others.insert_into_branch("messages", "trial", to_insert.pop())
        return replace(table, *arguments)

    monkeypatch.setattr(lake, "replace", after_others)
    beside.change(CHAT)
    beside.assert_rows_are_its_documents(CHAT)
    assert not to_insert


def test_rows_that_others_put_under_an_id_before_its_first_publication_give_way(
    world: World, others: PyicebergOthers
) -> None:
    row = {"initial_contact_id": CHAT, "contact_id": CHAT, "item_id": "m1", "content": "theirs"}
    others.insert("messages", row | {"sent_at": datetime(2020, 1, 1)})  # noqa: DTZ001
    world.upsert(*(READS[read] for read in WHOLE))
    world.drain()
    Beside(world, others).assert_rows_are_its_documents(CHAT)


def test_rows_of_a_branch_that_became_the_main_one_are_found(beside: Beside) -> None:
    beside.others.branch("messages", "trial")
    [row, *_] = beside.others.answers("messages")["pyiceberg"]
    far_away = {"initial_contact_id": CHAT, "sent_at": datetime(2020, 1, 1)}  # noqa: DTZ001
    beside.others.insert_into_branch("messages", "trial", row | far_away)
    beside.change(OTHER_CHAT)
    manage = beside.others.table("messages").manage_snapshots()
    manage.set_current_snapshot(ref_name="trial").commit()
    beside.republish(CHAT, OTHER_CHAT)
    for chat in (CHAT, OTHER_CHAT):
        beside.assert_rows_are_its_documents(chat)


def test_what_was_published_is_found_after_the_table_went_back_to_before(beside: Beside) -> None:
    snapshot = beside.others.table("messages").current_snapshot()
    assert snapshot is not None
    beside.change(CHAT)
    manage = beside.others.table("messages").manage_snapshots()
    manage.set_current_snapshot(snapshot.snapshot_id).commit()
    beside.republish(CHAT, OTHER_CHAT)
    for chat in (CHAT, OTHER_CHAT):
        beside.assert_rows_are_its_documents(chat)


def test_a_column_that_was_added_again_and_then_renamed_is_told_as_renamed(beside: Beside) -> None:
    beside.others.drop_column("messages", "participant_role")
    beside.others.add_column("messages", "participant_role", "string")
    beside.republish(CHAT, OTHER_CHAT)
    beside.others.rename_column("messages", "participant_role", "who")
    beside.upsert(CHAT, *CHANGES)
    with pytest.raises(TableDiffers, match="participant_role was renamed to who"):
        beside.world.publish()


def test_columns_are_told_by_their_first_ids_where_the_property_does_not_name_them(
    beside: Beside,
) -> None:
    with beside.others.table("messages").transaction() as transaction:
        transaction.set_properties({"chatlake.field-ids": "{}"})
    beside.others.rename_column("messages", "participant_role", "who")
    beside.upsert(CHAT, *CHANGES)
    with pytest.raises(TableDiffers, match="participant_role was renamed to who"):
        beside.world.publish()


def test_a_struct_of_others_with_a_required_field_is_carried_through(beside: Beside) -> None:
    with beside.others.table("messages").update_schema() as update:
        update.add_column("theirs", StructType(NestedField(1, "a", StringType(), required=True)))
    beside.others.update("messages", OTHER_CHAT, "theirs", {"a": "x"})
    beside.change(CHAT)
    assert beside.values("messages", OTHER_CHAT, "theirs")[0] == {"a": "x"}
    assert set(map(str, beside.values("messages", CHAT, "theirs"))) == {"None"}
