"""What others have written is looked through before the next rows are.

Where a chat's rows can be is known from its publications; where others have put rows of it is noted
here, so that they are found like its own. And what an earlier version has written, or left without
values of newer columns, is to be made again.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Set

    import pyarrow as pa

    from chatlake.chat_state import BatchHint, ChatState, Day

_ROWS_AT_ONCE = 10_000


def look_through(
    rows_of_others: Iterable[pa.Table],
    chats: ChatState,
    at_hand: Set[str],
    announce: Callable[[Mapping[str, BatchHint]], object],
) -> set[str]:
    """Note the days of rows that others have written, and make chats due whose rows are outdated.

    Only chats that were ever published: others may make up ids that no chat has. The next commit
    says that all of this is known, so it comes before.

    Parameters
    ----------
    rows_of_others
        As `Lake.rows_of_others` tells of them.
    at_hand
        Chats that get new rows now, and need not be due again.
    announce
        Sends chats to the publish queue.

    Returns
    -------
    set of str
        Those at hand that have rows of others.
    """
    found_at_hand: set[str] = set()
    outdated: set[str] = set()
    for rows in rows_of_others:
        for some in rows.to_batches(max_chunksize=_ROWS_AT_ONCE):
            found_at_hand.update(at_hand & set(some.column("chat").to_pylist()))
            outdated |= _look_through(some, chats)
    outdated.difference_update(at_hand)
    if outdated:
        chats.publish_attempts.forget_published(outdated)
        announce(dict.fromkeys(sorted(outdated), NO_HINT))
    return found_at_hand


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
