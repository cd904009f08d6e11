"""Columns that others rename, drop, retype and add by SQL, between our publications."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chatlake.exceptions import TableDiffers
from chatlake.operations.erase import erase
from tests.trino.shared_lake import (
    ALL,
    CHATS,
    FULL,
    OPTIMIZE,
    SharedLake,
    chat,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.trino, pytest.mark.timeout(300)]


@pytest.fixture
def lake(make_lake: Callable[..., SharedLake]) -> SharedLake:
    return make_lake(*CHATS)


def test_a_renamed_column_stops_publication_until_it_has_its_name_again(lake: SharedLake) -> None:
    sql = "SELECT initial_contact_id, item_id, participant_role FROM messages"
    before = lake.seen(sql)
    lake.others("ALTER TABLE messages RENAME COLUMN participant_role TO who")
    said = "table messages: its column participant_role was renamed to who"
    with pytest.raises(TableDiffers, match=said) as stopped:
        lake.publish(chat("b", 9))
    with pytest.raises(TableDiffers, match=said):
        erase({"c"}, lake.archive)
    assert lake.seen(sql.replace("participant_role", "who")) == before
    lake.mend(stopped.value)
    assert lake.seen(sql) == before
    assert lake.archive.publish({"b", "c"}).published == {"b", "c"}
    kept = [row for row in lake.seen(sql) if row[:2] != ("b", "m9")]
    assert kept == [row for row in before if row[0] != "c"]


def test_a_column_of_others_under_a_name_of_ours_gives_way(lake: SharedLake) -> None:
    lake.others(
        "ALTER TABLE messages RENAME COLUMN display_name TO shown",
        "ALTER TABLE messages ADD COLUMN display_name varchar",
    )
    with pytest.raises(TableDiffers, match="display_name was renamed to shown") as stopped:
        lake.publish(chat("b", 9))
    lake.mend(stopped.value)
    lake.publish(chat("b", 8))
    names = lake.seen("SELECT DISTINCT display_name FROM messages")
    assert names == [("canary-7f3a Jane",)]


def test_columns_that_changed_their_names_are_mended_without_losing_a_value(
    lake: SharedLake,
) -> None:
    sql = "SELECT initial_contact_id, item_id, participant_id, participant_role FROM messages"
    before = lake.seen(sql)
    lake.others(
        "ALTER TABLE messages RENAME COLUMN participant_id TO aside",
        "ALTER TABLE messages RENAME COLUMN participant_role TO participant_id",
        "ALTER TABLE messages RENAME COLUMN aside TO participant_role",
    )
    for _ in range(2):
        with pytest.raises(TableDiffers, match="was renamed to") as stopped:
            lake.publish(chat("b", 9))
        lake.mend(stopped.value)
    assert lake.seen(sql) == before
    assert lake.archive.publish({"b"}).published == {"b"}


def test_a_dropped_column_comes_back_empty_and_is_filled_by_publishing_again(
    lake: SharedLake,
) -> None:
    sql = "SELECT initial_contact_id, item_id, display_name FROM messages"
    before = lake.seen(sql)
    lake.others("ALTER TABLE messages DROP COLUMN display_name")
    with pytest.raises(TableDiffers, match="its column display_name is gone") as stopped:
        lake.publish(chat("b", 9))
    lake.mend(stopped.value)
    assert lake.archive.lake.lacks_rows(), "of values"
    lake.archive.lake.create_tables()
    assert not lake.archive.lake.lacks_rows()
    lake.publish_again(*CHATS)
    assert [row for row in lake.seen(sql) if row[1] != "m9"] == before


def test_a_column_of_another_type_stops_publication(lake: SharedLake) -> None:
    sql = "SELECT initial_contact_id, message_id, read_latency_ms FROM receipts"
    lake.others("ALTER TABLE messages ALTER COLUMN receipt_count SET DATA TYPE bigint")
    with pytest.raises(TableDiffers, match="receipt_count is of type long") as stopped:
        lake.publish(chat("b", 9))
    lake.mend(stopped.value)
    lake.publish_again(*CHATS)
    assert lake.seen("SELECT DISTINCT receipt_count FROM messages") == [(1,)]
    assert len(lake.seen(sql)) == 10


# What others added, as a type and a value, both in Trino's words, and the value in DuckDB's.
VALUES = {
    "note varchar": ("'ü😀'", "'ü😀'"),
    "rating decimal(12, 3)": ("DECIMAL '12.345'", "12.345"),
    "exact decimal(38, 10)": (
        "DECIMAL '1234567890123456789.0123456789'",
        "'1234567890123456789.0123456789'::DECIMAL(38, 10)",
    ),
    "moment timestamp(6) with time zone": (
        "TIMESTAMP '2026-01-02 03:04:05.123456 UTC'",
        "TIMESTAMPTZ '2026-01-02 03:04:05.123456+00'",
    ),
    "clock time(6)": ("TIME '01:02:03.000004'",) * 2,
    "due date": ("DATE '2026-02-03'",) * 2,
    "token varbinary": ("X'00ff10'", r"'\x00\xff\x10'::BLOB"),
    "ticket uuid": ("UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'",) * 2,
    "share real": ("REAL '1.5'", "1.5"),
    "score double": ("2.5e0",) * 2,
    "checked boolean": ("true",) * 2,
    "labels array(varchar)": ("ARRAY['x', 'y']", "['x', 'y']"),
    "scores map(varchar, integer)": ("MAP(ARRAY['k'], ARRAY[5])", "MAP {'k': 5}"),
    "origin row(page varchar, at array(row(n bigint, t timestamp(6))))": (
        "CAST(ROW('p', ARRAY[ROW(7, TIMESTAMP '2026-01-01 00:00:00.000001')]) "
        "AS row(page varchar, at array(row(n bigint, t timestamp(6)))))",
        "{'page': 'p', 'at': [{'n': 7, 't': TIMESTAMP '2026-01-01 00:00:00.000001'}]}",
    ),
}  # fmt: skip


def test_columns_that_others_add_keep_their_values_of_any_type(lake: SharedLake) -> None:
    names = [column.split()[0] for column in VALUES]
    lake.others(
        *(f"ALTER TABLE messages ADD COLUMN {column}" for column in VALUES),
        "UPDATE messages SET "
        + ", ".join(
            f"{name} = {value}" for name, (value, _) in zip(names, VALUES.values(), strict=True)
        )
        + " WHERE initial_contact_id = 'a' OR item_id = 'm0'",
    )
    for number in (9, 8):
        lake.publish(chat("b", number))
    # Also told by the bounds of the file, by which engines pass over it.
    for name, (value, in_duckdb) in zip(names, VALUES.values(), strict=True):
        sql = "SELECT count(*) AS n FROM messages WHERE "
        assert lake.trino(f"{sql}{name} = {value}").rows == [(5,)], name
        assert lake.duckdb(f"{sql}{name} = {in_duckdb}").fetchall() == [(5,)], name
        assert lake.seen(f"{sql}{name} IS NULL") == [(6,)], name
    lake.others(OPTIMIZE, f"DELETE FROM messages WHERE ticket = {VALUES['ticket uuid'][0]}")
    lake.publish(chat("c", 9))
    assert lake.items() == {"b": ["m1", "m2", "m8", "m9"], "c": [*ALL, "m9"]}


def test_columns_of_others_go_on_changing(lake: SharedLake) -> None:
    lake.others(
        "ALTER TABLE messages ADD COLUMN first varchar FIRST",
        'ALTER TABLE messages ADD COLUMN "with.dot" row(x integer, y varchar)',
        "ALTER TABLE messages ADD COLUMN rating real",
        "UPDATE messages SET first = item_id, \"with.dot\" = ROW(7, 'y'), rating = 1.5",
    )
    lake.publish(chat("b", 9))
    lake.others(
        "ALTER TABLE messages RENAME COLUMN first TO second",
        'ALTER TABLE messages ADD COLUMN "with.dot".z integer',
        'ALTER TABLE messages DROP COLUMN "with.dot".x',
        "ALTER TABLE messages ALTER COLUMN rating SET DATA TYPE double",
    )
    lake.publish(chat("b", 8))
    sql = 'SELECT second, "with.dot".y, "with.dot".z, rating FROM messages'
    assert lake.seen(f"{sql} WHERE initial_contact_id = 'a'") == [
        (item, "y", None, 1.5) for item in ALL
    ]
    # Values in rows that are made anew are those of the same messages.
    found = lake.seen(f"{sql} WHERE initial_contact_id = 'b'")
    assert (
        sorted(map(str, found))
        == sorted(str((item, "y", None, 1.5)) for item in ALL) + [str((None,) * 4)] * 2
    )
    lake.others("ALTER TABLE messages DROP COLUMN rating")
    lake.publish(chat("b", 7))
    assert lake.items() == FULL | {"b": [*ALL, "m7", "m8", "m9"]}
