"""Chats that the state of chats has forgotten, because it was restored as it was before them.

Their documents and rows are there. Unless they are noted again, nobody would publish them, an
erasure would not know them, and their next rows would be added beside the ones that they have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.legs import legs_of
from chatlake.exceptions import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Collection

    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.chat_state import ChatState
    from chatlake.documents.store.s3 import S3Store


def readmit(
    chats_without_record: Collection[str],
    *,
    store: S3Store,
    chats: ChatState,
    schedule: CaptureSchedule,
) -> Collection[str]:
    """Note the legs of chats again, and that they have rows; return which chats these are.

    Chats that capture has still to look at are left alone: they are published in their own time.
    So are those that were erased or whose document is unreadable.
    """
    pending = {
        chat
        for chat, state in schedule.read_many(chats_without_record).items()
        if state.due_at is not None
    }
    forgotten = set(chats_without_record) - pending
    forgotten -= chats.tombstones.erased(forgotten)
    legs: dict[str, str] = {}
    for chat, stored in store.read_many(sorted(forgotten)).items():
        if isinstance(stored, UnreadableDocument):
            forgotten.discard(chat)
        else:
            legs |= dict.fromkeys(legs_of(stored.document), chat)
    chats.legs.add(legs, provisional=False)
    # After an attempt the next one looks for older rows, on all days of the document.
    chats.publish_attempts.record(dict.fromkeys(sorted(forgotten), ()))
    return forgotten
