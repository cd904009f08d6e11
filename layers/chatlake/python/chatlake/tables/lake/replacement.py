"""Which files of a table give way to which, so that some chats have new rows.

All that others have done to the other rows stays: a file is rewritten as SQL sees it, deletes
applied, with the columns that others have added. Old rows are found by reading one column of the
files of the recorded days: an expression over thousands of ids would be bound to each file anew
(0.3 s against 32 s for 5,000 chats).
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import batched, groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.tables.flatten import arrow_schema
from chatlake.tables.lake.data_files import (
    conformed,
    day_of,
    file_schema,
    sort_rows,
    write_data_file,
)
from chatlake.tables.lake.live_files import live_files
from chatlake.tables.lake.others_columns import keep_values_of_others
from chatlake.tables.lake.pruning import Pruning
from chatlake.tables.lake.reading import read_raw, read_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable

    from chatlake.chat_state import Day
    from chatlake.tables import schema
    from chatlake.tables.lake.live_files import LiveFile
    from chatlake.tables.lake.pruning import Sought

_CHAT = "initial_contact_id"
# Of Arrow memory, which is 2 to 8 times the size of the file: files stay below their 64 MB, and
# rewriting one stays within a small Lambda function.
_MOST_BYTES_OF_A_FILE = 128 * 2**20
_FILES_AT_ONCE = 16


class NewSnapshot(Protocol):
    """A snapshot of PyIceberg's that is being made."""

    def append_data_file(self, data_file: DataFile, /) -> object:
        """Let a file enter the table."""

    def delete_data_file(self, data_file: DataFile, /) -> object:
        """Let a file leave it."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Files that leave a table, and files, already written, that enter it."""

    removed: list[DataFile] = field(default_factory=list)
    added: list[DataFile] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.removed or self.added)

    def put_into(self, snapshot: NewSnapshot) -> None:
        """Have files leave and enter with a snapshot that is being made."""
        for file in self.removed:
            snapshot.delete_data_file(file)
        for file in self.added:
            snapshot.append_data_file(file)

    def discard(self, io: FileIO) -> None:
        """Delete the files that were to enter the table."""
        for file in self.added:
            io.delete(file.file_path)


@dataclass(frozen=True, slots=True)
class _Held:
    """A file with rows of sought chats: those that SQL sees, and whether it holds erased ones."""

    live: LiveFile
    rows: pa.Table
    holds_erased: bool


def plan_replacement(
    table: schema.Table, loaded: IcebergTable, rows: pa.Table, sought: Sought
) -> Replacement:
    """Write the files that give the sought chats new rows, and add all other rows; see `Lake`."""
    held = list(_files_with_rows(table, loaded, sought))
    changed = pa.array([], pa.string())
    if held:
        old = pa.concat_tables(one.rows for one in held)
        same = _unchanged(table, old, rows)
        rows = keep_values_of_others(table, _without(rows, same), old)
        changed = pa.array(sorted({*sought.days, *sought.erased} - same), pa.string())
        held = [
            one
            for one in held
            if one.holds_erased or pc.any(pc.is_in(one.rows.column(_CHAT), changed)).as_py()
        ]
    plan = Replacement(removed=[one.live.file for one in held])
    plan.added.extend(_rewritten(table, loaded, rows, held, changed))
    return plan


def _rewritten(
    table: schema.Table, loaded: IcebergTable, rows: pa.Table, held: list[_Held], changed: pa.Array
) -> Iterator[DataFile]:
    """Write new rows, and those of other chats that the files hold, day by day."""
    new = _by_day(table, conformed(rows, file_schema(loaded)))
    kept = defaultdict["Day", list[pa.Table]](list)

    def write(days: Iterable[Day]) -> Iterator[DataFile]:
        for day in days:
            yield from _write(table, loaded, new.pop(day, None), kept.pop(day, []), day)

    in_order = sorted(held, key=partial(_place, loaded))
    for place, of_one_day in groupby(in_order, key=partial(_place, loaded)):
        for one in of_one_day:
            others = _without(read_rows(loaded, one.live), changed)
            for day, part in _by_day(table, others).items():
                kept[day].append(part)
            if _size(kept) > _MOST_BYTES_OF_A_FILE:
                yield from write([*kept])
        if place.is_own:
            yield from write([place.day])
    yield from write({*new, *kept})


