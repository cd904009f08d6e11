"""Partitions, order, snapshots and properties that others change: no file lies about itself."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pytest

from chatlake.exceptions import TableDiffers
from tests.integration.tables.beside_others import CHANGES, TABLES, Beside
from tests.others.definition import commits_of
from tests.others.files import held_rows
from tests.others.model import TABLES as DEFINED
from tests.stateful.reads import CHAT, OTHER_CHAT

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

EPOCH = date(1970, 1, 1)
PARTITIONS = {
    "months": ("month({time})",),
    "buckets": ("bucket(initial_contact_id, 4)",),
    "chats": ("initial_contact_id", "month({time})"),
    "nothing": (),
}
partitionings = pytest.mark.parametrize(
    "fields",
    [
        # The gate tries one that a team would choose, the worlds the others.
        pytest.param(fields, id=name, marks=[] if name == "months" else pytest.mark.world)
        for name, fields in PARTITIONS.items()
    ],
)


def partition(beside: Beside, fields: tuple[str, ...]) -> None:
    for name, table in DEFINED.items():
        beside.others.partition_by(name, *(one.format(time=table.partition_by) for one in fields))


def data_files(table: Table) -> set[DataFile]:
    return {task.file for task in table.scan().plan_files()}


# Partitions


@partitionings
def test_files_say_the_spec_that_they_were_written_by_and_rows_are_found_by_time(
    beside: Beside, fields: tuple[str, ...]
) -> None:
    before = {name: data_files(beside.others.table(name)) for name in TABLES}
    partition(beside, fields)
    defaults = {name: beside.others.table(name).metadata.default_spec_id for name in TABLES}
    beside.change(OTHER_CHAT)
    for name, table in DEFINED.items():
        loaded = beside.others.table(name)
        assert loaded.metadata.default_spec_id == defaults[name] != 0
        new = [one for one in held_rows(loaded) if one.file not in before[name]]
        assert new
        for one in new:
            [day] = pc.cast(one.rows.column(table.partition_by), "date32").unique().to_pylist()
            assert one.file.spec_id == 0
            assert one.file.partition[0] == (None if day is None else (day - EPOCH).days)
            if day is not None:
                time = table.partition_by
                within = f"{time} >= '{day}T00:00:00' AND {time} < '{day}T23:00:00'"
                found = loaded.scan(row_filter=within).to_arrow().column("initial_contact_id")
                ids = one.rows.column("initial_contact_id")
                assert set(ids.to_pylist()) <= set(found.to_pylist())
    beside.assert_rows_are_its_documents(OTHER_CHAT)


@partitionings
def test_old_rows_in_files_of_another_spec_give_way(
    beside: Beside, fields: tuple[str, ...]
) -> None:
    partition(beside, fields)
    for table in TABLES:
        beside.others.compact(table)
        assert {file.spec_id for file in data_files(beside.others.table(table))} != {0}
    others = beside.all_rows(CHAT)
    beside.change(OTHER_CHAT)
    beside.assert_rows_are_its_documents(OTHER_CHAT)
    assert beside.all_rows(CHAT) == others
    beside.republish(CHAT)
    beside.change(CHAT)
    beside.assert_rows_are_its_documents(CHAT)


@partitionings
def test_deletes_in_files_of_another_spec_hold(beside: Beside, fields: tuple[str, ...]) -> None:
    partition(beside, fields)
    for table in TABLES:
        beside.others.compact(table)
        beside.others.delete(table, CHAT)
    beside.change(OTHER_CHAT)
    assert beside.all_rows(CHAT) == {table: [] for table in TABLES}
    beside.world.erase(CHAT)
    assert not any(CHAT in beside.others.raw_chats(table) for table in TABLES)


# Snapshots, order and properties


def test_a_commit_moves_no_tag_and_no_branch(beside: Beside) -> None:
    for table in TABLES:
        beside.others.tag(table, "audit")
        beside.others.branch(table, "trial")
        required = {c.name: c.name for c in DEFINED[table].columns if c.required}
        beside.others.insert_into_branch(table, "trial", {**required, "initial_contact_id": CHAT})
    refs = {table: beside.others.refs(table) for table in TABLES}
    before = beside.all_rows(CHAT)
    beside.change(OTHER_CHAT)
    assert {table: beside.others.refs(table) for table in TABLES} == refs
    for table in TABLES:
        on_main = commits_of(beside.others.table(table), "main")
        assert refs[table]["audit"] in on_main
        assert refs[table]["trial"] not in on_main
    assert beside.all_rows(CHAT) == before
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_snapshots_may_expire_and_orphans_may_go(beside: Beside) -> None:
    for table in TABLES:
        beside.others.delete(table, CHAT)
        beside.others.expire_snapshots(table)
        beside.others.remove_orphans(table)
    beside.change(OTHER_CHAT)
    assert beside.all_rows(CHAT) == {table: [] for table in TABLES}
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_another_sort_order_holds_for_files_of_others_alone(beside: Beside) -> None:
    before = {name: data_files(beside.others.table(name)) for name in TABLES}
    for name in TABLES:
        beside.others.sort_by(name, "contact_id")
    orders = {name: beside.others.table(name).sort_order().order_id for name in TABLES}
    beside.change(OTHER_CHAT)
    for name, table in DEFINED.items():
        loaded = beside.others.table(name)
        assert loaded.sort_order().order_id == orders[name]
        for one in held_rows(loaded):
            if one.file not in before[name]:
                sorted_by = loaded.sort_orders()[one.file.sort_order_id or 0]
                names = [loaded.schema().find_column_name(f.source_id) for f in sorted_by.fields]
                assert names == list(table.sort_by)
    beside.assert_rows_are_its_documents(OTHER_CHAT)


def test_properties_may_be_removed(beside: Beside) -> None:
    for name in TABLES:
        beside.others.remove_properties(name)
        beside.others.delete(name, CHAT)
    beside.upsert(OTHER_CHAT, *CHANGES)
    beside.world.drain()
    assert beside.all_rows(CHAT) == {table: [] for table in TABLES}
    beside.assert_rows_are_its_documents(OTHER_CHAT)
    for name, table in DEFINED.items():
        # No value of a private column is in the bounds of a file.
        loaded = beside.others.table(name)
        private = {loaded.schema().find_field(column).field_id for column in table.private}
        for file in data_files(loaded):
            assert not private & (file.lower_bounds or {}).keys()


def test_a_column_that_was_renamed_is_told_without_properties(beside: Beside) -> None:
    beside.others.remove_properties("messages")
    beside.others.rename_column("messages", "content", "text")
    beside.upsert(OTHER_CHAT, *CHANGES)
    with pytest.raises(TableDiffers, match="CHANGE COLUMN text content string"):
        beside.world.publish()
