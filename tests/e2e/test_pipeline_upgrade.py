"""A stack over its years: the schema grows, the stack is deleted, its data is adopted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.scripted.chat import Chat
from tests import oracle
from tests.e2e.pipeline import upgrading
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.tables import TABLES, Rows, comparable, of_chats
from tests.e2e.pipeline.upgrading import NEW_COLUMN, Upgraded

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    return once(tmp_path_factory, "upgrading", upgrading.run)


@pytest.fixture(scope="module")
def truth(upgraded: Upgraded) -> Rows:
    """All rows before the republication: without the new column where they are older than it."""
    rows = oracle.rows(upgraded.told, published_at=datetime.now(UTC))
    for row in rows["contacts"]:
        if row["initial_contact_id"] == upgraded.unchanged.initial_contact_id:
            row[NEW_COLUMN] = None
    return comparable(rows)


def of(rows: Rows, *chats: Chat) -> Rows:
    return comparable(of_chats(rows, *(chat.initial_contact_id for chat in chats)))


def test_an_older_stack_has_rows_without_the_new_column(upgraded: Upgraded) -> None:
    contacts = of(upgraded.rows_old, upgraded.changed, upgraded.unchanged)["contacts"]
    assert len(contacts) == len(upgraded.changed.legs) + len(upgraded.unchanged.legs)
    assert not any(NEW_COLUMN in row for row in contacts)


def test_after_an_update_older_rows_are_null_in_the_new_column(upgraded: Upgraded) -> None:
    rows = comparable(upgraded.rows_updated)
    older = comparable(upgraded.rows_old)
    older["contacts"] = [row | {NEW_COLUMN: None} for row in older["contacts"]]
    assert rows == older


def test_an_updated_stack_fills_the_new_column_of_what_it_writes(
    upgraded: Upgraded, truth: Rows
) -> None:
    rows = of(upgraded.rows_new, upgraded.changed, upgraded.new)
    assert rows == of(truth, upgraded.changed, upgraded.new)
    assert all(row[NEW_COLUMN] for row in rows["contacts"])


def test_older_rows_in_a_file_that_is_rewritten_stay_as_they_were(upgraded: Upgraded) -> None:
    older = of(upgraded.rows_updated, upgraded.unchanged)
    assert older["messages"]
    assert of(upgraded.rows_new, upgraded.unchanged) == older


def test_a_stack_that_adopts_data_finds_all_of_it(upgraded: Upgraded) -> None:
    assert comparable(upgraded.rows_adopted) == comparable(upgraded.rows_new)


@pytest.mark.parametrize("table", [table for table in TABLES if table != "attachments"])
def test_a_stack_that_adopts_data_adds_to_it(upgraded: Upgraded, truth: Rows, table: str) -> None:
    assert of(upgraded.rows_newest, upgraded.newest)[table]
    assert comparable(upgraded.rows_newest)[table] == truth[table]


@pytest.mark.parametrize("table", TABLES)
def test_every_chat_has_its_values_in_the_new_column_in_the_end(
    upgraded: Upgraded, table: str
) -> None:
    told = oracle.rows(upgraded.told, published_at=datetime.now(UTC))
    assert comparable(upgraded.rows_filled)[table] == comparable(told)[table]
