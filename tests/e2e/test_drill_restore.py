"""Documents, tables of DynamoDB and rows are lost and restored, by the commands of the page."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from local.scripted.chat import Chat
from local.world import World
from tests.e2e.pipeline.drills import Operator, a_world, blocks, cast
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.running import archive, export, finish_attempt, state
from tests.e2e.pipeline.tables import TABLES, Rows, comparable, of_chats, read_rows
from tests.lake_folder import Ran

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]

UNKNOWN = "00000000-0000-4000-8000-00000000f00d"
"""Somebody asks to erase it, and no chat has it yet."""

VERIFY = "chatlake --stack chatlake verify --all"


@dataclass
class Restored:
    """What was there, and what `verify` said, in the course of it.

    Attributes
    ----------
    chats
        Those that are kept; the last one is younger than the backup.
    erased
        One that was archived before the backup, one that came after it; both were erased after it.
    rows
        Before anything was lost.
    rows_restored, verified
        By what was restored: documents, state, tables.
    """

    chats: list[Chat]
    erased: list[Chat]
    rows: Rows
    found: Ran
    rows_restored: dict[str, Rows]
    verified: dict[str, Ran]
    tombstones: tuple[set[str], set[str]]
    unprotected: list[str]
    leg_found: Ran


def tombstones(world: World) -> set[str]:
    return {key for key in state(world) if key.startswith("tombstone#")}


def tombstone(contact_id: str) -> str:
    return f"tombstone#{sha256(contact_id.encode()).hexdigest()}"


def lose_documents(world: World, deleted: Chat, damaged: Chat) -> None:
    """Delete one, and write over another."""
    s3, bucket = world.client("s3"), world.stack.outputs["Documents"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="documents/")["Contents"]
    keys = {found["Key"].rpartition("/")[2].removesuffix(".json"): found["Key"] for found in listed}
    s3.delete_object(Bucket=bucket, Key=keys[deleted.initial_contact_id])
    s3.put_object(Bucket=bucket, Key=keys[damaged.initial_contact_id], Body=b"\0 lost")


def lose_files(world: World) -> None:
    """Delete the data files of messages."""
    s3, bucket = world.client("s3"), world.stack.outputs["Lake"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            if "/messages/" in found["Key"] and found["Key"].endswith(".parquet"):
                s3.delete_object(Bucket=bucket, Key=found["Key"])


def run(folder: Path) -> Restored:
    """Let it all happen."""
    chats = cast(5)
    deleted, damaged, erased_old, younger, erased_young = chats
    kept, erased = [deleted, damaged, younger], [erased_old, erased_young]
    ids = [chat.initial_contact_id for chat in kept]
    rows_restored: dict[str, Rows] = {}
    verified: dict[str, Ran] = {}
    with a_world(folder, chats) as world:
        operator, dynamodb = Operator(world, folder / "operator"), world.client("dynamodb")
        table, schedule = (world.stack.outputs[f"{name}Table"] for name in ("Chats", "Schedule"))

        def look(what: str) -> None:
            finish_attempt(world, ids)
            rows_restored[what] = read_rows(world.cloud, world.stack)
            verified[what] = operator.run(VERIFY)

        archive(world, deleted, damaged, erased_old)
        since = world.clock.now().isoformat()[:16]
        backup = dynamodb.create_backup(TableName=table, BackupName="before")["BackupDetails"]
        archive(world, younger, erased_young)
        asked = [*(chat.initial_contact_id for chat in erased), UNKNOWN]
        ran = operator.run(f"chatlake --stack chatlake erase {' '.join(asked)}")
        assert ran.code == 1, ran.err
        rows, tombstones_before = read_rows(world.cloud, world.stack), tombstones(world)

        lose_documents(world, deleted, damaged)
        found = operator.run(VERIFY)
        operator.does(blocks("operations.md", "Restoring documents")[0])
        look("documents")

        leave, restore, erase, republish = blocks("operations.md", "Restoring the table of chats")
        operator.does(leave)
        operator.does(restore, BACKUP_ARN=backup["BackupArn"])
        operator.does(erase.replace("2026-11-20T12:00", since))
        tombstones_after = tombstones(world)
        operator.does(republish)
        look("chats")
        leg_found = operator.run(
            f"chatlake --stack chatlake document {younger.legs[-1].contact_id}"
        )

        operator.does(
            f"aws dynamodb update-table --table-name {schedule} --no-deletion-protection-enabled"
        )
        operator.does(f"aws dynamodb delete-table --table-name {schedule}")
        operator.does(blocks("operations.md", "Restoring the schedule")[0])
        # Nothing that comes again brings them back, nor doubles the others.
        for chat in chats:
            export(world, chat)
        look("schedule")

        lose_files(world)
        operator.does(blocks("operations.md", "Making the tables anew")[0])
        look("tables")
        unprotected = [
            name
            for name in (table, schedule)
            if not dynamodb.describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"]
        ]
    return Restored(
        chats=kept,
        erased=erased,
        rows=rows,
        found=found,
        rows_restored=rows_restored,
        verified=verified,
        tombstones=(tombstones_before, tombstones_after),
        unprotected=unprotected,
        leg_found=leg_found,
    )


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return once(tmp_path_factory, "restored", run)


def test_lost_documents_are_named(restored: Restored) -> None:
    deleted, damaged, _ = (chat.initial_contact_id for chat in restored.chats)
    assert restored.found.code == 1
    assert f"chat {deleted}: its document is gone" in restored.found.out
    assert f"chat {damaged}: the document of chat {damaged} is damaged" in restored.found.out
    assert len(restored.found.out.splitlines()) == 2


@pytest.mark.parametrize("what", ["documents", "chats", "schedule", "tables"])
def test_after_it_verify_finds_nothing(restored: Restored, what: str) -> None:
    ran = restored.verified[what]
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert f"{len(restored.chats)} chats compared" in ran.err


@pytest.mark.parametrize("what", ["documents", "chats", "schedule", "tables"])
@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_there_once(restored: Restored, what: str, table: str) -> None:
    assert comparable(restored.rows_restored[what])[table] == comparable(restored.rows)[table]


def test_there_were_rows_of_each_chat(restored: Restored) -> None:
    for chat in restored.chats:
        assert of_chats(restored.rows, chat.initial_contact_id)["messages"]


def test_who_was_erased_after_the_backup_stays_erased(restored: Restored) -> None:
    before, after = restored.tombstones
    assert before
    # The legs of the younger one are known to its tombstones alone.
    assert len(after) >= len(restored.erased)
    # It may come yet.
    assert tombstone(UNKNOWN) not in before | after
    assert {tombstone(chat.initial_contact_id) for chat in restored.erased} <= after
    for rows in restored.rows_restored.values():
        assert not of_chats(rows, *(chat.initial_contact_id for chat in restored.erased))[
            "messages"
        ]


def test_legs_of_chats_after_the_backup_are_known_again(restored: Restored) -> None:
    assert restored.leg_found.code == 0, restored.leg_found.err


def test_tables_are_protected_as_before(restored: Restored) -> None:
    assert restored.unprotected == []
