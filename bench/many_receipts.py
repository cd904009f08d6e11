"""Makes a lake of so many receipts: the rows of an example lake, over and over as other chats.

`python -m bench.many_receipts FOLDER RECEIPTS`. Four weeks of chats, in files as large as the
publisher's and the catalog's compaction make them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.embedded.archive import EmbeddedArchive
from chatlake.tables import schema
from chatlake.tables.flatten import flatten
from chatlake.tables.lake.pruning import Sought
from chatlake.timestamps import now
from local.chats import scripts
from local.example_lake import START, archived

_CHATS = 2_000
_ROWS_A_COMMIT = 500_000


def main() -> None:
    folder, wanted = Path(sys.argv[1]), int(sys.argv[2])
    chats = [archived(chat) for chat in scripts(seed=1, count=_CHATS, start=START, days=28)]
    tables = flatten(chats, published_at=now())
    copies = -(-wanted // tables["receipts"].num_rows)
    with EmbeddedArchive(folder, create=True) as archive:
        for table in schema.TABLES:
            rows = tables[table.name]
            at_once = max(1, _ROWS_A_COMMIT // rows.num_rows)
            for start in range(0, copies, at_once):
                numbers = range(start, min(start + at_once, copies))
                several = pa.concat_tables([_as_other_chats(rows, number) for number in numbers])
                archive.lake.replace(table, archive.lake.load(table), several, Sought())


def _as_other_chats(rows: pa.Table, number: int) -> pa.Table:
    for name in ("initial_contact_id", "contact_id"):
        position = rows.column_names.index(name)
        renamed = pc.binary_join_element_wise(rows.column(name), str(number), "-")
        rows = rows.set_column(position, rows.field(position), renamed)
    return rows


if __name__ == "__main__":
    main()
