"""A stack of version 0.1 is updated: its tables are made anew, and filled from the documents."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatlake.documents.revision import ROW_FORMAT
from tests import oracle
from tests.e2e.pipeline import outdated
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.outdated import NEW_COLUMNS, Outdated
from tests.e2e.pipeline.tables import TABLES, Rows, comparable

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Outdated:
    return once(tmp_path_factory, "outdated", outdated.run)


@pytest.fixture(scope="module")
def truth(updated: Outdated) -> Rows:
    return comparable(oracle.rows(updated.told, published_at=datetime.now(UTC)))


def test_the_older_stack_has_times_with_a_zone(updated: Outdated) -> None:
    assert updated.older_types == {"timestamptz"}


def test_the_update_removes_the_older_tables_with_their_files(updated: Outdated) -> None:
    assert any(key.endswith(".parquet") for key in updated.older_files)
    assert not {key for key in updated.files_between if key.startswith("tables/")}
    assert all(updated.rows_between[table] == [] for table in TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_every_chat_has_its_rows_again(updated: Outdated, truth: Rows, table: str) -> None:
    rows = comparable(updated.rows)[table]
    assert rows == truth[table]
    assert {row["initial_contact_id"] for row in rows} <= {
        chat.initial_contact_id for chat in updated.chats
    }


def test_the_new_columns_are_there(updated: Outdated) -> None:
    assert all(row.keys() >= {*NEW_COLUMNS} for row in updated.rows["contacts"])
    assert {row["row_format"] for row in updated.rows["contacts"]} == {ROW_FORMAT}


def test_nothing_is_left_to_be_republished(updated: Outdated) -> None:
    assert updated.left is None
