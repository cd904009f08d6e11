"""A stack goes back to the version before where that can be, and is refused where it cannot."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatlake.documents.formats import FORMAT
from chatlake.documents.revision import ROW_FORMAT
from local.cloud import DeploymentFailed
from local.scripted.chat import Chat
from local.world import World
from tests.e2e.pipeline.deployable import LAYERS, layer
from tests.e2e.pipeline.drills import Operator, a_world, cast
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.running import archive, finish_attempt
from tests.e2e.pipeline.tables import TABLES, Rows, comparable, of_chats, read_rows
from tests.lake_folder import Ran
from tests.oracle import Row

pytestmark = [pytest.mark.timeout(300), pytest.mark.world]

NEW_COLUMN = "queue_arn"
"""Of contacts; the version before lacks it."""

_LATER = {
    "documents/formats.py": (
        f"FORMAT = {FORMAT + 1}\n"
        f"UPGRADERS[{FORMAT}] = lambda members: members\n"
        'upgraded.__kwdefaults__["newest"] = FORMAT\n'
    )
}
_BEFORE = {
    "documents/revision.py": f"ROW_FORMAT = {ROW_FORMAT - 1}\n",
    "tables/schema/contacts.py": (
        "from dataclasses import replace\n"
        "CONTACTS = replace(CONTACTS, columns=tuple(\n"
        f"    column for column in CONTACTS.columns if column.name != {NEW_COLUMN!r}\n"
        "))\n"
    ),
}


@dataclass
class GoneBack:
    """What was there with each version.

    Attributes
    ----------
    rows
        With a chat more each time: of today's version, of the one before, of today's again, and of
        a later one, which knows documents of a newer format. Then after the refusal.
    verified
        By today's version, deployed again.
    documents
        By key, before today's version was refused and after that.
    """

    chats: list[Chat]
    rows: list[Rows]
    verified: Ran
    refusal: str
    documents: tuple[dict[str, str], dict[str, str]]


def other_layer(folder: Path, changes: dict[str, str]) -> Path:
    """Make the layer of chatlake as it is in another version."""
    other = shutil.copytree(layer("ChatlakeLayer"), folder)
    for name, lines in changes.items():
        with (other / "python" / "chatlake" / name).open("a") as module:
            module.write(f"\n{lines}")
    return other


def deploy(world: World, project: Path, version: Path) -> None:
    place = project / "layers" / LAYERS["ChatlakeLayer"]
    place.unlink()
    place.symlink_to(version)
    world.deploy()


def documents(world: World) -> dict[str, str]:
    """The tags of all documents."""
    bucket = world.stack.outputs["Documents"]
    found = world.client("s3").list_objects_v2(Bucket=bucket, Prefix="documents/")["Contents"]
    return {one["Key"]: one["ETag"] for one in found}


def run(folder: Path) -> GoneBack:
    """Let it all happen."""
    chats = cast(4)
    today = layer("ChatlakeLayer")
    before, later = (
        other_layer(folder / name, of) for name, of in (("before", _BEFORE), ("later", _LATER))
    )
    rows: list[Rows] = []
    project = folder / "project"
    with a_world(folder, chats) as world:

        def archive_one() -> None:
            archive(world, chats[len(rows)])
            finish_attempt(world, [chat.initial_contact_id for chat in chats[: len(rows)]])
            rows.append(read_rows(world.cloud, world.stack))

        archive_one()
        deploy(world, project, before)
        archive_one()
        deploy(world, project, today)
        archive_one()
        operator = Operator(world, folder / "operator")
        verified = operator.run("chatlake --stack chatlake verify --all")

        deploy(world, project, later)
        archive_one()
        stored = documents(world)
        with pytest.raises(DeploymentFailed) as refused:
            deploy(world, project, today)
        refused_at = documents(world)
        # CloudFormation does this by itself: an update that fails is rolled back.
        deploy(world, project, later)
        rows.append(read_rows(world.cloud, world.stack))
    return GoneBack(
        chats=chats,
        rows=rows,
        verified=verified,
        refusal=str(refused.value),
        documents=(stored, refused_at),
    )


@pytest.fixture(scope="module")
def gone_back(tmp_path_factory: pytest.TempPathFactory) -> GoneBack:
    return once(tmp_path_factory, "gone_back", run)


def contacts(gone_back: GoneBack, rows: int, chat: int) -> list[Row]:
    return of_chats(gone_back.rows[rows], gone_back.chats[chat].initial_contact_id)["contacts"]


def test_the_version_before_writes_its_own_rows_beside_newer_ones(gone_back: GoneBack) -> None:
    assert {row["row_format"] for row in contacts(gone_back, 0, 0)} == {ROW_FORMAT}
    assert {row["row_format"] for row in contacts(gone_back, 1, 1)} == {ROW_FORMAT - 1}
    assert all(row[NEW_COLUMN] for row in contacts(gone_back, 0, 0))
    assert {row[NEW_COLUMN] for row in contacts(gone_back, 1, 1)} == {None}


@pytest.mark.parametrize("table", TABLES)
def test_going_back_leaves_the_rows_of_the_newer_version(gone_back: GoneBack, table: str) -> None:
    first = gone_back.chats[0].initial_contact_id
    newer, older, *_ = (comparable(of_chats(rows, first))[table] for rows in gone_back.rows)
    assert older == newer


def test_the_newer_version_makes_rows_of_the_one_before_anew(gone_back: GoneBack) -> None:
    assert {row["row_format"] for row in contacts(gone_back, 2, 1)} == {ROW_FORMAT}
    assert all(row[NEW_COLUMN] for row in contacts(gone_back, 2, 1))
    assert (gone_back.verified.code, gone_back.verified.out) == (0, ""), gone_back.verified.err
    assert "3 chats compared" in gone_back.verified.err


def test_no_version_goes_back_to_before_the_format_of_documents(gone_back: GoneBack) -> None:
    assert (
        f"table messages: its rows were made of documents of format {FORMAT + 1}, and this version "
        f"of chatlake knows formats up to {FORMAT}"
    ) in gone_back.refusal
    assert "deploy again the newer version that wrote it" in gone_back.refusal
    before, after = gone_back.documents
    assert before == after


def test_nothing_is_lost_by_the_refusal(gone_back: GoneBack) -> None:
    *_, before, after = gone_back.rows
    assert comparable(after) == comparable(before)
    for number, chat in enumerate(gone_back.chats):
        assert len(contacts(gone_back, -1, number)) == len(chat.legs)
