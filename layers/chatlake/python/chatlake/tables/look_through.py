"""What others have written is looked through before the next rows are.

Where a chat's rows can be is known from its publications; where others have put rows of it is noted
here, so that they are found like its own. And rows that an older version has made, or left without
values of newer columns, are to be made again.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.documents.revision import ROW_FORMAT
from chatlake.tables import schema
from chatlake.tables.lake.data_files import day_of, read_rows
from chatlake.tables.lake.others import files_of_others

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

    from chatlake.chat_state import ChatState, Day
    from chatlake.tables.lake.live_files import LiveFile

_CHAT = "initial_contact_id"
_FORMAT = "row_format"
_ROWS_AT_ONCE = 10_000


def look_through(table: schema.Table, loaded: IcebergTable, chats: ChatState) -> set[str]:
    """Note the days of rows that others have written, for all chats that were ever published.

    Returns
    -------
    set of str
        Chats with rows of an older row format; only contacts tells.
    """
    outdated: set[str] = set()
    for live in files_of_others(loaded):
        for rows in _distinct(table, loaded, live).to_batches(max_chunksize=_ROWS_AT_ONCE):
            outdated |= _look_through(rows, chats)
    return outdated


def _look_through(rows: pa.RecordBatch, chats: ChatState) -> set[str]:
    found = defaultdict[str, set["Day"]](set)
    outdated: set[str] = set()
    for chat, day, is_outdated in zip(
        *(column.to_pylist() for column in rows.columns), strict=True
    ):
        found[chat].add(day)
        if is_outdated:
            outdated.add(chat)
    known = chats.publish_attempts.read(found)
    elsewhere = {
        chat: found[chat] - record.days
        for chat, record in known.items()
        if not found[chat] <= record.days
    }
    chats.publish_attempts.add_days(elsewhere)
    return outdated & known.keys()


def _distinct(table: schema.Table, loaded: IcebergTable, live: LiveFile) -> pa.Table:
    """Return chats, the days of their rows, and whether an older version has made some of these."""
    formats = [_FORMAT] if table is schema.CONTACTS else []
    rows = read_rows(loaded, live, _CHAT, table.partition_by, *formats)
    rows = rows.filter(pc.is_valid(rows.column(_CHAT)))
    is_outdated = pa.nulls(rows.num_rows, pa.bool_())
    if formats:
        is_outdated = pc.less(pc.fill_null(rows.column(_FORMAT), 0), ROW_FORMAT)
    pairs = pa.table(
        {
            "chat": rows.column(_CHAT),
            "day": day_of(rows.column(table.partition_by)),
            "is_outdated": is_outdated,
        }
    )
    return pairs.group_by(["chat", "day", "is_outdated"]).aggregate([])
