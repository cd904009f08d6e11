"""What SQL must see of the tables, kept beside them: rows by chat, columns, tags and branches."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from chatlake.tables import schema
from tests.others.protocol import CHAT
from tests.settled import without_observation
from tests.stateful.world import rows_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from chatlake.documents.document import Document
    from tests.others.protocol import Row

TABLES = {table.name: table for table in schema.TABLES}
_WRITTEN_AT = "published_at"


def document_rows(document: Document) -> dict[str, list[Row]]:
    """Return the rows of a document by table, without the moment when they are written."""
    names = {
        name: [column.name for column in table.columns if column.name != _WRITTEN_AT]
        for name, table in TABLES.items()
    }
    made = rows_of([document])
    return {
        name: [dict(zip(names[name], row, strict=True)) for row in rows]
        for name, rows in made.items()
    }


def by_chat(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Part rows by chat, without the moment when they were written."""
    parted = defaultdict[str, list["Row"]](list)
    for row in rows:
        parted[row[CHAT]].append({n: v for n, v in row.items() if n != _WRITTEN_AT})
    return parted


def counted(rows: Iterable[Row]) -> Counter[str]:
    """Return how often each row is there."""
    return Counter(repr(sorted(row.items())) for row in rows)


class Model:
    """The tables as SQL must see them.

    Attributes
    ----------
    rows
        By table and chat, under the names that columns have now.
    names
        By table: the name that each of our columns has now; none if it was dropped.
    added
        By table: the columns of others.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, list[Row]]] = {}
        self.names: dict[str, dict[str, str]] = {}
        self.added: dict[str, set[str]] = {}
        self.refs: dict[str, dict[str, int]] = {}
        for table in TABLES:
            self.begin_anew(table)

    def begin_anew(self, table: str) -> None:
        """Follow a table that is empty, as chatlake makes it."""
        self.rows[table] = {}
        self.names[table] = {column.name: column.name for column in TABLES[table].columns}
        self.added[table] = set()
        self.refs[table] = {}

    def chats(self, table: str) -> list[str]:
        """Return the chats that have rows in a table."""
        return sorted(chat for chat, rows in self.rows[table].items() if rows)

    def differs(self, table: str) -> bool:
        """Return whether one of our columns has another name or is gone."""
        ours = {column.name: column.name for column in TABLES[table].columns}
        return self.names[table] != ours

    # What others do

    def delete(self, table: str, chat: str) -> None:
        self.rows[table].pop(chat, None)

    def update(self, table: str, chat: str, column: str, value: Any) -> None:
        for row in self.rows[table].get(chat, []):
            row[column] = value

    def insert(self, table: str, row: Row) -> None:
        columns = {*self.names[table].values(), *self.added[table]} - {_WRITTEN_AT}
        whole = dict.fromkeys(columns) | row
        self.rows[table].setdefault(row[CHAT], []).append(whole)

    def add_column(self, table: str, name: str) -> None:
        if name in _names(table):
            self.names[table][name] = name
        else:
            self.added[table].add(name)
        self._alter(table, lambda row: row | {name: None})

    def rename_column(self, table: str, name: str, to: str) -> None:
        for ours, now in self.names[table].items():
            if now == name:
                self.names[table][ours] = to
        if name in self.added[table]:
            self.added[table] ^= {name, to}
        self._alter(table, lambda row: {to if n == name else n: v for n, v in row.items()})

    def drop_column(self, table: str, name: str) -> None:
        self.names[table] = {ours: now for ours, now in self.names[table].items() if now != name}
        self.added[table].discard(name)
        self._alter(table, lambda row: {n: v for n, v in row.items() if n != name})

    def run(self, statement: str) -> None:
        """Follow a statement of Athena's."""
        words = re.findall(r"\w+", statement)
        if "CHANGE" in words:
            self.rename_column(words[2], words[5], words[6])
        elif "DROP" in words:
            self.drop_column(words[2], words[5])
        elif "ADD" in words:
            self.add_column(words[2], words[5])

    def _alter(self, table: str, change: Any) -> None:
        self.rows[table] = {
            chat: [change(row) for row in rows] for chat, rows in self.rows[table].items()
        }

    # What we do

    def differing(self, table: str, actual: Mapping[str, list[Row]]) -> set[str]:
        """Return the chats whose rows are not the ones that SQL must see."""
        expected = self.rows[table]
        return {
            chat
            for chat in actual.keys() | expected.keys()
            if counted(actual.get(chat, [])) != counted(expected.get(chat, []))
        }

    def adopt(self, table: str, chat: str, rows: list[Row]) -> None:
        """Take rows of a chat for those that SQL must see from now on."""
        self.rows[table][chat] = [dict(row) for row in rows]

    def ours(self, table: str, rows: Iterable[Row], *, is_settled: bool = True) -> Counter[str]:
        """Return rows in those of our columns that are there, under our names."""
        names = {ours: now for ours, now in self.names[table].items() if ours != _WRITTEN_AT}
        in_ours = ({ours: row.get(now) for ours, now in names.items()} for row in rows)
        return counted(row if is_settled else without_observation(table, row) for row in in_ours)

    def made(self, table: str, rows: Iterable[Row], *, is_settled: bool = True) -> Counter[str]:
        """Return rows of a document in those of our columns that are there."""
        names = self.names[table].keys() - {_WRITTEN_AT}
        in_ours = ({name: row[name] for name in names} for row in rows)
        return counted(row if is_settled else without_observation(table, row) for row in in_ours)

    def values_are_kept(self, table: str, chat: str, rows: Iterable[Row]) -> bool:
        """Return whether new rows of a chat have others' values of the old ones with their keys."""
        key = [self.names[table].get(name) for name in TABLES[table].key]
        old = defaultdict[str, list["Row"]](list)
        for row in self.rows[table].get(chat, []):
            old[repr([row.get(str(name)) for name in key])].append(row)
        for row in rows:
            before = old[repr([row.get(str(name)) for name in key])]
            for column in self.added[table]:
                values = [one[column] for one in before] or [None]
                if row[column] not in values:
                    return False
        return True


def _names(table: str) -> Collection[str]:
    return {column.name for column in TABLES[table].columns}
