"""An erased chat is gone from everywhere, for good, and the others keep what they had."""

from __future__ import annotations

import io
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from chatlake.embedded.archive import EmbeddedArchive
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
    from collections.abc import Iterator

    from tests.lake_folder import Chatlake, Rows
    from tests.oracle import Object

FIRST_LEG = "e0000000-1111-4222-8333-444444444444"
SECOND_LEG = "e9999999-1111-4222-8333-555555555555"
SECRETS = (
    FIRST_LEG,
    SECOND_LEG,
    f"{CANARY}-content",
    f"{CANARY}-name",
    f"{CANARY}-file",
    "item-of-the-erased-1",
    "item-of-the-erased-2",
    "person-of-the-erased",
)


def victim() -> list[Object]:
    """A chat of two legs with all kinds of rows, on the days of the others."""
    receipt = {"RecipientParticipantId": "agent", "ReadTimestamp": "2026-09-01T10:00:09Z"}
    members = {
        "Content": f"{CANARY}-content",
        "DisplayName": f"{CANARY}-name",
        "ParticipantId": "person-of-the-erased",
    }
    items = [
        message(
            "item-of-the-erased-1",
            ContactId=FIRST_LEG,
            MessageMetadata={"Receipts": [receipt]},
            **members,
        ),
        message(
            "item-of-the-erased-2",
            ContactId=SECOND_LEG,
            AbsoluteTime="2026-09-02T10:00:00Z",
            Attachments=[{"AttachmentId": "f", "AttachmentName": f"{CANARY}-file"}],
            Unknown=f"{CANARY}-content",
            **members,
        ),
    ]
    return [page(FIRST_LEG, *items), export(SECOND_LEG, items[1], chat=FIRST_LEG)]


def others() -> list[Object]:
    chats = scripts(seed=4, count=12, start=datetime(2026, 9, 1, tzinfo=UTC), days=2)
    return [value for chat in chats for value in (*chat.pages(), *chat.exports())]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedLake:
    return SavedLake(tmp_path_factory.mktemp("saved"), *others(), *victim())


@pytest.fixture
def lake(saved: SavedLake) -> LakeFolder:
    return saved.empty()


@pytest.fixture
def filled(lake: LakeFolder, saved: SavedLake) -> LakeFolder:
    return saved.filled()


def without_victim(rows: Rows) -> Rows:
    return {
        name: [row for row in table if row["initial_contact_id"] != FIRST_LEG]
        for name, table in rows.items()
    }


# --- every byte of a folder


