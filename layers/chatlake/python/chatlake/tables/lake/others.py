"""What others have added to a table since our newest commit: Athena's DML, Spark, earlier versions.

A chat's old rows are sought on the days that its publications recorded. Rows that others have
written can be on other days, so their files are looked through once. A table property says up to
which sequence number that was done, and each of our commits sets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.table.snapshots import Operation

from chatlake.tables.lake.definition import SEEN_SEQUENCE_NUMBER
from chatlake.tables.lake.live_files import LiveFile, live_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyiceberg.table import Table as IcebergTable


def files_of_others(loaded: IcebergTable) -> Iterator[LiveFile]:
    """Find the data files that others have added, but those that say the same as those before."""
    seen = _seen_sequence_number(loaded)
    if loaded.metadata.last_sequence_number <= seen:
        return
    rewritten = {
        snapshot.snapshot_id
        for snapshot in loaded.snapshots()
        if snapshot.summary and snapshot.summary.operation == Operation.REPLACE
    }
    for live in live_files(loaded, lambda manifest: (manifest.sequence_number or 0) > seen):
        if live.sequence_number > seen and live.snapshot_id not in rewritten:
            yield live


def seen_property(loaded: IcebergTable) -> dict[str, str]:
    """Return the property of a commit that is made once the files of others were looked through."""
    return {SEEN_SEQUENCE_NUMBER: str(loaded.metadata.next_sequence_number())}


def _seen_sequence_number(loaded: IcebergTable) -> int:
    try:
        return int(loaded.properties[SEEN_SEQUENCE_NUMBER])
    except (KeyError, ValueError):
        # Somebody has removed it: all files are looked through once.
        return -1
