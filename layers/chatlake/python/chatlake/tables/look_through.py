"""What others have written is looked through before the next rows are.

Where a chat's rows can be is known from its publications; where others have put rows of it is noted
here, so that they are found like its own.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from chatlake.chat_state import ChatState, Day

_ROWS_AT_ONCE = 10_000


def look_through(rows_of_others: Iterable[pa.Table], chats: ChatState) -> set[str]:
    """Note the days of rows that others have written (`Lake.rows_of_others`).

    Only for chats that were ever published: others may make up ids that no chat has.

    Returns
    -------
    set of str
        Chats whose rows are to be made again.
    """
    outdated: set[str] = set()
    for rows in rows_of_others:
        for some in rows.to_batches(max_chunksize=_ROWS_AT_ONCE):
            outdated |= _look_through(some, chats)
    return outdated


def _look_through(rows: pa.RecordBatch, chats: ChatState) -> set[str]:
    found = defaultdict[str, set["Day"]](set)
    outdated: set[str] = set()
    columns = (rows.column(name).to_pylist() for name in ("chat", "day", "is_outdated"))
    for chat, day, is_outdated in zip(*columns, strict=True):
        found[chat].add(day)
        if is_outdated:
            outdated.add(chat)
    known = chats.publish_attempts.read(found)
    elsewhere = {
        chat: found[chat] - record.days
        for chat, record in known.items()
        if not found[chat] <= record.days
    }
    if elsewhere:
        chats.publish_attempts.add_days(elsewhere)
    return outdated & known.keys()
