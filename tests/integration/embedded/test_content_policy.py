"""Importing without contents and names: nothing of them is in the folder, and latencies are."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from local.chats import scripts
from tests.e2e.pipeline.canaries import leaks

if TYPE_CHECKING:
    from tests.lake_folder import Chatlake, LakeFolder, Rows
    from tests.oracle import Row

CHATS = list(scripts(seed=3, count=12, start=datetime(2026, 9, 1, tzinfo=UTC), days=2))
VALUES = [value for chat in CHATS for value in [*chat.pages(), *chat.exports()]]
SAID = {"content", "display_name", "attachment_name", "message_length"}


def without_what_was_said(rows: Rows) -> dict[str, list[Row]]:
    but = {*SAID, "extra", "document_revision"}
    return {
        table: [{name: row[name] for name in row if name not in but} for row in rows[table]]
        for table in rows
    }


def on_disk(lake: LakeFolder) -> dict[str, str]:
    files = [path for path in lake.path.rglob("*") if path.is_file()]
    # Names of long ids look like tokens.
    return {
        path.name: path.read_bytes().decode(errors="replace")
        for path in files
        if path.suffix == ".json" and "documents" in path.parts
    }


@pytest.mark.parametrize("policy", ["none", "redacted"])
def test_nothing_that_was_said_is_stored_and_all_else_is(
    lake: LakeFolder, chatlake: Chatlake, policy: str
) -> None:
    file = lake.write("chats.jsonl", *random.Random(1).sample(VALUES, len(VALUES)))
    ran = chatlake("import", file, "--content-policy", policy)
    assert ran.code == 0, ran.err
    assert "items without their content" in ran.err
    rows = lake.rows()
    assert leaks(on_disk(lake) | {"rows": str(rows)}, CHATS) == []
    assert {row[name] for table in rows for row in rows[table] for name in SAID & row.keys()} <= {
        None,
        "BOT",
    }
    assert lake.differences() == []
    again = chatlake("import", file, "--content-policy", policy)
    assert f"chats 0 new, 0 changed, {len(CHATS)} unchanged." in again.err
    # The next import that allows all brings it all: the files are the same.
    assert chatlake("import", file).code == 0
    full = lake.rows()
    assert leaks({"rows": str(full)}, CHATS)
    assert without_what_was_said(rows) == without_what_was_said(full)


def test_the_environment_may_say_it(
    lake: LakeFolder, chatlake: Chatlake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATLAKE_CONTENT_POLICY", "none")
    assert chatlake("import", lake.write("chats.jsonl", *VALUES)).code == 0
    assert leaks(on_disk(lake), CHATS) == []
