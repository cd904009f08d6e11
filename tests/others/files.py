"""Files of a table as a foreign engine reads and writes them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, _dataframe_to_data_files
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import FileScanTask

from tests.others.protocol import CHAT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyiceberg.table import Table

    from tests.others.protocol import Row

_PATH_ID, _POSITION_ID = 2147483546, 2147483545
_DELETES = pa.schema(
    [
        pa.field("file_path", pa.string(), False, {"PARQUET:field_id": str(_PATH_ID)}),
        pa.field("pos", pa.int64(), False, {"PARQUET:field_id": str(_POSITION_ID)}),
    ]
)


@dataclass(frozen=True)
class HeldRows:
    """A data file with all rows that it holds, and the positions of those that are not deleted."""

    file: DataFile
    raw: pa.Table
    alive: pa.Array

    @property
    def rows(self) -> pa.Table:
        return self.raw.take(self.alive)

    def positions_of(self, chat: str) -> pa.Array:
        """Return the positions of a chat's rows that are not deleted."""
        return self.alive.filter(pc.equal(self.rows.column(CHAT), chat))


def held_rows(table: Table) -> Iterator[HeldRows]:
    """Read all files of a table's current snapshot."""
    for task in table.scan().plan_files():
        raw = read(table, task.file)
        deleted: set[int] = set()
        for delete_file in task.delete_files:
            deletes = pq.ParquetFile(pa.BufferReader(_bytes(table, delete_file))).read()
            of_file = pc.equal(deletes.column("file_path"), task.file.file_path)
            deleted.update(deletes.filter(of_file).column("pos").to_pylist())
        alive = [position for position in range(raw.num_rows) if position not in deleted]
        yield HeldRows(task.file, raw, pa.array(alive, pa.int64()))


def read(table: Table, file: DataFile) -> pa.Table:
    """Read all rows of a data file, deleted ones, too, in their order."""
    scan = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
    return scan.to_table([FileScanTask(file)])


def new_files(table: Table, rows: pa.Table) -> list[DataFile]:
    """Write rows as data files of the table's default spec."""
    if not rows.num_rows:
        return []
    return [
        _of_spec(file, table.spec().spec_id)
        for file in _dataframe_to_data_files(table.metadata, rows, table.io)
    ]


def arrow_row(table: Table, row: Row) -> pa.Table:
    """Return a row in the columns of a table."""
    return pa.Table.from_pylist([row], schema=table.schema().as_arrow())


def position_deletes(table: Table, deleted: Sequence[tuple[DataFile, pa.Array]]) -> DataFile:
    """Write a file that deletes rows of some data files of one partition.

    Of one data file, as Athena and Trino write it, it has bounds; of several, as Spark may, none.
    """
    file = deleted[0][0]
    deletes = pa.concat_tables(
        pa.table([pa.array([of.file_path] * len(positions)), positions], schema=_DELETES)
        for of, positions in deleted
    ).sort_by([("file_path", "ascending"), ("pos", "ascending")])
    output = table.io.new_output(f"{table.location()}/data/{uuid.uuid4()}-deletes.parquet")
    with output.create() as stream:
        pq.write_table(deletes, stream, store_schema=False)
        size = stream.tell()
    bounds = {_PATH_ID: file.file_path.encode()} if len(deleted) == 1 else None
    deleting = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=output.location,
        file_format=FileFormat.PARQUET,
        partition=file.partition,
        record_count=len(deletes),
        file_size_in_bytes=size,
        column_sizes=None,
        value_counts={_PATH_ID: len(deletes), _POSITION_ID: len(deletes)},
        null_value_counts={_PATH_ID: 0, _POSITION_ID: 0},
        nan_value_counts=None,
        lower_bounds=bounds,
        upper_bounds=bounds,
        key_metadata=None,
        split_offsets=None,
        equality_ids=None,
        sort_order_id=None,
    )
    return _of_spec(deleting, file.spec_id)


def _of_spec(file: DataFile, spec_id: int) -> DataFile:
    # `from_args` leaves it out.
    file.spec_id = spec_id
    return file


def _bytes(table: Table, file: DataFile) -> bytes:
    with table.io.new_input(file.file_path).open() as stream:
        return stream.read()
