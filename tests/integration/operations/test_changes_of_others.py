"""What others have done to a lake is told, undone when asked for, and erased with a chat."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from chatlake.exceptions import LakeDiffers
from chatlake.tables.lake.refs import Ref
from tests.lake_folder import CANARY, LakeFolder, message, page
from tests.others.with_pyiceberg import PyicebergOthers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lake_folder import Chatlake

KEPT, CHANGED = "c1", "c2"
ITEMS = ("m1", "m2", "m3")


@pytest.fixture
def filled(lake: LakeFolder) -> LakeFolder:
    lake.take(*(page(chat, *map(message, ITEMS)) for chat in (KEPT, CHANGED)))
    return lake


@contextmanager
def others(lake: LakeFolder) -> Iterator[PyicebergOthers]:
    catalog = SqlCatalog(
        "lake", uri=f"sqlite:///{lake.path / 'catalog.db'}", warehouse=str(lake.path / "warehouse")
    )
    with closing(catalog):
        yield PyicebergOthers(catalog)


def ids_in_files(lake: LakeFolder, table: str) -> set[str]:
    """The chats that all data files of a table's current snapshot hold rows of, deleted or not."""
    files = lake.tables()[table].inspect.data_files().column("file_path").to_pylist()
    return {
        chat
        for file in files
        for chat in pq.ParquetFile(file)
        .read(["initial_contact_id"])
        .column("initial_contact_id")
        .to_pylist()
    }


# --- verify, and the way back


def test_verify_tells_what_others_changed_by_column_and_count_and_the_way_back(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    with others(filled) as sql:
        sql.delete("messages", CHANGED)
        sql.update("read_latency", CHANGED, "sender_role", CANARY)
        sql.update("contacts", CHANGED, "queue_arn", CANARY)
        sql.add_column("contacts", "note", "string")
        sql.update("contacts", KEPT, "note", CANARY)
    ran = chatlake("verify")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "messages: others have removed 3 rows",
        "contacts: others have changed 1 value of queue_arn",
    ]
    assert "contacts: others have added the column note, 1 value." in ran.err
    assert f"republish {CHANGED}\n" in ran.err
    assert KEPT not in ran.err
    assert ran.err.splitlines()[-1] == "2 differences"
    assert CANARY not in ran.out + ran.err


