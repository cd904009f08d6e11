"""Where the rows of a table part from those that documents make, row by row and in numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chatlake.tables import schema

_CHAT = "initial_contact_id"

type Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row that differs; several rows of one key count as one.

    Attributes
    ----------
    wanted, found
        How often a row of this key ought to be there, and is.
    columns
        How many values differ in which columns, if it is there as often as it ought to be.
    """

    initial_contact_id: str
    key: tuple[Any, ...]
    wanted: int
    found: int
    columns: Counter[str]

    def __str__(self) -> str:
        name = "/".join(map(str, self.key))
        if self.wanted != self.found:
            return f"row {name} is there {self.found} times, not {self.wanted}"
        return f"row {name} differs in {', '.join(self.columns)}"


@dataclass(slots=True)
class Tally:
    """Differences in numbers: of rows, and by column of values in rows that are there."""

    chats: set[str] = field(default_factory=set)
    removed: int = 0
    added: int = 0
    changed: Counter[str] = field(default_factory=Counter)

    def add(self, difference: RowDifference) -> None:
        """Count a difference in."""
        self.chats.add(difference.initial_contact_id)
        self.removed += max(difference.wanted - difference.found, 0)
        self.added += max(difference.found - difference.wanted, 0)
        self.changed.update(difference.columns)


def compared_columns(table: schema.Table) -> list[str]:
    """Return the columns that rows are compared by: all but when they were published."""
    return [column.name for column in table.columns if column.name != "published_at"]


def row_differences(
    table: schema.Table, wanted: Iterable[Row], found: Iterable[Row]
) -> Iterator[RowDifference]:
    """Compare rows by chat and key; columns of others are left out."""
    expected, actual = (_by_key(table, rows) for rows in (wanted, found))
    names = compared_columns(table)
    for key in sorted(expected.keys() | actual.keys(), key=str):
        ours, its = expected.get(key, []), actual.get(key, [])
        columns = Counter[str]()
        if len(ours) == len(its):
            # Several rows of one key are in no order.
            columns = _differing(ours, its, names)
            if not columns and _counted(ours, names) == _counted(its, names):
                continue
            # Values went from one row of a key to another.
            columns = columns or Counter(names)
        chat, *rest = key
        yield RowDifference(chat, tuple(rest), len(ours), len(its), columns)


def _differing(ours: Sequence[Row], its: Sequence[Row], names: Sequence[str]) -> Counter[str]:
    differing = {name: _counted(ours, [name]) - _counted(its, [name]) for name in names}
    return Counter({name: values.total() for name, values in differing.items() if values})


def _counted(rows: Iterable[Row], names: Sequence[str]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[name] for name in names) for row in rows)


def _by_key(table: schema.Table, rows: Iterable[Row]) -> dict[tuple[Any, ...], list[Row]]:
    by_key = defaultdict[tuple[Any, ...], list[Row]](list)
    for row in rows:
        by_key[tuple(row[name] for name in (_CHAT, *table.key))].append(row)
    return by_key
