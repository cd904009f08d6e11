"""What others do between our steps, on top of `machine`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.others.machine import OursAmongOthers, chats, tables
from tests.others.model import TABLES
from tests.others.protocol import CHAT as ID
from tests.others.versions import one_column_fewer

if TYPE_CHECKING:
    from chatlake.tables.lake.iceberg import Lake
    from tests.others.protocol import Row

NOBODY = "nobody"

_ADDED: dict[str, tuple[str, list[Any]]] = {
    "note": ("string", ["seen", None]),
    "marks": ("row(a varchar, b bigint)", [{"a": "x", "b": 3}, None]),
    "labels": ("array(varchar)", [["one", "two"], []]),
}
_KEPT = {"sort_by": (ID,), "remove_properties": ()}

any_chats = st.sampled_from(("c1", "c2", NOBODY))
days = st.integers(0, 8)
added = st.sampled_from(sorted(_ADDED))
renamed = st.sampled_from(
    [
        (name, column.name)
        for name, table in TABLES.items()
        for column in table.columns
        if column.name not in {ID, "published_at"}
    ]
)
dropped = renamed.filter(
    lambda one: one[1] != TABLES[one[0]].partition_by and not TABLES[one[0]].column(one[1]).required
)


class OthersAmongOurs(OursAmongOthers):
    """Others write with SQL, alter tables and keep them in order; other versions publish, too."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        # Chats whose rows lack values, by table, as the columns of their files tell.
        self._damaged: dict[str, set[str]] = {table: set() for table in TABLES}

    # Rows

    @rule(table=tables, chat=any_chats, copying=st.booleans())
    def others_delete(self, table: str, chat: str, copying: bool) -> None:
        self.others.delete(table, chat, copying=copying)
        self.model.delete(table, chat)
        if copying:
            self.hide_damage(table, self._damaged[table])
        self.done(table, chat)

    @rule(table=tables, chat=any_chats, name=added, which=st.integers(0, 1))
    def others_fill_a_column_of_theirs(self, table: str, chat: str, name: str, which: int) -> None:
        if name not in self.model.added[table]:
            self.others.add_column(table, name, _ADDED[name][0])
            self.model.add_column(table, name)
            self.look()
        value = _ADDED[name][1][which]
        self.others.update(table, chat, name, value)
        self.model.update(table, chat, name, value)
        # Our columns are as they were.
        self.hide_damage(table, {chat})
        self.look()

    @rule(table=tables, chat=any_chats, day=days)
    def others_move_rows(self, table: str, chat: str, day: int) -> None:
        column = self.model.names[table].get(TABLES[table].partition_by)
        if column is not None:
            self.others.update(table, chat, column, _time(day))
            self.model.update(table, chat, column, _time(day))
            self.done(table, chat)

    @rule(table=tables, chat=any_chats, column=st.integers(0, 40), day=days)
    def others_merge(self, table: str, chat: str, column: int, day: int) -> None:
        texts = [c.name for c in TABLES[table].columns if c.type == "string" and c.name != ID]
        name = self.model.names[table].get(texts[column % len(texts)])
        if name is None or not (self.is_known(chat) or self.model.rows[table].get(chat)):
            return
        row = self.new_row(table, chat, day)
        self.others.merge(table, chat, name, "merged", row)
        if self.model.rows[table].get(chat):
            self.model.update(table, chat, name, "merged")
        else:
            self.model.insert(table, row)
        self.done(table, chat)

    @rule(table=tables, chat=any_chats, day=days)
    def others_insert(self, table: str, chat: str, day: int) -> None:
        # Rows of a chat before its first publication are strangers' for good.
        if self.is_known(chat):
            row = self.new_row(table, chat, day)
            self.others.insert(table, row)
            self.model.insert(table, row)
            self.done(table, chat)

    def is_known(self, chat: str) -> bool:
        known = self.world.chats.publish_attempts.read([chat])
        return chat == NOBODY or (chat in known and known[chat].count > 0)

    def new_row(self, table: str, chat: str, day: int) -> Row:
        """Make a row as others INSERT it: with what a row must have, and a time."""
        self._number += 1
        row: Row = {
            column.name: f"{column.name}-{self._number}"
            for column in TABLES[table].columns
            if column.required
        }
        row |= {ID: chat, TABLES[table].partition_by: _time(day)}
        names = self.model.names[table]
        return {names[name]: value for name, value in row.items() if name in names}

    def done(self, table: str, chat: str) -> None:
        self.touch(table, chat)
        self.look()

    def hide_damage(self, table: str, chats: set[str]) -> None:
        """Rows that others write again have all columns: that they lacked some is seen no more.

        But of contacts, which say their row format.
        """
        if table != "contacts":
            for chat in chats & self._damaged[table]:
                self.touch(table, chat)

    # Upkeep

    @rule(table=tables)
    def others_compact(self, table: str) -> None:
        self.others.compact(table)
        self.hide_damage(table, self._damaged[table])
        self.look()

    @rule(table=tables, what=st.sampled_from(("expire_snapshots", "remove_orphans", *_KEPT)))
    def others_keep_order(self, table: str, what: str) -> None:
        getattr(self.others, what)(table, *_KEPT.get(what, ()))
        self.look()

    @rule(table=tables, name=st.sampled_from(("audit", "trial")), day=days)
    def others_refer(self, table: str, name: str, day: int) -> None:
        if name not in self.model.refs[table]:
            (self.others.tag if name == "audit" else self.others.branch)(table, name)
        elif name == "trial":
            self.others.insert_into_branch(table, name, self.new_row(table, "c1", day))
        self.model.refs[table] = dict(self.others.refs(table))
        self.look()

    # Definition

    @rule(one=renamed)
    def others_rename(self, one: tuple[str, str]) -> None:
        table, column = one
        name = self.model.names[table].get(column)
        if name == column:
            self.others.rename_column(table, name, f"{name}_of_old")
            self.model.rename_column(table, name, f"{name}_of_old")
            self.look()

    @rule(one=dropped | st.tuples(tables, added))
    def others_drop(self, one: tuple[str, str]) -> None:
        table, column = one
        name = self.model.names[table].get(column)
        if name or column in self.model.added[table]:
            name = name or column
            self.others.drop_column(table, name)
            self.model.drop_column(table, name)
            self.look()

    @rule(table=tables, which=st.integers(0, 4))
    def others_partition(self, table: str, which: int) -> None:
        time = self.model.names[table].get(TABLES[table].partition_by)
        fields = [
            (f"month({time})",),
            (f"bucket({ID}, 4)",),
            (),
            (ID,),
            (f"day({time})",),
        ][which]
        if time is not None:
            self.others.partition_by(table, *fields)
            self.look()

    # Deployments, and other versions

    @rule()
    def tables_are_made(self) -> None:
        self.attempt(self.make_tables, ())

    def make_tables(self) -> None:
        """Make the tables as a deployment does: it adds our columns that are gone."""
        lake = cast("Lake", self.world.lake)
        if lake.lacks_rows():
            self.republish(*self.world.documents())
        try:
            lake.create_tables()
        finally:
            for name, table in TABLES.items():
                names = self.model.names[name]
                if any(ours != now for ours, now in names.items()):
                    break
                for column in table.columns:
                    if column.name not in names:
                        self.model.add_column(name, column.name)

    @precondition(lambda self: not any(map(self.model.differs, TABLES)))
    @rule(table=tables, chat=chats)
    def version_0_1_writes(self, table: str, chat: str) -> None:
        document = self.world.documents().get(chat)
        if document is None or self.others.is_partitioned_anew(table):
            return
        written = self.others.publish_as_released(table, document)
        self.look(written, of_today=False)
        # What it destroyed is found, and published again, but for rows that are of no chat.
        self._damaged[table] |= written
        for one in written:
            self.touched.pop((table, one), None)
            if one == NOBODY or not self.is_known(one):
                self.touch(table, one)

    @precondition(lambda self: self.has_queue() and self.is_quiet())
    @rule()
    def an_earlier_version_publishes(self) -> None:
        waiting, begun = set(self.world.queue.values()), self.clock
        with one_column_fewer():
            outcome = self.attempt(self.world.publish, waiting, of_today=False)
        if outcome is not None:
            self.written(outcome.published, begun)
        for chat in waiting:
            for table in TABLES:
                self.touch(table, chat)
        # Its rows are of an earlier format: an update makes all such chats due.
        self.world.announce(waiting)


def _time(day: int) -> Any:
    return None if day == 0 else datetime(2026, 1, day, 10)  # noqa: DTZ001 - as tables have it
