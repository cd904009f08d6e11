"""Rebuilding: the tables afresh from the documents, which are the source of truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.batch_hint import batch_hint
from chatlake.documents.legs import legs_of
from chatlake.documents.upsert import upsert
from chatlake.exceptions import NewerDocuments, UnreadableDocument, UnsupportedDocumentFormat
from chatlake.operations.publish_waiting import DEFAULT_LIMITS, BatchLimits, publish_waiting
from chatlake.tables.lake.purge import purge
from chatlake.tables.publish import PublishOutcome

if TYPE_CHECKING:
    from chatlake.chat_state import BatchHint
    from chatlake.operations.archive import FolderArchive
    from chatlake.progress import Progress

_CHATS_AT_ONCE = 1000


def rebuild(
    archive: FolderArchive, progress: Progress, limits: BatchLimits = DEFAULT_LIMITS
) -> PublishOutcome:
    """Empty the tables and publish every document again.

    Legs are mapped anew, too, so a lake is whole again from its documents alone. When this is
    cut off, all chats are waiting already, and the next import or rebuild goes on.

    Raises
    ------
    NewerDocuments
        A newer version has written some of the documents; the tables are as they were, and the
        other chats wait to be published, which changes nothing.
    """
    outcome = PublishOutcome()
    with archive.exclusive() as access:
        archive.store.sweep(access)
        _queue_all(archive, progress, outcome)
        archive.chats.publish_attempts.forget_all_published()
        archive.lake.reset_tables(access)
        archive.chats.publish_attempts.forget_all(access)
        publish_waiting(archive, progress, outcome, limits)
        purge(archive.lake, archive.warehouse, access)
    return outcome


def _queue_all(archive: FolderArchive, progress: Progress, outcome: PublishOutcome) -> None:
    """Put every chat into the publish queue, and map the legs of each."""
    # Chats that wait already stay in the queue, or they would be lost when this is cut off;
    # publishing one twice does nothing the second time.
    waiting: dict[str, BatchHint] = {}
    provisional_chats: set[str] = set()
    newer = 0
    example: UnsupportedDocumentFormat | None = None
    legs: dict[bool, dict[str, str]] = {True: {}, False: {}}

    def flush() -> None:
        for chat in archive.chats.tombstones.erased(waiting):
            archive.store.delete(chat)
            del waiting[chat]
        archive.publish_queue.send(waiting)
        waiting.clear()
        for provisional, found in legs.items():
            archive.chats.legs.add(found, provisional=provisional)
            found.clear()

    with progress.stage("Reading", archive.store.count()) as advance:
        for stored in archive.store:
            advance(1)
            if isinstance(stored, UnsupportedDocumentFormat):
                newer, example = newer + 1, stored
                continue
            if isinstance(stored, UnreadableDocument):
                outcome.failed[stored.initial_contact_id] = str(stored)
                continue
            document = stored.document
            waiting[document.initial_contact_id] = batch_hint(stored)
            if document.provisional:
                provisional_chats.add(document.initial_contact_id)
            known = legs[document.provisional]
            known |= dict.fromkeys(legs_of(document), document.initial_contact_id)
            if len(waiting) >= _CHATS_AT_ONCE:
                flush()
        flush()
    if example is not None:
        raise NewerDocuments(newer, example)
    _move_misplaced(archive, provisional_chats, outcome)


def _move_misplaced(
    archive: FolderArchive, provisional_chats: set[str], outcome: PublishOutcome
) -> None:
    """Move documents that were keyed by a leg, where an upsert was cut off before it did."""
    for leg, chat in archive.chats.legs.initial_contacts(provisional_chats).items():
        stored = archive.store.read(leg) if chat != leg else None
        if stored is not None:
            result = upsert([stored.document], store=archive.store, chats=archive.chats)
            archive.publish_queue.send(result.to_publish)
            outcome.failed |= result.failed
