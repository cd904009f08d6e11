"""The tables can be made again from the documents, and verify tells where the two differ."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from chatlake.documents.store.folder import FolderStore
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.operations import publish_waiting
from chatlake.operations import rebuild as rebuilding
from chatlake.operations.publish_waiting import BatchLimits
from chatlake.tables import schema
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.lake.local_catalog import CATALOG
from chatlake.tables.lake.purge import purge
from chatlake.tables.publish import publish
from local.chats import scripts
from tests.lake_folder import (
    CANARY,
    LakeFolder,
    SavedLake,
    comparable,
    expected_rows,
    export,
    message,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lake_folder import Chatlake, Ran
    from tests.oracle import Object


def detailed_chat() -> Object:
    """A chat with a row in every table, and two attachments that no id tells apart."""
    receipt = {"RecipientParticipantId": "agent", "ReadTimestamp": "2026-09-01T10:00:09Z"}
    return page(
        "c1",
        message("m1", ContactId="c1", MessageMetadata={"Receipts": [receipt]}),
        message(
            "m2",
            ContactId="c1",
            Attachments=[{"AttachmentName": f"{CANARY}-1"}, {"AttachmentName": f"{CANARY}-2"}],
        ),
        message("m3", ContactId="c1", AbsoluteTime="2026-09-02T10:00:00Z"),
    )


def values() -> list[Object]:
    chats = list(scripts(seed=8, count=6, start=datetime(2026, 9, 1, tzinfo=UTC), days=2))
    generated = [value for chat in chats for value in (*chat.pages(), *chat.exports())]
    leg = export("leg", message("m1", AbsoluteTime="2026-09-02T00:00:00Z"))
    return [*generated, leg, page("whole", message("m1", ContactId="leg")), detailed_chat()]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedLake:
    return SavedLake(tmp_path_factory.mktemp("saved"), *values())


@pytest.fixture
def lake(saved: SavedLake) -> LakeFolder:
    return saved.empty()


@pytest.fixture
def filled(lake: LakeFolder, saved: SavedLake) -> LakeFolder:
    return saved.filled()


def lose(lake: LakeFolder, *names: str) -> None:
    for path in (path for name in names for path in lake.path.glob(f"{name}*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def assert_one_line(ran: Ran, *parts: str) -> None:
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 1
    for part in parts:
        assert part in ran.err


# --- rebuild


def test_a_rebuilt_lake_has_the_same_rows(filled: LakeFolder, chatlake: Chatlake) -> None:
    rows, snapshots = filled.rows(), filled.snapshots()
    ran = chatlake("rebuild")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.endswith("8 chats published.\n")
    assert filled.rows() == rows
    assert not set(filled.snapshots().values()) & set(snapshots.values())
    assert filled.differences() == []
    assert filled.take(*values()).outcome.published == set()


def test_an_empty_lake_can_be_rebuilt(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take()
    assert chatlake("rebuild").code == 0
    assert all(rows == [] for rows in lake.rows().values())


@pytest.mark.parametrize(
    "lost",
    [
        ("catalog.db",),
        ("chats.db",),
        ("catalog.db", "chats.db"),
        ("catalog.db", "chats.db", "warehouse", "open.lock", "lake.lock", "publish.lock"),
    ],
    ids=["catalog", "chats", "both", "all but the documents"],
)
def test_a_lake_is_whole_again_from_its_documents(
    filled: LakeFolder, chatlake: Chatlake, lost: tuple[str, ...]
) -> None:
    rows = filled.rows()
    lose(filled, *lost)
    file = filled.write("more.json", page("c9", message()))
    commands: list[tuple[str | Path, ...]] = [("import", file), ("verify",), ("status",)]
    if "catalog.db" in lost:
        commands.append(("query", "SELECT count(*) FROM messages"))
    for command in commands:
        assert_one_line(chatlake(*command), "has lost its c", "rebuild")

    assert chatlake("rebuild").code == 0

    assert filled.rows() == rows
    assert filled.differences() == []
    assert filled.take(*values()).outcome.published == set()
    # That a leg belongs to another chat is known again, too.
    assert filled.take(export("leg", message("m1"))).upserted.new == set()


def test_tables_whose_files_are_lost_are_made_again(filled: LakeFolder, chatlake: Chatlake) -> None:
    rows = filled.rows()
    lose(filled, "warehouse")
    for command in (("verify",), ("status",), ("query", "SELECT 1 FROM messages")):
        assert_one_line(chatlake(*command), "has lost its warehouse", "rebuild")
    assert chatlake("rebuild").code == 0
    assert filled.rows() == rows


def test_a_lake_whose_tables_are_not_made_again_yet_says_so(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    """As between two steps of a rebuild that was cut off."""
    rows = filled.rows()
    catalog = SqlCatalog("lake", uri=f"sqlite:///{filled.path / CATALOG}")
    catalog.drop_table((schema.NAMESPACE, "messages"))
    catalog.close()
    for command in (("query", "SELECT 1"), ("report", "--output", str(filled.path / "r.html"))):
        assert_one_line(chatlake(*command), "has lost its tables", "rebuild")
    assert chatlake("rebuild").code == 0
    assert filled.rows() == rows


def test_there_is_nothing_to_rebuild_where_no_lake_is(lake: LakeFolder, chatlake: Chatlake) -> None:
    assert_one_line(chatlake("rebuild"), "there is no lake at")
    assert not lake.path.exists()


def moved_away(lake: LakeFolder) -> LakeFolder:
    there = replace(lake, path=lake.path.parent / "else where" / "lake")
    there.path.parent.mkdir()
    lake.path.rename(there.path)
    return there


def moved_up(lake: LakeFolder) -> LakeFolder:
    """From home/lake to home itself, so that the old place would be inside the new one."""
    home = lake.path.parent / "home"
    home.mkdir()
    first = LakeFolder(home / "lake", lake.inbox)
    first.take(*values())
    for path in first.path.iterdir():
        path.rename(home / path.name)
    first.path.rmdir()
    return LakeFolder(home, lake.inbox)


@pytest.mark.parametrize("move", [moved_away, moved_up])
def test_a_moved_lake_says_that_it_must_be_rebuilt_and_then_works(
    filled: LakeFolder, chatlake: Chatlake, move: Callable[[LakeFolder], LakeFolder]
) -> None:
    rows = filled.rows()
    file = filled.write("more.json", page("c9", message()))
    there = move(filled)
    here = ("--lake", there.path)
    for command in (
        ("query", "SELECT 1", *here),
        ("verify", *here),
        ("status", *here),
        ("import", file, *here),
        ("erase", "c1", *here),
    ):
        assert_one_line(
            chatlake(*command), "was made elsewhere", f"chatlake --lake {there.path} rebuild"
        )

    assert chatlake("rebuild", *here).code == 0

    assert there.rows() == rows
    assert chatlake("import", file, *here).code == 0
    assert there.differences() == []


def test_a_copied_lake_leaves_the_first_one_alone(filled: LakeFolder) -> None:
    rows = filled.rows()
    copy = replace(filled, path=filled.path.parent / "copy")
    shutil.copytree(filled.path, copy.path)
    copy.rebuild()
    copy.erase("c1", purge=True)
    assert filled.rows() == rows
    assert filled.differences() == []
    assert copy.differences() == []


@pytest.mark.parametrize("made_as", ["link", "../inbox/../lake", "lake"])
def test_a_lake_is_the_same_by_whatever_way_it_is_named(
    lake: LakeFolder, chatlake: Chatlake, monkeypatch: pytest.MonkeyPatch, made_as: str
) -> None:
    lake.path.mkdir()
    (lake.path.parent / "link").symlink_to(lake.path)
    file = lake.write("chat.json", detailed_chat())
    monkeypatch.chdir(lake.inbox)
    for name in (Path("..", made_as), "../link", "../inbox/../lake", lake.path):
        assert chatlake("import", file, "--lake", name).code == 0
        assert chatlake("query", "SELECT 1", "--lake", name).code == 0
    assert lake.differences() == []


ODD_FOLDERS = ("sp ace", "per%20cent", "qu'est?ion", "ha#sh [a]*")


@pytest.mark.parametrize("name", ODD_FOLDERS)
def test_a_lake_may_have_any_name(lake: LakeFolder, chatlake: Chatlake, name: str) -> None:
    odd = replace(lake, path=lake.path.parent / name)
    odd.take(detailed_chat())
    odd.take(page("c1", message("m9")))
    ran = chatlake(
        "query", "--lake", odd.path, "--format", "csv", "SELECT count(*) n FROM messages"
    )
    assert (ran.code, ran.out) == (0, "n\n4\n")
    assert odd.differences() == []
    assert {path.name for path in lake.path.parent.iterdir()} == {name, "inbox"}


def raising(after: int, work: Callable[..., Any]) -> Callable[..., Any]:
    """The same work, but Ctrl-C comes when it is asked for once more than so many times."""
    calls = 0

    def interrupted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KeyboardInterrupt
        return work(*arguments, **options)

    return interrupted


def interrupted_iteration() -> Callable[[FolderStore], Iterator[Any]]:
    """The same documents, but Ctrl-C comes after the third."""
    all_of_them = FolderStore.__iter__

    def three(store: FolderStore) -> Iterator[Any]:
        yield from islice(all_of_them(store), 3)
        raise KeyboardInterrupt

    return three


def interruptions() -> dict[str, tuple[Any, str, Callable[..., Any]]]:
    return {
        "reading documents": (FolderStore, "__iter__", interrupted_iteration()),
        "before the tables": (Lake, "reset_tables", raising(0, Lake.reset_tables)),
        "between the tables": (SqlCatalog, "create_table", raising(2, SqlCatalog.create_table)),
        "before publishing": (publish_waiting, "publish", raising(0, publish)),
        "in the midst of publishing": (publish_waiting, "publish", raising(1, publish)),
        "between two tables of a batch": (Lake, "replace", raising(6, Lake.replace)),
        "purging": (rebuilding, "purge", raising(0, purge)),
    }


@pytest.mark.parametrize("point", interruptions())
@pytest.mark.parametrize("then", ["import", "rebuild"])
def test_a_rebuild_that_was_cut_off_is_made_good(
    lake: LakeFolder, monkeypatch: pytest.MonkeyPatch, point: str, then: str
) -> None:
    by_twos = BatchLimits(publish_chats=2)
    few = [detailed_chat(), *(page(f"c{number}", message()) for number in (2, 3, 4))]
    waits, new = page("waits", message()), page("new", message())
    lake.take(*few)
    lake.upsert(waits)
    with monkeypatch.context() as patched:
        owner, name, interrupted = interruptions()[point]
        patched.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            lake.rebuild(by_twos)

    if then == "rebuild":
        assert lake.rebuild(by_twos) == {}
    lake.take(new, limits=by_twos)

    assert comparable(lake.rows()) == expected_rows(*few, waits, new)
    assert lake.differences() == []


def test_a_rebuild_names_damaged_documents_and_makes_all_other_rows(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    rows = filled.rows()
    document(filled, "c1").write_bytes(b"damaged")
    ran = chatlake("rebuild")
    assert ran.code == 1
    assert "Failed: the document of chat c1 is damaged" in ran.err
    assert filled.rows() == {
        name: [row for row in table if row["initial_contact_id"] != "c1"]
        for name, table in rows.items()
    }


@pytest.mark.parametrize(
    "members",
    [
        {"items": []},
        {"items": {"m1": []}},
        {"items": {"m1": {}}},
        {"items": {"m1": {"versions": []}}},
        {"items": {"m1": {"versions": [[]]}}},
        {"items": {"m1": {"versions": [{"item": []}]}}},
        {"events": {"c1": []}},
        {"events": {"c1": {"INITIATED": []}}},
        {"exports": {"c1": 1}},
        {"participant": {}},
        {"participant": "read"},
        {"instance_id": 7},
        {"unknown": {}},
    ],
)
def test_a_document_of_a_wrong_shape_fails_alone(
    filled: LakeFolder, chatlake: Chatlake, members: dict[str, object]
) -> None:
    rows = filled.rows()
    wrong = {"format": 1, "initial_contact_id": "c1", **members}
    document(filled, "c1").write_text(json.dumps(wrong))
    ran = chatlake("rebuild")
    assert ran.code == 1
    assert ran.err.count("Failed:") == 1
    assert "Failed: the document of chat c1 is damaged" in ran.err
    assert filled.rows() == {
        name: [row for row in table if row["initial_contact_id"] != "c1"]
        for name, table in rows.items()
    }


def test_a_document_that_was_merged_but_not_yet_removed_is_not_published_beside_its_chat(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    leg = export("leg", message("m1", AbsoluteTime="2026-09-02T00:00:00Z"))
    lake.take(leg)
    misplaced = document(lake, "leg")
    as_it_was = misplaced.read_bytes()
    lake.take(page("whole", message("m1", ContactId="leg")))
    rows = lake.rows()
    # As an import leaves it that is killed between the two.
    misplaced.write_bytes(as_it_was)
    assert chatlake("rebuild").code == 0
    assert lake.rows() == rows
    assert [path.stem for path in lake.documents()] == ["whole"]
    assert lake.differences() == []


# --- verify


def document(lake: LakeFolder, chat: str) -> Path:
    [path] = [path for path in lake.documents() if path.stem == chat]
    return path


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def verified(chatlake: Chatlake) -> tuple[int, list[str]]:
    ran = chatlake("verify")
    assert CANARY not in ran.out + ran.err
    lines = ran.out.splitlines()
    plural = "" if len(lines) == 1 else "s"
    told = f"{len(lines)} difference{plural}" if lines else "Every row is as its document says."
    assert ran.err.splitlines()[-1] == told
    return ran.code, lines


def test_verify_finds_nothing_where_all_is_well(filled: LakeFolder, chatlake: Chatlake) -> None:
    assert verified(chatlake) == (0, [])


def test_verify_finds_nothing_in_an_empty_lake(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take()
    assert verified(chatlake) == (0, [])


def test_verify_names_the_columns_in_which_a_changed_document_differs(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    rewrite(document(filled, "c1"), f"{CANARY} says hello", f"{CANARY} says good bye")
    rewrite(document(filled, "c1"), "10:00:09Z", "10:00:08Z")
    assert verified(chatlake) == (
        1,
        [
            "chat c1, messages: row m1 differs in content",
            "chat c1, receipts: row m1/agent differs in read_at, read_latency_ms",
            "chat c1, read_latency: row m1/agent differs in message_length, read_at, read_by_at, "
            "read_latency_ms, read_by_latency_ms",
            "chat c1, contacts: row c1 differs in document_revision",
        ],
    )


def test_verify_tells_rows_of_one_key_apart(filled: LakeFolder, chatlake: Chatlake) -> None:
    rewrite(document(filled, "c1"), f"{CANARY}-2", f"{CANARY}-3")
    assert verified(chatlake) == (
        1,
        [
            "chat c1, attachments: row m2/None differs in attachment_name",
            "chat c1, contacts: row c1 differs in document_revision",
        ],
    )


def change_table(lake: LakeFolder, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Return a table other rows, behind the back of the lake."""
    with EmbeddedArchive(lake.path) as archive:
        table = archive.lake.load(next(table for table in schema.TABLES if table.name == name))
        rows = table.scan().to_arrow()
        changed = change(rows).cast(rows.schema)
        table.overwrite(changed)


