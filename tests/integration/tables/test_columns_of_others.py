"""Columns that others add keep their values; ours that are gone or changed are told, and due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from pyiceberg.types import LongType

from chatlake.exceptions import TableDiffers
from tests.integration.tables.beside_others import (
    CHANGES,
    TABLES,
    Beside,
    beside_others,
    publish_two_chats,
)
from tests.others.versions import NEW_COLUMNS, one_column_fewer
from tests.others.watched import statements_of
from tests.stateful.reads import CHAT, OTHER_CHAT
from tests.stateful.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from chatlake.tables.lake.iceberg import Lake

BOTH = (CHAT, OTHER_CHAT)
RENAMED = [
    ("messages", "participant_role", "string"),
    ("messages", "sent_at", "timestamp"),
    ("receipts", "read_latency_ms", "bigint"),
    ("attachments", "initial_contact_id", "string"),
    ("read_latency", "chat_day", "date"),
    ("contacts", "row_format", "int"),
    ("contacts", "complete", "boolean"),
]
ADDED: dict[str, tuple[str, Any]] = {
    "messages": ("row(a varchar, b bigint)", {"a": "one", "b": 2}),
    "receipts": ("bigint", 7),
    "attachments": ("array(varchar)", ["one", "two"]),
    "read_latency": ("row(a varchar, b bigint)", {"a": None, "b": 2}),
    "contacts": ("string", "noted"),
}


def refused(beside: Beside) -> TableDiffers:
    """Publish, which a table that differs refuses; all that waits still waits."""
    waiting = set(beside.world.queue.values())
    with pytest.raises(TableDiffers) as raised:
        beside.world.publish()
    assert set(beside.world.queue.values()) == waiting != set()
    return raised.value


def mend(beside: Beside, error: TableDiffers) -> None:
    for statement in statements_of(error):
        beside.others.run(statement)


# Renamed


def test_a_column_that_was_renamed_is_told_with_the_statement_that_mends_it(
    beside: Beside,
) -> None:
    before = beside.all_rows(CHAT)
    beside.upsert(OTHER_CHAT, *CHANGES)
    for table, column, of_type in RENAMED:
        beside.others.rename_column(table, column, "who")
        error = refused(beside)
        assert f"table {table}: its column {column} was renamed to who" in str(error)
        assert statements_of(error) == [f"ALTER TABLE {table} CHANGE COLUMN who {column} {of_type}"]
        mend(beside, error)
    beside.world.drain()
    assert beside.all_rows(CHAT) == before
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_a_column_that_was_renamed_and_made_again_is_told(beside: Beside) -> None:
    before = beside.all_rows(CHAT)
    beside.others.rename_column("messages", "item_type", "what")
    beside.others.add_column("messages", "item_type", "string")
    beside.others.update("messages", CHAT, "item_type", "theirs")
    beside.upsert(OTHER_CHAT, *CHANGES)
    mend(beside, refused(beside))
    beside.world.drain()
    # What stood in its place is theirs, and keeps its values under another name.
    after = beside.all_rows(CHAT)
    assert {row.pop("item_type_of_others") for row in after["messages"]} == {"theirs"}
    assert after == before
    beside.others.drop_column("messages", "item_type_of_others")
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_making_the_tables_adds_no_column_that_is_there_under_another_name(
    beside: Beside,
) -> None:
    beside.others.rename_column("messages", "participant_role", "who")
    with pytest.raises(TableDiffers, match="who"):
        made(beside)
    assert "participant_role" not in beside.others.table("messages").schema().column_names


def made(beside: Beside) -> bool:
    """Make the tables as a deployment does; return whether chats are to be published again."""
    lake = cast("Lake", beside.world.lake)
    lacks_rows = lake.lacks_rows()
    lake.create_tables()
    return lacks_rows


def test_a_column_that_is_renamed_under_a_publisher_loses_no_value(beside: Beside) -> None:
    before = beside.rows("messages", CHAT)
    beside.upsert(OTHER_CHAT, *CHANGES)
    publisher = beside.world.publisher()
    publisher.advance_to("commit messages")
    beside.others.rename_column("messages", "participant_role", "who")
    publisher.finish()
    assert beside.values("messages", CHAT, "who") == [row["participant_role"] for row in before]


# Dropped and retyped


@pytest.mark.parametrize("way", ["by the error's statement", "by a deployment"])
def test_a_column_that_was_dropped_is_told_and_its_values_come_back(
    beside: Beside, way: str
) -> None:
    beside.others.drop_column("receipts", "recipient_role")
    beside.upsert(OTHER_CHAT, *CHANGES)
    error = refused(beside)
    assert "table receipts: its column recipient_role is gone" in str(error)
    if way == "by a deployment":
        assert made(beside)
    else:
        mend(beside, error)
    beside.world.drain()
    assert set(beside.values("receipts", CHAT, "recipient_role")) == {None}
    beside.republish(*BOTH)
    for chat in BOTH:
        beside.assert_rows_are_its_documents(chat)


def test_a_column_of_another_type_is_told_and_its_values_come_back(beside: Beside) -> None:
    with beside.others.table("contacts").update_schema() as update:
        update.update_column("message_count", field_type=LongType())
    beside.upsert(OTHER_CHAT, *CHANGES)
    error = refused(beside)
    assert "column message_count is of type long, and chatlake writes int" in str(error)
    mend(beside, error)
    beside.world.drain()
    beside.republish(*BOTH)
    for chat in BOTH:
        beside.assert_rows_are_its_documents(chat)


# Added


def test_columns_of_others_keep_their_values(beside: Beside) -> None:
    before = {table: beside.keys(table, OTHER_CHAT) for table in TABLES}
    for table, (of_type, value) in ADDED.items():
        beside.others.add_column(table, "theirs", of_type)
        for chat in BOTH:
            beside.others.update(table, chat, "theirs", value)
    beside.change(OTHER_CHAT)
    for table, (_, value) in ADDED.items():
        assert all(one == value for one in beside.values(table, CHAT, "theirs"))
        # Of the chat itself by key; rows that it has anew have none.
        assert beside.values(table, OTHER_CHAT, "theirs") == [
            value if key in before[table] else None for key in beside.keys(table, OTHER_CHAT)
        ]


def test_rows_that_did_not_change_keep_columns_of_others_when_they_are_written_again(
    beside: Beside,
) -> None:
    for table in TABLES:
        beside.others.add_column(table, "theirs", "string")
        beside.others.update(table, CHAT, "theirs", "noted")
        beside.others.update(table, CHAT, "instance_id", "by hand")
    beside.republish(CHAT)
    for table in TABLES:
        assert set(beside.values(table, CHAT, "theirs")) == {"noted"}
        assert set(beside.values(table, CHAT, "instance_id")) == {None}


# Other versions


def test_an_earlier_version_keeps_the_values_of_a_column_that_it_does_not_know(
    beside: Beside,
) -> None:
    for table, column in NEW_COLUMNS.items():
        value = 7 if column == "recipients" else "new"
        beside.others.update(table, CHAT, column, value)
    before = beside.all_rows(CHAT)
    beside.upsert(OTHER_CHAT, *CHANGES)
    with one_column_fewer():
        beside.world.drain()
    assert beside.all_rows(CHAT) == before
    beside.world.announce([OTHER_CHAT])
    beside.world.drain()
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_what_an_earlier_version_has_published_is_found_and_published_again(beside: Beside) -> None:
    beside.upsert(OTHER_CHAT, *CHANGES)
    with one_column_fewer():
        beside.world.drain()
    beside.change(CHAT)
    beside.world.drain()
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_a_publisher_that_is_newer_than_its_table_drops_no_value_and_publishes_nothing(
    tmp_path: Path,
) -> None:
    with one_column_fewer():
        world = World(tmp_path)
        publish_two_chats(world)
    beside = beside_others(world)
    beside.upsert(OTHER_CHAT, *CHANGES)
    error = refused(beside)
    assert f"its column {NEW_COLUMNS['messages']} is gone" in str(error)
    assert made(beside)
    beside.world.drain()
    beside.republish(*BOTH)
    for chat in BOTH:
        beside.assert_rows_are_its_documents(chat)
    world.close()


@pytest.mark.parametrize("table", NEW_COLUMNS)
def test_what_version_0_1_destroys_is_found_and_published_again(beside: Beside, table: str) -> None:
    beside.others.delete(table, OTHER_CHAT)
    written = beside.others.publish_as_released(table, beside.document(CHAT))
    assert written == set(BOTH)
    beside.change(CHAT)
    for chat in BOTH:
        beside.assert_rows_are_its_documents(chat)


def test_what_version_0_1_destroys_of_a_chat_that_is_being_published_is_found(
    beside: Beside,
) -> None:
    beside.upsert(OTHER_CHAT, "the beginning of the contact")
    publisher = beside.world.publisher()
    publisher.advance_past("commit read_latency")
    beside.others.publish_as_released("read_latency", beside.document(CHAT))
    # Another publisher finds it before this one has told what it published.
    beside.upsert(CHAT, *CHANGES)
    beside.world.publish(CHAT)
    publisher.finish()
    beside.world.drain()
    for chat in BOTH:
        beside.assert_rows_are_its_documents(chat)
