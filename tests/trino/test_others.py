"""Rows that others delete, change and add by SQL, between our publications.

After each step both engines are asked. The chats a, b and c have their rows in one file a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chatlake.operations.erase import erase
from chatlake.tables import schema
from tests.trino.shared_lake import (
    ALL,
    CHATS,
    DAY,
    FULL,
    INSERT,
    OPTIMIZE,
    WITHIN_THE_DAY,
    SharedLake,
    chat,
    columns_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.trino, pytest.mark.timeout(300)]

TABLES = [table.name for table in schema.TABLES if table.name != "attachments"]


@pytest.fixture
def lake(make_lake: Callable[..., SharedLake]) -> SharedLake:
    return make_lake(*CHATS)


def test_deleted_rows_stay_deleted_when_another_chat_is_published(lake: SharedLake) -> None:
    def of_others() -> dict[str, list[tuple[Any, ...]]]:
        where = "WHERE initial_contact_id <> 'b'"
        return {t: lake.seen(f"SELECT {columns_of(t)} FROM {t} {where}") for t in TABLES}

    lake.others(*(f"DELETE FROM {table} WHERE initial_contact_id = 'a'" for table in TABLES))
    before = of_others()
    lake.publish(chat("b", 9))
    assert of_others() == before
    assert lake.items() == lake.items("receipts") == {"b": [*ALL, "m9"], "c": ALL}


def test_a_chat_with_deleted_rows_has_all_of_them_once_when_it_changes(lake: SharedLake) -> None:
    tables = ["messages", "receipts", "read_latency"]
    for table in tables:
        lake.others(
            f"DELETE FROM {table} WHERE initial_contact_id = 'a' AND sent_at IS NOT NULL",
            f"DELETE FROM {table} WHERE initial_contact_id = 'b'",
        )
    lake.publish(chat("a", 9))
    for table in tables:
        assert lake.items(table) == {"a": [*ALL, "m9"], "c": ALL}


def test_a_chat_whose_rows_were_deleted_is_whole_when_it_is_published_again(
    lake: SharedLake,
) -> None:
    lake.others(*(f"DELETE FROM {table} WHERE initial_contact_id = 'a'" for table in TABLES))
    lake.publish_again("a")
    assert lake.items() == FULL
    assert lake.items("receipts") == FULL
    assert lake.seen("SELECT initial_contact_id FROM contacts") == [("a",), ("b",), ("c",)]


def test_an_updated_row_is_there_once_until_its_chat_changes(lake: SharedLake) -> None:
    def contents() -> list[tuple[Any, ...]]:
        sql = "SELECT item_id, content FROM messages WHERE initial_contact_id = 'a'"
        return lake.seen(sql)

    lake.others("UPDATE messages SET content = 'changed' WHERE content = 'a1'")
    lake.publish(chat("b", 9))
    assert contents() == [("m0", "a0"), ("m1", "changed"), ("m2", "a2")]
    assert lake.waiting() == set()
    lake.publish(chat("a", 9))
    assert contents() == [("m0", "a0"), ("m1", "a1"), ("m2", "a2"), ("m9", "a9")]


def test_rows_that_were_moved_to_another_day_are_found(lake: SharedLake) -> None:
    lake.others("UPDATE messages SET sent_at = sent_at + INTERVAL '40' DAY WHERE item_id = 'm1'")
    lake.publish(chat("a", 9))
    assert lake.items() == FULL | {"a": [*ALL, "m9"]}
    assert lake.items(where=WITHIN_THE_DAY) == {
        "a": [*ALL, "m9"],
        "b": ["m0", "m2"],
        "c": ["m0", "m2"],
    }


def test_a_merge_keeps_what_it_did_to_other_chats(lake: SharedLake) -> None:
    lake.others(
        "MERGE INTO messages t USING (VALUES ('a', 'm0', 1), ('b', 'm1', 2), ('c', 'new', 3)) "
        "AS s (chat, item, kind) ON t.initial_contact_id = s.chat AND t.item_id = s.item "
        "WHEN MATCHED AND s.kind = 1 THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET content = 'merged' "
        "WHEN NOT MATCHED THEN INSERT (initial_contact_id, contact_id, item_id, sent_at) "
        f"VALUES (s.chat, s.chat, s.item, TIMESTAMP '{DAY} 12:00:00')"
    )
    lake.publish(chat("d", 1))
    assert lake.items() == {"a": ["m1", "m2"], "b": ALL, "c": [*ALL, "new"], "d": ["m1"]}
    assert lake.seen("SELECT initial_contact_id FROM messages WHERE content = 'merged'") == [("b",)]


def test_rows_that_others_insert_are_kept_but_for_those_of_the_chat(lake: SharedLake) -> None:
    lake.others(
        f"{INSERT}('nobody', 'x', 'x1', TIMESTAMP '{DAY} 12:00:00'), "
        "('nobody', 'x', 'x2', NULL), ('a', 'a', 'x3', TIMESTAMP '2026-10-01 12:00:00'), "
        "('c', 'c', 'x4', TIMESTAMP '2026-11-01 12:00:00')"
    )
    lake.publish(chat("a", 9))
    nobodys = {"nobody": ["x1", "x2"]}
    assert lake.items() == FULL | nobodys | {"a": [*ALL, "m9"], "c": [*ALL, "x4"]}
    lake.publish(chat("c", 9))
    assert lake.items() == FULL | nobodys | {"a": [*ALL, "m9"], "c": [*ALL, "m9"]}


def test_inserted_rows_that_were_compacted_before_they_were_seen_are_found(
    lake: SharedLake,
) -> None:
    elsewhere = "TIMESTAMP '2026-10-01 12:00:00'"
    for item in ("x1", "x2"):
        lake.others(f"{INSERT}('a', 'a', '{item}', {elsewhere})")
    lake.others(OPTIMIZE)
    lake.publish(chat("a", 9))
    assert lake.items() == FULL | {"a": [*ALL, "m9"]}


def test_rows_of_an_earlier_version_are_published_again(lake: SharedLake) -> None:
    lake.others(
        "UPDATE contacts SET row_format = NULL WHERE initial_contact_id = 'a'",
        "DELETE FROM receipts WHERE initial_contact_id = 'a'",
    )
    lake.publish(chat("b", 9))
    assert lake.waiting() == {"a"}
    assert not lake.archive.publish({"a"}).failed
    assert lake.items("receipts") == FULL | {"b": [*ALL, "m9"]}
    lake.publish(chat("b", 8))
    assert lake.waiting() == set()


def test_a_table_that_was_emptied_gets_the_rows_of_chats_that_change(lake: SharedLake) -> None:
    lake.others("TRUNCATE TABLE messages")
    lake.publish(chat("b", 9))
    assert lake.items() == {"b": [*ALL, "m9"]}


def test_what_others_commit_while_a_chat_is_published_is_kept(lake: SharedLake) -> None:
    tables = lake.archive.lake
    load, statements = tables.load, ["DELETE FROM messages WHERE initial_contact_id = 'a'"]

    def load_and_wait(table: schema.Table) -> Any:
        loaded = load(table)
        if table.name == "messages" and statements:
            lake.others(statements.pop())
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "load", load_and_wait)
        lake.publish(chat("b", 9))
    assert lake.items() == {"b": [*ALL, "m9"], "c": ALL}


# Erasing


def test_erasing_leaves_no_row_in_any_file_not_even_deleted_ones(lake: SharedLake) -> None:
    lake.others(
        *(f"DELETE FROM {table} WHERE initial_contact_id = 'a'" for table in TABLES),
        f"{INSERT}('a', 'a', 'x1', TIMESTAMP '2026-10-01 12:00:00'), "
        "('a', 'a', 'x2', NULL), ('a', 'a', 'x3', TIMESTAMP '2026-10-01 12:00:00')",
        "DELETE FROM messages WHERE item_id = 'x1'",
        "ALTER TABLE receipts SET PROPERTIES partitioning = ARRAY['month(sent_at)']",
        "INSERT INTO receipts SELECT * FROM receipts WHERE initial_contact_id = 'c'",
        "UPDATE receipts SET initial_contact_id = 'a' WHERE message_id = 'm1'",
    )
    assert "a" in lake.raw_chats("contacts")
    assert erase({"a"}, lake.archive).erased == {"a"}
    for table in TABLES:
        assert "a" not in lake.raw_chats(table), table
    assert lake.items() == {"b": ALL, "c": ALL}
    assert lake.items("receipts") == {"b": ["m0", "m2"], "c": ["m0", "m0", "m2", "m2"]}
