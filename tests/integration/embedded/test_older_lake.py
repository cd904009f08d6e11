"""A lake folder whose tables version 0.1 made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from chatlake.exceptions import LakeOutdated
from tests.lake_folder import LakeFolder, message, page

if TYPE_CHECKING:
    from tests.lake_folder import Chatlake


@pytest.fixture
def older(lake: LakeFolder) -> LakeFolder:
    """A lake with the tables of version 0.1 alone: of read_latency it made a view."""
    lake.take(page("c1", message()), page("c2", message()))
    with closing(sqlite3.connect(lake.path / "catalog.db")) as catalog, catalog:
        catalog.execute("DELETE FROM iceberg_tables WHERE table_name = 'read_latency'")
    return lake


@pytest.mark.parametrize(
    "command",
    [["query", "SELECT 1"], ["status"], ["verify"], ["report"], ["erase", "c1"]],
    ids=" ".join,
)
def test_whoever_opens_it_is_told_to_rebuild(
    older: LakeFolder, chatlake: Chatlake, command: list[str]
) -> None:
    result = chatlake(*command)
    assert result.code == 1
    assert "rebuild" in result.err
    assert "earlier version" in result.err


def test_nothing_is_imported_into_it(older: LakeFolder) -> None:
    documents = older.documents()
    with pytest.raises(LakeOutdated):
        older.take(page("c3", message()))
    assert older.documents() == documents


def test_rebuilding_it_makes_all_rows_of_today(older: LakeFolder) -> None:
    assert older.rebuild() == {}
    assert older.differences() == []
    assert len(older.rows()["messages"]) == 2
