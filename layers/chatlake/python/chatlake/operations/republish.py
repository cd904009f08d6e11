"""Republishing: every chat, or some, due to be published again, embedded or deployed.

Rows of an older row format, rows that others have changed: the next publication writes them anew,
even if nothing of the chat has changed. Nothing is emptied meanwhile.
"""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_HINT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chatlake.chat_state import BatchHint
    from chatlake.operations.archive import Archive
    from chatlake.progress import Progress

_CHATS_AT_ONCE = 1000


def republish(
    archive: Archive, progress: Progress, initial_contact_ids: Iterable[str] | None = None
) -> int:
    """Make chats due to be published again; return how many.

    When this is cut off, some chats are due and the others are as before: do it again.

    Parameters
    ----------
    archive
        An embedded one is to be shared (`EmbeddedArchive.shared`), as for an import.
    initial_contact_ids
        Which chats; None for all that have a document.
    """
    chats: Iterator[tuple[str, BatchHint]] = (
        archive.store.chats()
        if initial_contact_ids is None
        else ((chat, NO_HINT) for chat in initial_contact_ids)
    )
    count = 0
    with progress.stage("Queueing", None) as advance:
        for some in batched(chats, _CHATS_AT_ONCE, strict=False):
            hints = dict(some)
            # Forgotten first: a message that came before would find the chat unchanged.
            archive.chats.publish_attempts.forget_published(hints)
            archive.publish_queue.send(hints)
            count += len(hints)
            advance(len(hints))
    return count