def test_republishing_brings_back_what_the_documents_say_and_keeps_columns_of_others(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    before = filled.rows()
    with others(filled) as sql:
        sql.add_column("messages", "note", "string")
        sql.update("messages", KEPT, "note", "theirs")
        sql.delete("messages", CHANGED)
        sql.update("contacts", KEPT, "channel", "theirs")
    filled.take()
    assert filled.rows() != before
    ran = chatlake("republish", CHANGED, KEPT, "nobody")
    assert ran.code == 1
    assert "2 chats published." in ran.err
    assert "Not known in this lake: nobody" in ran.err
    rows = filled.rows()
    notes = {(row["initial_contact_id"], row.pop("note")) for row in rows["messages"]}
    assert notes == {(KEPT, "theirs"), (CHANGED, None)}
    assert rows == before
    assert filled.differences() == []


def test_all_chats_are_republished_if_none_is_named(filled: LakeFolder, chatlake: Chatlake) -> None:
    before = filled.rows()
    with others(filled) as sql:
        sql.delete("messages", CHANGED)
        sql.delete("contacts", KEPT)
    ran = chatlake("republish")
    assert (ran.code, filled.rows()) == (0, before)
    assert "2 chats published." in ran.err


def test_rows_of_ids_that_no_chat_has_are_told_as_such_and_stay(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    with others(filled) as sql:
        [row] = sql.answers("contacts")["pyiceberg"][:1]
        sql.insert("contacts", {**row, "initial_contact_id": "theirs", "contact_id": "theirs"})
    ran = chatlake("verify")
    assert ran.out == "contacts: others have added 1 row\n"
    assert "Rows of 1 id that no chat has are others' own" in ran.err
    assert "republish" not in ran.err
    filled.take(page(KEPT, message("m4")))
    assert "theirs" in {row["initial_contact_id"] for row in filled.rows()["contacts"]}


def test_a_column_that_is_gone_is_made_again_with_its_values_when_a_lake_is_opened(
    filled: LakeFolder,
) -> None:
    before = filled.rows()
    with others(filled) as sql:
        sql.drop_column("messages", "participant_role")
    filled.take()
    assert filled.rows() == before


def test_a_renamed_column_of_a_lake_folder_names_the_command_that_helps(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    before = filled.rows()
    with others(filled) as sql:
        sql.rename_column("messages", "participant_role", "who")
    with pytest.raises(LakeDiffers, match=r"participant_role was renamed to who.* rebuild"):
        filled.take(page(KEPT, message("m4")))
    assert chatlake("rebuild").code == 0
    assert filled.rows() == before


# --- erasing


def test_erasing_leaves_no_row_that_sql_has_deleted_in_any_file(filled: LakeFolder) -> None:
    with others(filled) as sql:
        for table in ("messages", "contacts"):
            sql.delete(table, CHANGED)
    assert ids_in_files(filled, "messages") == {KEPT, CHANGED}
    assert filled.erase(CHANGED).erased == {CHANGED}
    for table in ("messages", "contacts"):
        assert ids_in_files(filled, table) == {KEPT}


def test_erasing_names_tags_and_branches_that_hold_rows_until_they_are_dropped(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    with others(filled) as sql:
        sql.tag("messages", "end-of-year")
        sql.branch("contacts", "audit")
        sql.tag("attachments", "no rows of it")
    held = [
        Ref(("chatlake", "messages"), "tag", "end-of-year"),
        Ref(("chatlake", "contacts"), "branch", "audit"),
    ]
    ran = chatlake("erase", CHANGED, "--purge")
    assert ran.code == 0
    for ref in held:
        assert f"The {ref} still holds rows. Drop it: {ref.statement}" in ran.err
    assert held[0].statement == "ALTER TABLE `chatlake`.`messages` DROP TAG `end-of-year`"
    # A snapshot that is named can still be read after a purge.
    tagged = filled.tables()["messages"]
    at_the_tag = tagged.scan(snapshot_id=tagged.metadata.refs["end-of-year"].snapshot_id)
    assert at_the_tag.to_arrow().num_rows == 2 * len(ITEMS)
    again = filled.erase(CHANGED)
    assert (again.already_erased, again.still_held) == ({CHANGED}, held)
    with others(filled) as sql:
        sql.table("messages").manage_snapshots().remove_tag("end-of-year").commit()
        sql.table("contacts").manage_snapshots().remove_branch("audit").commit()
    assert filled.erase(CHANGED, purge=True).still_held == []
    assert CHANGED.encode() not in b"".join(
        path.read_bytes() for path in filled.path.rglob("*.parquet")
    )


def test_a_chat_that_others_brought_back_is_told_and_erased_once_more(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    with others(filled) as sql:
        rows = [
            row
            for row in sql.answers("messages")["pyiceberg"]
            if row["initial_contact_id"] == CHANGED
        ]
        assert filled.erase(CHANGED).erased == {CHANGED}
        for row in rows:
            sql.insert("messages", row)
    ran = chatlake("verify")
    assert ran.out == (
        f"chat {CHANGED}: it was erased, but others have put rows of it back; "
        "run chatlake erase again\n"
    )
    assert filled.erase(CHANGED).already_erased == {CHANGED}
    assert ids_in_files(filled, "messages") == {KEPT}
    assert filled.differences() == []


def test_rows_without_an_id_are_told_and_left_alone(filled: LakeFolder, chatlake: Chatlake) -> None:
    with others(filled) as sql:
        with sql.table("messages").update_schema() as update:
            update.make_column_optional("initial_contact_id")
        [row, *_] = sql.answers("messages")["pyiceberg"]
        sql.insert("messages", {**row, "initial_contact_id": None})
    assert chatlake("verify").out == "messages: others have added 1 row\n"
    assert chatlake("republish").code == 0
    assert chatlake("erase", CHANGED, "--purge").code == 0
    assert ids_in_files(filled, "messages") == {KEPT, None}


@pytest.mark.parametrize("asked", [["query", "SELECT 1"], ["report"], ["status"], ["verify"]])
def test_every_command_names_a_renamed_column_and_what_helps(
    filled: LakeFolder, chatlake: Chatlake, asked: list[str]
) -> None:
    with others(filled) as sql:
        sql.rename_column("messages", "participant_role", "who")
    ran = chatlake(*asked)
    assert ran.code == 1
    assert "participant_role" in ran.err
    assert "whoever did that may undo it, or make the tables anew" in ran.err
    with others(filled) as sql:
        sql.rename_column("messages", "who", "participant_role")
    assert chatlake("verify").code == 0