def rows_of_chat(rows: pa.Table, chat: str) -> list[bool]:
    return [found == chat for found in rows.column("initial_contact_id").to_pylist()]


def test_verify_finds_a_missing_row(filled: LakeFolder, chatlake: Chatlake) -> None:
    def without_m3(rows: pa.Table) -> pa.Table:
        keep = [item_id != "m3" for item_id in rows.column("item_id").to_pylist()]
        return rows.filter(pa.array(keep))

    change_table(filled, "messages", without_m3)
    assert verified(chatlake) == (1, ["messages: others have removed 1 row"])


def test_verify_finds_a_doubled_row(filled: LakeFolder, chatlake: Chatlake) -> None:
    def with_c1_twice(rows: pa.Table) -> pa.Table:
        return pa.concat_tables([rows, rows.filter(pa.array(rows_of_chat(rows, "c1")))])

    change_table(filled, "contacts", with_c1_twice)
    assert verified(chatlake) == (1, ["contacts: others have added 1 row"])


def test_verify_finds_a_row_in_place_of_another(filled: LakeFolder, chatlake: Chatlake) -> None:
    def renamed(rows: pa.Table) -> pa.Table:
        ids = ["m4" if item_id == "m3" else item_id for item_id in rows["item_id"].to_pylist()]
        position = rows.schema.get_field_index("item_id")
        return rows.set_column(position, rows.schema.field("item_id"), pa.array(ids))

    change_table(filled, "messages", renamed)
    assert verified(chatlake) == (
        1,
        [
            "messages: others have removed 1 row",
            "messages: others have added 1 row",
        ],
    )


