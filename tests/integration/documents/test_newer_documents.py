"""Documents that a newer version has written are told as that, kept, and cost nobody's rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chatlake.documents.formats import FORMAT
from chatlake.embedded.archive import EmbeddedArchive
from tests.lake_folder import LakeFolder, message, page

if TYPE_CHECKING:
    from tests.lake_folder import Chatlake

ADVICE = f"has format {FORMAT + 1}, and this version of chatlake knows formats up to {FORMAT}"


def made_newer(lake: LakeFolder, chat: str) -> bytes:
    """Write a chat's document as a newer version would."""
    [path] = [path for path in lake.documents() if path.stem == chat]
    value = json.loads(path.read_bytes())
    data = json.dumps({**value, "format": FORMAT + 1, "items": ["of another shape"]}).encode()
    path.write_bytes(data)
    return data


def two_chats(lake: LakeFolder) -> None:
    lake.take(page("c1", message("m1")), page("c2", message("m2")))


def test_an_import_leaves_it_as_it_is_and_says_what_to_do(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    two_chats(lake)
    before = made_newer(lake, "c1")
    ran = chatlake("import", lake.write("more.jsonl", page("c1", message("m3"))))
    assert ran.code == 1
    assert f"Failed: the document of chat c1 {ADVICE}: run the newer version" in ran.err
    assert "remove it" not in ran.err
    assert [path.read_bytes() for path in lake.documents() if path.stem == "c1"] == [before]
    assert {row["item_id"] for row in lake.rows()["messages"]} == {"m1", "m2"}


def test_verify_names_it(lake: LakeFolder) -> None:
    two_chats(lake)
    made_newer(lake, "c1")
    assert any(ADVICE in difference for difference in lake.differences())


def test_a_rebuild_refuses_and_every_row_stays(lake: LakeFolder, chatlake: Chatlake) -> None:
    two_chats(lake)
    rows = lake.rows()
    before = made_newer(lake, "c1")
    ran = chatlake("rebuild")
    assert ran.code == 1
    assert "the rows of 1 document would be lost, so the tables were left" in ran.err
    assert ADVICE in ran.err
    assert lake.rows() == rows
    assert [path.read_bytes() for path in lake.documents() if path.stem == "c1"] == [before]


def test_a_publisher_fails_for_it_alone_and_keeps_its_rows(lake: LakeFolder) -> None:
    two_chats(lake)
    made_newer(lake, "c1")
    with EmbeddedArchive(lake.path) as archive:
        archive.chats.publish_attempts.forget_published(["c1", "c2"])
        outcome = archive.publish(["c1", "c2"])
    assert outcome.failed.keys() == {"c1"}
    assert ADVICE in outcome.failed["c1"]
    assert outcome.published == {"c2"}
    assert {row["item_id"] for row in lake.rows()["messages"]} == {"m1", "m2"}


def test_a_refused_rebuild_of_a_lake_without_its_catalog_makes_no_empty_one(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    two_chats(lake)
    made_newer(lake, "c1")
    (lake.path / "catalog.db").unlink()
    assert chatlake("rebuild").code == 1
    assert not (lake.path / "catalog.db").exists()
    ran = chatlake("status")
    assert ran.code == 1
    assert "has lost its catalog.db" in ran.err


def test_a_refused_rebuild_changes_nothing_that_is_published_next(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    two_chats(lake)
    snapshots = lake.snapshots()
    made_newer(lake, "c1")
    assert chatlake("rebuild").code == 1
    again = lake.take(page("c2", message("m2")))
    assert again.outcome.published == set()
    assert lake.snapshots() == snapshots