class _Place(NamedTuple):
    """Where a file lies in the order of days; one of another spec, of many days, comes first."""

    is_own: bool
    has_day: bool = False
    since_1970: int = 0

    @property
    def day(self) -> Day:
        return self.since_1970 if self.has_day else None


def _place(loaded: IcebergTable, held: _Held) -> _Place:
    file = held.live.file
    if file.spec_id != loaded.metadata.default_spec_id:
        return _Place(is_own=False)
    day = file.partition[0]
    return _Place(is_own=True) if day is None else _Place(True, True, day)


def _size(kept: Mapping[Day, list[pa.Table]]) -> int:
    return sum(part.nbytes for parts in kept.values() for part in parts)


def _write(
    table: schema.Table,
    loaded: IcebergTable,
    new: pa.Table | None,
    kept: list[pa.Table],
    day: Day,
) -> Iterator[DataFile]:
    # New rows alone come sorted.
    rows = new
    if kept:
        rows = sort_rows(table, pa.concat_tables([*([] if new is None else [new]), *kept]))
    if rows is None or not rows.num_rows:
        return
    pieces = rows.nbytes // _MOST_BYTES_OF_A_FILE + 1
    size = -(-rows.num_rows // pieces)
    for start in range(0, rows.num_rows, size):
        yield write_data_file(loaded, rows.slice(start, size), day)


def _files_with_rows(table: schema.Table, loaded: IcebergTable, sought: Sought) -> Iterator[_Held]:
    """Find the files that hold rows of the chats, and those rows."""
    if not sought:
        return
    may_hold = Pruning(table, loaded, sought)
    wanted = pa.array(may_hold.chats, pa.string())
    erased = pa.array(sorted(sought.erased), pa.string())
    files = (
        live for live in live_files(loaded, may_hold.in_manifest) if may_hold.in_file(live.file)
    )
    for live, ids in _with_ids(loaded, files):
        if not pc.any(pc.is_in(ids, wanted)).as_py():
            sought.note_without(live.file)
            continue
        whole = read_rows(loaded, live)
        rows = whole.filter(pc.is_in(whole.column(_CHAT), wanted))
        holds_erased = bool(pc.any(pc.is_in(ids, erased)).as_py())
        if rows.num_rows or holds_erased:
            yield _Held(live, rows, holds_erased)


def _with_ids(
    loaded: IcebergTable, files: Iterable[LiveFile]
) -> Iterator[tuple[LiveFile, pa.ChunkedArray]]:
    """Read the chats of all rows of files, some files at a time."""

    def ids(live: LiveFile) -> pa.ChunkedArray:
        return read_raw(loaded, live.file, _CHAT).column(_CHAT)

    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        for some in batched(files, _FILES_AT_ONCE, strict=False):
            yield from zip(some, pool.map(ids, some), strict=True)


def _unchanged(table: schema.Table, old: pa.Table, new: pa.Table) -> set[str]:
    """Find the chats whose old rows are the new ones, whenever those were published."""
    names = [name for name in new.column_names if name != "published_at"]
    ours = conformed(old, arrow_schema(table))
    before, after = (_by_chat(table, rows.select(names)) for rows in (ours, new))
    return {chat for chat, rows in before.items() if chat in after and after[chat].equals(rows)}


def _by_chat(table: schema.Table, rows: pa.Table) -> dict[str, pa.Table]:
    rows = sort_rows(table, rows).combine_chunks()
    runs = pc.run_end_encode(rows.column(_CHAT).combine_chunks())
    ends = runs.run_ends.to_pylist()
    return {
        chat: rows.slice(start, end - start)
        for chat, start, end in zip(runs.values.to_pylist(), [0, *ends], ends, strict=False)
    }


def _by_day(table: schema.Table, rows: pa.Table) -> dict[Day, pa.Table]:
    days = day_of(rows.column(table.partition_by))
    unique: list[Day] = pc.unique(days).to_pylist()
    if len(unique) == 1:
        return {unique[0]: rows}
    return {
        day: rows.filter(pc.is_null(days) if day is None else pc.equal(days, day)) for day in unique
    }


def _without(rows: pa.Table, chats: Collection[str] | pa.Array) -> pa.Table:
    if not len(chats):
        return rows
    out = chats if isinstance(chats, pa.Array) else pa.array(sorted(chats), pa.string())
    return rows.filter(pc.invert(pc.is_in(rows.column(_CHAT), out)))