def test_verify_finds_a_chat_without_a_document(filled: LakeFolder, chatlake: Chatlake) -> None:
    document(filled, "whole").unlink()
    assert verified(chatlake) == (
        1,
        [
            "chat whole, messages: row m1 is there 1 times, not 0",
            "chat whole, contacts: row leg is there 1 times, not 0",
            "chat whole, contacts: row whole is there 1 times, not 0",
        ],
    )


def test_verify_names_a_damaged_document_and_goes_on(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    document(filled, "c1").write_bytes(CANARY.encode())
    rewrite(document(filled, "whole"), f"{CANARY} says hello", "changed")
    code, lines = verified(chatlake)
    assert code == 1
    assert lines[0].startswith("chat c1: the document of chat c1 is damaged")
    assert lines[1:] == [
        "chat whole, messages: row m1 differs in content",
        "chat whole, contacts: row leg differs in document_revision",
        "chat whole, contacts: row whole differs in document_revision",
    ]


def test_verify_says_of_a_chat_that_waits_that_it_waits(
    filled: LakeFolder, chatlake: Chatlake, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.upsert(page("c1", message("m9")), page("c8", message()))
    assert verified(chatlake) == (
        1,
        [
            "chat c1: it waits to be published, by the next import or rebuild",
            "chat c8: it waits to be published, by the next import or rebuild",
        ],
    )
    filled.take()
    assert verified(chatlake) == (0, [])


def test_verify_goes_into_detail_for_the_first_chats_only(lake: LakeFolder) -> None:
    lake.take(*(page(f"c{number}", message()) for number in range(3)))
    for path in lake.documents():
        rewrite(path, "text/plain", "text/other")
    assert lake.differences(chats_in_detail=1) == sorted(
        [
            "chat c0, messages: row m1 differs in content_type",
            "chat c0, contacts: row c0 differs in document_revision",
            "chat c1: its rows differ in messages, contacts",
            "chat c2: its rows differ in messages, contacts",
        ]
    )


def test_when_rows_were_written_is_no_difference(filled: LakeFolder, chatlake: Chatlake) -> None:
    def as_of_2020(rows: pa.Table) -> pa.Table:
        position = rows.schema.get_field_index("published_at")
        then = [datetime(2020, 1, 1, tzinfo=UTC)] * rows.num_rows
        field = rows.schema.field("published_at")
        return rows.set_column(position, field, pa.array(then, field.type))

    change_table(filled, "contacts", as_of_2020)
    assert verified(chatlake) == (0, [])


def test_a_document_is_plain_json_with_the_items_as_they_came(filled: LakeFolder) -> None:
    stored = json.loads(document(filled, "c1").read_bytes())
    assert [version["item"]["Content"] for version in stored["items"]["m3"]["versions"]] == [
        f"{CANARY} says hello"
    ]
