"""What SQL removed stays removed, and what it changed stays changed, until the chat is written."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from chatlake.documents.revision import ROW_FORMAT
from tests.integration.tables.beside_others import CHANGES, TABLES, Beside
from tests.others import rows
from tests.others.model import TABLES as DEFINED
from tests.stateful.reads import CHAT, OTHER_CHAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.others.protocol import Row

# A day that neither chat has.
FAR_OFF = datetime(2026, 5, 5, 5)  # noqa: DTZ001 - as tables have it
NO_ROWS: dict[str, list[Row]] = {table: [] for table in TABLES}


def row_of(table: str, chat: str) -> Row:
    """A row as others INSERT it."""
    one = DEFINED[table]
    required = {column.name: column.name for column in one.columns if column.required}
    row: Row = {**required, "initial_contact_id": chat, one.partition_by: FAR_OFF}
    # Without it the chat counts as written by an earlier version.
    return row | ({"row_format": ROW_FORMAT} if table == "contacts" else {})


# Deleted


@pytest.mark.parametrize("copying", [False, True], ids=["merging on read", "copying on write"])
def test_deleted_rows_stay_deleted_when_another_chat_of_their_file_is_published(
    beside: Beside, copying: bool
) -> None:
    for table in TABLES:
        beside.others.delete(table, CHAT, copying=copying)
    beside.change(OTHER_CHAT)
    assert beside.all_rows(CHAT) == NO_ROWS
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_deleted_rows_stay_deleted_while_nothing_of_their_chat_changes(beside: Beside) -> None:
    for table in TABLES:
        beside.others.delete(table, CHAT)
    beside.world.announce([CHAT])
    assert beside.world.publish().unchanged == {CHAT}
    assert beside.all_rows(CHAT) == NO_ROWS


@pytest.mark.parametrize("write", [Beside.change, Beside.republish])
def test_a_deleted_chat_that_changes_or_is_made_due_has_its_rows_again_and_once(
    beside: Beside, write: Callable[[Beside, str], None]
) -> None:
    for table in TABLES:
        beside.others.delete(table, CHAT)
    write(beside, CHAT)
    beside.assert_rows_are_its_documents(CHAT)


def test_deletes_of_a_whole_partition_hold_for_all_its_files(beside: Beside) -> None:
    for table in TABLES:
        time = DEFINED[table].partition_by
        same_day = {time: beside.values(table, CHAT, time)[0]}
        beside.others.insert(table, row_of(table, CHAT) | same_day)
        rows.delete_by_partition(beside.others.table(table), CHAT)
        assert beside.rows(table, CHAT) == []
    beside.change(OTHER_CHAT)
    assert beside.all_rows(CHAT) == NO_ROWS
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_deletes_of_several_statements_hold_together(beside: Beside) -> None:
    for table in TABLES:
        beside.others.update(table, CHAT, "instance_id", "by hand")
        beside.others.delete(table, CHAT)
    beside.change(OTHER_CHAT)
    assert beside.all_rows(CHAT) == NO_ROWS


def test_an_erasure_leaves_no_row_in_any_file_even_if_sql_has_deleted_it(beside: Beside) -> None:
    others = beside.all_rows(OTHER_CHAT)
    for table in TABLES:
        beside.others.delete(table, CHAT)
        assert CHAT in beside.others.raw_chats(table)
    beside.world.erase(CHAT)
    assert [table for table in TABLES if CHAT in beside.others.raw_chats(table)] == []
    assert beside.all_rows(OTHER_CHAT) == others


# Updated


def test_an_updated_row_is_there_once_when_another_chat_of_its_file_is_published(
    beside: Beside,
) -> None:
    before = beside.all_rows(CHAT)
    for table in TABLES:
        beside.others.update(table, CHAT, "instance_id", "by hand")
    beside.change(OTHER_CHAT)
    assert beside.all_rows(CHAT) == {
        table: [row | {"instance_id": "by hand"} for row in kept] for table, kept in before.items()
    }


def test_rows_that_were_moved_to_another_day_stay_there_until_their_chat_changes(
    beside: Beside,
) -> None:
    for name, table in DEFINED.items():
        beside.others.update(name, CHAT, table.partition_by, FAR_OFF)
    beside.change(OTHER_CHAT)
    for name, table in DEFINED.items():
        assert set(beside.values(name, CHAT, table.partition_by)) == {FAR_OFF}
    beside.change(CHAT)
    beside.assert_rows_are_its_documents(CHAT)


def test_an_updated_chat_that_is_made_due_shows_its_document(beside: Beside) -> None:
    for table in TABLES:
        beside.others.update(table, CHAT, "instance_id", "by hand")
    beside.republish(CHAT)
    beside.assert_rows_are_its_documents(CHAT)


# Inserted


def test_rows_of_ids_that_no_chat_has_stay_as_they_are(beside: Beside) -> None:
    for table in TABLES:
        beside.others.insert(table, row_of(table, "nobody"))
    before = beside.all_rows("nobody")
    for chat in (CHAT, OTHER_CHAT):
        beside.change(chat)
    beside.republish(CHAT, OTHER_CHAT)
    assert [len(found) for found in before.values()] == [1] * len(TABLES)
    assert beside.all_rows("nobody") == before


@pytest.mark.parametrize("then", ["nothing", "compaction", "expiry"])
def test_a_row_that_others_added_to_a_chat_goes_when_the_chat_changes(
    beside: Beside, then: str
) -> None:
    before = beside.all_rows(CHAT)
    for table in TABLES:
        beside.others.insert(table, row_of(table, CHAT))
        if then == "compaction":
            beside.others.compact(table)
        if then == "expiry":
            beside.others.expire_snapshots(table)
    # Whoever publishes next finds out where it is, and leaves it.
    beside.change(OTHER_CHAT)
    for table, kept in before.items():
        assert len(beside.rows(table, CHAT)) == len(kept) + 1
    beside.change(CHAT)
    beside.assert_rows_are_its_documents(CHAT)


# Between our steps


def test_what_is_deleted_after_it_was_looked_through_is_seen_by_the_next_attempt(
    beside: Beside,
) -> None:
    beside.upsert(OTHER_CHAT, *CHANGES)
    publisher = beside.world.publisher()
    for table in TABLES:
        publisher.advance_to(f"commit {table}")
        beside.others.delete(table, CHAT)
    publisher.finish()
    assert beside.all_rows(CHAT) == NO_ROWS
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_a_snapshot_that_expires_under_a_publisher_makes_it_start_over(beside: Beside) -> None:
    beside.upsert(OTHER_CHAT, *CHANGES)
    publisher = beside.world.publisher()
    for table in TABLES:
        publisher.advance_to(f"commit {table}")
        beside.others.compact(table)
        beside.others.expire_snapshots(table)
    publisher.finish()
    for chat in (CHAT, OTHER_CHAT):
        beside.assert_rows_are_its_documents(chat)


def test_a_chat_that_is_made_due_while_it_is_published_is_written_again(beside: Beside) -> None:
    beside.upsert(CHAT, "a message on another day")
    publisher = beside.world.publisher()
    publisher.advance_past("commit messages")
    beside.others.delete("messages", CHAT)
    beside.world.chats.publish_attempts.forget_published([CHAT])
    publisher.finish()
    beside.world.announce([CHAT])
    beside.world.drain()
    beside.assert_rows_are_its_documents(CHAT)