def avro_blocks(data: bytes) -> Iterator[bytes]:
    """The blocks of an Avro container file, decompressed."""
    stream = io.BytesIO(data)

    def number() -> int:
        value = shift = 0
        while True:
            byte = stream.read(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def text() -> bytes:
        return stream.read(number())

    assert stream.read(4) == b"Obj\x01"
    header: dict[bytes, bytes] = {}
    while count := number():
        assert count > 0
        header |= {text(): text() for _ in range(count)}
    sync = stream.read(16)
    assert header[b"avro.codec"] in {b"deflate", b"null"}
    while stream.tell() < len(data):
        number()
        block = text()
        yield zlib.decompress(block, -15) if header[b"avro.codec"] == b"deflate" else block
        assert stream.read(16) == sync


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file as they are, and what is compressed in it."""
    data = path.read_bytes()
    yield data
    if path.suffix == ".parquet":
        for column in pq.ParquetFile(path).read().itercolumns():
            yield repr(column.to_pylist()).encode()
    elif path.suffix == ".avro":
        yield from avro_blocks(data)
    else:
        assert path.suffix in {".json", ".db", ".db-wal", ".db-shm", ".lock", ".tmp", ""}, path


def places_of(secrets: tuple[str, ...], folder: Path) -> dict[str, set[str]]:
    """In which files something is found, or the first 16 characters of it: bounds are cut so."""
    found: dict[str, set[str]] = {secret: set() for secret in secrets}
    for path in folder.rglob("*"):
        texts = [str(path.relative_to(folder)).encode()]
        texts.extend(contents(path) if path.is_file() else ())
        for secret in secrets:
            if any(secret[:16].encode() in text for text in texts):
                top, *below = path.relative_to(folder).parts
                found[secret].add(f"{top}/*{path.suffix}" if below else top)
    return found


def reachable(lake: LakeFolder) -> set[str]:
    """The files that any snapshot of the tables names."""
    files: set[str] = set()
    for table in lake.tables().values():
        files.add(table.metadata_location)
        for snapshot in table.snapshots():
            files.add(snapshot.manifest_list)
            for manifest in snapshot.manifests(table.io):
                files.add(manifest.manifest_path)
                files |= {
                    entry.data_file.file_path
                    for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
                }
    return files


def warehouse_files(lake: LakeFolder) -> set[str]:
    return {str(path) for path in (lake.path / "warehouse").rglob("*") if path.is_file()}


# --- rows and documents


@pytest.mark.parametrize("contact", [FIRST_LEG, SECOND_LEG], ids=["first leg", "second leg"])
def test_a_chat_is_erased_by_any_of_its_contacts(filled: LakeFolder, contact: str) -> None:
    rows, documents = filled.rows(), filled.documents()
    assert all(len(without_victim(rows)[name]) < len(rows[name]) for name in rows)

    erasure = filled.erase(contact)

    assert (erasure.erased, erasure.already_erased, erasure.unknown) == ({FIRST_LEG}, set(), set())
    assert filled.rows() == without_victim(rows)
    assert len(filled.documents()) == len(documents) - 1
    assert filled.differences() == []


def test_no_file_of_the_newest_snapshot_holds_an_erased_chat(filled: LakeFolder) -> None:
    filled.erase(FIRST_LEG)
    for table in filled.tables().values():
        for task in table.scan().plan_files():
            assert task.delete_files == set()
            held = b"".join(contents(Path(task.file.file_path)))
            assert [secret for secret in SECRETS if secret.encode() in held] == []


def test_the_only_chat_of_a_lake_can_be_erased(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take(*victim())
    assert chatlake("erase", SECOND_LEG).code == 0
    assert all(rows == [] for rows in lake.rows().values())
    assert lake.documents() == []
    ran = chatlake("query", "SELECT count(*) AS n FROM messages", "--format", "csv")
    assert (ran.out, ran.code) == ("n\n0\n", 0)
    assert chatlake("verify").code == 0


def test_an_unknown_contact_does_not_keep_the_known_ones_from_being_erased(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    rows = filled.rows()
    ran = chatlake("erase", "nobody-2", SECOND_LEG, "nobody-1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[:2] == [
        "1 chat erased.",
        "Not known in this lake: nobody-1, nobody-2",
    ]
    assert filled.rows() == without_victim(rows)


def test_erasing_twice_says_so_and_changes_nothing(filled: LakeFolder, chatlake: Chatlake) -> None:
    assert chatlake("erase", FIRST_LEG).code == 0
    rows = filled.rows()

    ran = chatlake("erase", SECOND_LEG, FIRST_LEG)

    assert ran.code == 0
    assert ran.err.splitlines() == [
        "0 chats erased.",
        f"Erased before: {FIRST_LEG}, {SECOND_LEG}",
    ]
    assert filled.rows() == rows


def test_several_chats_are_erased_at_once(filled: LakeFolder) -> None:
    rows = filled.rows()
    chats = sorted({row["initial_contact_id"] for row in rows["contacts"]})
    filled.erase(*chats[::2])
    assert {row["initial_contact_id"] for row in filled.rows()["contacts"]} == set(chats[1::2])
    kept = {
        name: [row for row in table if row["initial_contact_id"] in chats[1::2]]
        for name, table in rows.items()
    }
    assert filled.rows() == kept


def test_a_chat_that_waits_to_be_published_is_erased_before(filled: LakeFolder) -> None:
    filled.upsert(page("waiting", message(ContactId="waiting")))
    filled.erase("waiting")
    filled.take(*others())
    assert "waiting" not in {row["initial_contact_id"] for row in filled.rows()["contacts"]}
    assert filled.differences() == []


def test_a_change_that_waits_does_not_keep_rows_of_an_erased_chat(filled: LakeFolder) -> None:
    rows = filled.rows()
    filled.upsert(page(FIRST_LEG, message("m9", AbsoluteTime="2026-09-05T00:00:00Z")))
    filled.erase(FIRST_LEG)
    filled.take(*others())
    assert filled.rows() == without_victim(rows)


def test_a_chat_with_a_damaged_document_can_be_erased(filled: LakeFolder) -> None:
    rows = filled.rows()
    [document] = [path for path in filled.documents() if path.stem == FIRST_LEG]
    document.write_bytes(b"damaged")
    filled.erase(FIRST_LEG)
    assert filled.rows() == without_victim(rows)
    assert filled.differences() == []


# --- it stays erased


COMING_BACK = {
    "the same pages and exports": victim(),
    "an export of a leg that names no chat": [
        export(SECOND_LEG, message("item-of-the-erased-2", Content=f"{CANARY}-content"))
    ],
    "pages that name no chat": [page(None, message(ContactId=SECOND_LEG))],
    "pages that name a leg as their chat": [page(SECOND_LEG, message())],
}


@pytest.mark.parametrize("values", COMING_BACK.values(), ids=COMING_BACK.keys())
def test_an_erased_chat_does_not_come_back(
    filled: LakeFolder, chatlake: Chatlake, values: list[Object]
) -> None:
    filled.erase(FIRST_LEG)
    rows, snapshots = filled.rows(), filled.snapshots()

    ran = chatlake("import", filled.write("again.jsonl", *values))

    assert ran.code == 0
    said = "chats 0 new, 0 changed, 0 unchanged, 1 erased before and left out."
    assert said in ran.err
    assert (filled.rows(), filled.snapshots()) == (rows, snapshots)
    assert FIRST_LEG not in {path.stem for path in filled.documents()}
    assert chatlake("erase", FIRST_LEG).err == f"0 chats erased.\nErased before: {FIRST_LEG}\n"


def test_a_leg_that_gets_known_only_after_the_erasure_is_erased_too(lake: LakeFolder) -> None:
    late = "late-leg"
    own = export(late, message("m3"))
    lake.take(*victim(), page("other", message()))
    lake.erase(FIRST_LEG)
    lake.take(own)
    assert {row["initial_contact_id"] for row in lake.rows()["messages"]} == {"other", late}

    lake.take(page(FIRST_LEG, message("m3", ContactId=late)))

    assert comparable(lake.rows()) == expected_rows(page("other", message()))
    assert lake.take(own).upserted.erased == {late}
    assert comparable(lake.rows()) == expected_rows(page("other", message()))
    assert lake.differences() == []


@pytest.mark.parametrize("published", [False, True])
def test_a_chat_is_erased_once_a_leg_of_it_turns_out_to_have_been(
    lake: LakeFolder, published: bool
) -> None:
    leg = "a-leg-of-nobody-known"
    lake.take(export(leg, message("m3")), page("other", message()))
    if published:
        lake.take(*victim())
    lake.erase(leg)

    taken = lake.take(*victim(), page(FIRST_LEG, message("m3", ContactId=leg)))

    assert taken.upserted.erased == {FIRST_LEG}
    assert comparable(lake.rows()) == expected_rows(page("other", message()))
    assert {path.stem for path in lake.documents()} == {"other"}
    assert lake.take(*victim()).upserted.erased == {FIRST_LEG}
    assert lake.differences() == []


def test_a_rebuild_does_not_bring_an_erased_chat_back(filled: LakeFolder) -> None:
    [document] = [path for path in filled.documents() if path.stem == FIRST_LEG]
    backup = document.read_bytes()
    filled.erase(FIRST_LEG)
    rows = filled.rows()
    document.write_bytes(backup)
    assert any("erased" in difference for difference in filled.differences())

    assert filled.rebuild() == {}

    assert filled.rows() == rows
    assert not document.exists()
    assert filled.differences() == []


# --- no byte is left


def test_after_a_purge_no_byte_of_an_erased_chat_is_in_the_folder(
    filled: LakeFolder, chatlake: Chatlake
) -> None:
    rows = filled.rows()
    filled.take(page(FIRST_LEG, message("m9", ContactId=SECOND_LEG)))
    before = places_of(SECRETS, filled.path)
    assert all(places for places in before.values())
    assert before[FIRST_LEG] >= {"chats.db", "documents/*.json", "warehouse/*.avro"}

    ran = chatlake("erase", "--purge", SECOND_LEG)

    assert ran.code == 0
    assert places_of(SECRETS, filled.path) == {secret: set() for secret in SECRETS}
    assert filled.rows() == without_victim(rows)
    assert filled.differences() == []


def test_a_purge_leaves_only_files_that_are_still_needed(filled: LakeFolder) -> None:
    orphan = filled.path / "warehouse" / "chatlake" / "messages" / "data" / "orphan.parquet"
    orphan.write_bytes(b"left by somebody who was killed")
    unfinished = filled.documents()[0].with_suffix(".1.tmp")
    unfinished.write_bytes(b"left by somebody who was killed")
    assert warehouse_files(filled) > reachable(filled)

    filled.erase(FIRST_LEG, purge=True)

    assert warehouse_files(filled) == reachable(filled)
    assert not unfinished.exists()
    assert all(len(table.snapshots()) == 1 for table in filled.tables().values())


def test_a_purge_may_come_later_than_the_erasure(filled: LakeFolder, chatlake: Chatlake) -> None:
    ran = chatlake("erase", FIRST_LEG)
    assert "erase with --purge deletes them" in ran.err
    left = set[str]().union(*places_of(SECRETS, filled.path).values())
    assert left == {"warehouse/*.avro", "warehouse/*.parquet"}
    assert chatlake("erase", "--purge", FIRST_LEG).code == 0
    assert places_of(SECRETS, filled.path) == {secret: set() for secret in SECRETS}


def test_no_byte_is_left_while_somebody_has_the_lake_open(filled: LakeFolder) -> None:
    with EmbeddedArchive(filled.path) as idle:
        assert idle.chats.legs.of_chat(FIRST_LEG) == {FIRST_LEG, SECOND_LEG}
        filled.erase(FIRST_LEG, purge=True)
        assert (filled.path / "chats.db-wal").exists()
        assert places_of(SECRETS, filled.path) == {secret: set() for secret in SECRETS}
        assert idle.chats.legs.of_chat(FIRST_LEG) == set()


def test_a_chat_that_comes_again_leaves_no_byte_either(filled: LakeFolder) -> None:
    filled.erase(FIRST_LEG, purge=True)
    filled.take(*victim())
    filled.erase(FIRST_LEG, purge=True)
    assert places_of(SECRETS, filled.path) == {secret: set() for secret in SECRETS}


@pytest.mark.parametrize("leg_first", [True, False])
def test_a_leg_that_was_taken_for_a_chat_leaves_no_byte_either(
    lake: LakeFolder, *, leg_first: bool
) -> None:
    whole, of_leg = victim()
    del of_leg["InitialContactId"]
    for value in [of_leg, whole] if leg_first else [whole, of_leg]:
        lake.take(value)
    lake.take(page("other", message("m1", Content="x", DisplayName="y")))
    lake.erase(SECOND_LEG, purge=True)
    assert places_of(SECRETS, lake.path) == {secret: set() for secret in SECRETS}
    assert len(lake.rows()["messages"]) == 1
    assert lake.differences() == []


def test_a_chat_that_was_published_many_times_leaves_no_byte_either(lake: LakeFolder) -> None:
    lake.take(*others())
    for number in range(6):
        item = message("item-of-the-erased-1", Content=f"{CANARY}-content {number}")
        lake.take(page(FIRST_LEG, item, message(f"m{number}", ContactId=SECOND_LEG)))
    lake.erase(FIRST_LEG, purge=True)
    assert places_of(SECRETS, lake.path) == {secret: set() for secret in SECRETS}
    assert comparable(lake.rows()) == expected_rows(*others())
