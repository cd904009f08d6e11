"""Republishing: every chat, or some, due to be published again, embedded or deployed.

Rows of an older row format, rows that others have changed: the next publication writes them anew,
even if nothing of the chat has changed. Nothing is emptied meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_HINT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chatlake.chat_state import BatchHint
    from chatlake.operations.archive import Archive
    from chatlake.progress import Progress

_CHATS_AT_ONCE = 1000


@dataclass(slots=True)
class Requeued:
    """How many chats are due now, and which of the contacts that were named are not known."""

    chats: int = 0
    unknown: set[str] = field(default_factory=set)


def republish(
    archive: Archive, progress: Progress, contact_ids: Collection[str] | None = None
) -> Requeued:
    """Make chats due to be published again.

    When this is cut off, some chats are due and the others are as before: do it again.

    Parameters
    ----------
    archive
        An embedded one is to be shared (`EmbeddedArchive.shared`), as for an import.
    contact_ids
        Legs of the chats that are meant; None for all chats that have a document.
    """
    requeued = Requeued()
    chats: Iterable[tuple[str, BatchHint]]
    if contact_ids is None:
        chats = archive.store.chats()
    else:
        found = archive.chats.legs.initial_contacts(contact_ids)
        requeued.unknown = set(contact_ids) - found.keys()
        chats = dict.fromkeys(sorted({*found.values()}), NO_HINT).items()
    with progress.stage("Queueing", None) as advance:
        for some in batched(chats, _CHATS_AT_ONCE, strict=False):
            hints = dict(some)
            # Forgotten first: a message that came before would find the chat unchanged.
            archive.chats.publish_attempts.forget_published(hints)
            archive.publish_queue.send(hints)
            requeued.chats += len(hints)
            advance(len(hints))
    return requeued
