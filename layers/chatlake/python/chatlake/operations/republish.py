"""Republishing: every chat, or some, due to be published again, in either home.

Rows of an older row format, rows that others have changed: the next publication writes them anew,
even if nothing of the chat has changed. Nothing is emptied meanwhile.
"""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_HINT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.operations.archive import Archive
    from chatlake.progress import Progress

_CHATS_AT_ONCE = 1000


def republish(
    archive: Archive, progress: Progress, initial_contact_ids: Iterable[str] | None = None
) -> int:
    """Make chats due to be published again; return how many.

    Parameters
    ----------
    initial_contact_ids
        Which chats; None for all that have a document.

    When this is cut off, some chats are due and the others are as before: do it again.
    """
    chats = (
        archive.store.initial_contact_ids() if initial_contact_ids is None else initial_contact_ids
    )
    count = 0
    with progress.stage("Queueing", 0) as advance:
        for some in batched(chats, _CHATS_AT_ONCE, strict=False):
            # Forgotten first: a message that comes before would find the chat unchanged.
            archive.chats.publish_attempts.forget_published(some)
            archive.publish_queue.send(dict.fromkeys(some, NO_HINT))
            count += len(some)
            advance(len(some))
    return count
