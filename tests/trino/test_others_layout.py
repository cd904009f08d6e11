"""Partitions, order, files and snapshots that others change by SQL, between our publications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chatlake.exceptions import TableDiffers
from local.questions import QuestionFailed
from tests.trino.shared_lake import (
    ALL,
    CHATS,
    DAY,
    EXPIRE,
    FULL,
    INSERT,
    OPTIMIZE,
    WITHIN_THE_DAY,
    SharedLake,
    chat,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.trino, pytest.mark.timeout(300)]

PARTITIONINGS = ["ARRAY['month(sent_at)']", "ARRAY['bucket(initial_contact_id, 4)']", "ARRAY[]"]


@pytest.fixture
def lake(make_lake: Callable[..., SharedLake]) -> SharedLake:
    return make_lake(*CHATS)


@pytest.mark.parametrize("partitioning", PARTITIONINGS)
def test_rows_are_found_by_their_time_whatever_the_partitioning(
    lake: SharedLake, partitioning: str
) -> None:
    whole = FULL | {"b": [*ALL, "m9"], "d": ["m1"]}
    of_the_day = {name: items for name, items in whole.items() if name != "d"}

    def assert_rows() -> None:
        assert lake.items() == whole
        assert lake.items(where=WITHIN_THE_DAY) == of_the_day
        assert lake.items(where="sent_at >= TIMESTAMP '2026-09-02 00:00:00'") == {"d": ["m1"]}
        assert lake.items(where="initial_contact_id IN ('a', 'd')") == {"a": ALL, "d": ["m1"]}

    lake.others(f"ALTER TABLE messages SET PROPERTIES partitioning = {partitioning}")
    lake.publish(chat("b", 9), chat("d", 1, day="2026-09-02"))
    assert_rows()
    lake.others("UPDATE messages SET content = 'changed' WHERE initial_contact_id IN ('a', 'd')")
    lake.publish(chat("b", 9))
    assert_rows()
    # All files are of the others' partitions now.
    lake.others(OPTIMIZE)
    assert_rows()
    lake.publish_again("b", "d")
    assert_rows()
    changed = lake.seen(
        "SELECT DISTINCT initial_contact_id FROM messages WHERE content = 'changed'"
    )
    assert changed == [("a",)]


@pytest.mark.parametrize("partitioning", PARTITIONINGS)
def test_others_can_do_all_to_the_files_that_we_write_beside_their_partitioning(
    lake: SharedLake, partitioning: str
) -> None:
    lake.others(f"ALTER TABLE messages SET PROPERTIES partitioning = {partitioning}")
    lake.publish(*(chat(name, 9) for name in CHATS), chat("d", 1, 2, day="2026-09-02"))
    lake.others(
        "DELETE FROM messages WHERE initial_contact_id = 'a' AND item_id = 'm1'",
        "DELETE FROM messages WHERE sent_at >= TIMESTAMP '2026-09-02 10:02:00'",
        "UPDATE messages SET item_id = 'other' WHERE item_id = 'm0'",
        "MERGE INTO messages t USING (VALUES 'a', 'b') AS s (chat) "
        "ON t.initial_contact_id = s.chat AND t.item_id = 'm9' WHEN MATCHED THEN DELETE",
        "INSERT INTO messages SELECT * FROM messages WHERE initial_contact_id = 'd'",
    )
    expected = {
        "a": ["m2", "other"],
        "b": ["m1", "m2", "other"],
        "c": ["m1", "m2", "m9", "other"],
        "d": ["m1", "m1"],
    }
    assert lake.items() == expected
    lake.others(OPTIMIZE, *EXPIRE)
    assert lake.items() == expected
    lake.publish(chat("b", 9, 8))
    assert lake.items() == expected | {"b": [*ALL, "m8", "m9"]}
    lake.publish(chat("d", 3, day="2026-09-02"))
    assert lake.items() == expected | {"b": [*ALL, "m8", "m9"], "d": ["m1", "m2", "m3"]}


def test_our_files_stay_by_day_and_those_of_others_are_by_month(lake: SharedLake) -> None:
    lake.others("ALTER TABLE messages SET PROPERTIES partitioning = ARRAY['month(sent_at)']")
    lake.publish(chat("b", 9), chat("d", 1, day="2026-09-02"))
    lake.others(f"{INSERT}('nobody', 'x', 'x1', TIMESTAMP '{DAY} 12:00:00')")
    parts = lake.trino(
        "SELECT CAST(partition.sent_at_day AS varchar), partition.sent_at_month, record_count "
        'FROM "messages$partitions"'
    )
    month = (2026 - 1970) * 12 + 8
    assert set(parts.rows) == {
        (DAY, None, 10),
        ("2026-09-02", None, 1),
        (None, month, 1),
    }


def test_another_sort_order_holds_for_what_others_write(lake: SharedLake) -> None:
    lake.others(
        "ALTER TABLE messages SET PROPERTIES sorted_by = ARRAY['content DESC NULLS LAST']",
        "UPDATE messages SET content = 'changed' WHERE item_id = 'm1'",
    )
    lake.publish(chat("b", 9))
    assert lake.items() == FULL | {"b": [*ALL, "m9"]}
    lake.others(OPTIMIZE)
    lake.publish(chat("b", 8))
    assert lake.items() == FULL | {"b": [*ALL, "m8", "m9"]}


def test_expired_snapshots_removed_orphans_and_statistics_hinder_nothing(lake: SharedLake) -> None:
    lake.others("ANALYZE messages", "DELETE FROM messages WHERE item_id = 'm0'", *EXPIRE)
    kept = dict.fromkeys(CHATS, ALL[1:])
    lake.publish(chat("b", 9))
    assert lake.items() == kept | {"b": [*ALL, "m9"]}
    lake.others(
        *EXPIRE,
        "ANALYZE messages",
        OPTIMIZE,
        "ALTER TABLE messages EXECUTE optimize_manifests",
        *EXPIRE,
    )
    lake.publish(chat("c", 9))
    assert lake.items() == {"a": ALL[1:], "b": [*ALL, "m9"], "c": [*ALL, "m9"]}
    lake.others("ALTER TABLE messages EXECUTE drop_extended_stats", *EXPIRE)
    assert lake.items() == {"a": ALL[1:], "b": [*ALL, "m9"], "c": [*ALL, "m9"]}


def test_a_table_that_was_set_back_takes_publications(lake: SharedLake) -> None:
    [(before,)] = lake.trino('SELECT snapshot_id FROM "messages$snapshots"').rows
    lake.publish(chat("b", 9))
    lake.others(f"ALTER TABLE messages EXECUTE rollback_to_snapshot({before})")
    lake.publish(chat("c", 9))
    assert lake.items() == FULL | {"c": [*ALL, "m9"]}
    lake.publish_again("b")
    assert lake.items() == FULL | {"b": [*ALL, "m9"], "c": [*ALL, "m9"]}


ORC = "ALTER TABLE messages SET PROPERTIES format = 'ORC'"


@pytest.mark.parametrize(
    "statement",
    [
        # One file among others, one alone in its partition, and one of deletes.
        "INSERT INTO messages SELECT * FROM messages WHERE initial_contact_id = 'a'",
        f"{INSERT}('nobody', 'x', 'x1', TIMESTAMP '2026-10-01 12:00:00')",
        "DELETE FROM messages WHERE item_id = 'm1'",
    ],
)
def test_files_in_another_format_stop_publication_until_they_are_rewritten(
    lake: SharedLake, statement: str
) -> None:
    lake.others(ORC, statement)
    before = lake.items_in_trino()
    with pytest.raises(TableDiffers, match="files in the format ORC") as stopped:
        lake.publish(chat("b", 9))
    assert lake.items_in_trino() == before
    lake.mend(stopped.value)
    assert lake.items() == before
    assert lake.archive.publish({"b"}).published == {"b"}
    assert lake.items() == before | {"b": [*ALL, "m9"]}


def test_a_newer_format_version_stops_publication_until_the_table_is_made_anew(
    lake: SharedLake,
) -> None:
    upgrade_to_version_3(lake, "messages")
    with pytest.raises(TableDiffers, match="format version 3, and chatlake writes version 2"):
        lake.publish(chat("b", 9))
    with pytest.raises(TableDiffers, match="format version 3") as stopped:
        lake.archive.lake.create_tables()
    assert stopped.value.remedy.startswith("DROP TABLE messages, ")
    # Trino 476 knows no such table, not even to drop it.
    glue = lake.cloud.client("glue")
    glue.delete_table(DatabaseName=lake.archive.settings.database, Name="messages")
    assert lake.archive.lake.lacks_rows()
    lake.archive.lake.create_tables()
    lake.publish_again(*CHATS)
    assert lake.items() == FULL | {"b": [*ALL, "m9"]}


def upgrade_to_version_3(lake: SharedLake, table: str) -> None:
    """Upgrade a table as Spark does: nothing of it changes but its metadata."""
    glue, s3 = lake.cloud.client("glue"), lake.cloud.client("s3")
    database = lake.archive.settings.database
    found = glue.get_table(DatabaseName=database, Name=table)["Table"]
    place = found["Parameters"]["metadata_location"].removeprefix(f"s3://{database}/")
    metadata = json.loads(s3.get_object(Bucket=database, Key=place)["Body"].read())
    metadata |= {"format-version": 3, "next-row-id": 0}
    newer = f"{place.rpartition('/')[0]}/upgraded.metadata.json"
    s3.put_object(Bucket=database, Key=newer, Body=json.dumps(metadata).encode())
    given: Any = {
        "Name": table,
        "TableType": found["TableType"],
        "StorageDescriptor": found["StorageDescriptor"],
        "Parameters": {**found["Parameters"], "metadata_location": f"s3://{database}/{newer}"},
    }
    glue.update_table(DatabaseName=database, TableInput=given)


def test_a_table_that_is_gone_stops_publication_until_it_is_there(lake: SharedLake) -> None:
    lake.others("ALTER TABLE messages RENAME TO messages_of_old")
    with pytest.raises(TableDiffers, match="table messages: it is not there"):
        lake.publish(chat("b", 9))
    lake.others("ALTER TABLE messages_of_old RENAME TO messages")
    assert lake.archive.publish({"b"}).published == {"b"}
    lake.others("DROP TABLE messages")
    with pytest.raises(TableDiffers, match="invoke MakeTables, which makes it"):
        lake.publish(chat("b", 8))
    assert lake.archive.lake.lacks_rows()
    lake.archive.lake.create_tables()
    lake.publish_again(*CHATS)
    assert lake.items() == FULL | {"b": [*ALL, "m8", "m9"]}


def test_what_trino_refuses_harms_nothing(lake: SharedLake) -> None:
    for statement in (
        "ALTER TABLE messages SET PROPERTIES format_version = 3",
        "ALTER TABLE messages DROP COLUMN sent_at",
    ):
        with pytest.raises(QuestionFailed):
            lake.others(statement)
    lake.publish(chat("b", 9))
    assert lake.items() == FULL | {"b": [*ALL, "m9"]}
