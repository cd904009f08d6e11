"""Rebuilding: the tables afresh from the documents, which are the source of truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.upsert import legs_of, some_day, upsert
from chatlake.embedded.import_files import publish_queue
from chatlake.exceptions import DamagedDocument
from chatlake.tables.lake.purge import purge
from chatlake.tables.publish import PublishOutcome

if TYPE_CHECKING:
    from chatlake.chat_state import Day
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.embedded.import_files import Progress

_CHATS_AT_ONCE = 1000


def rebuild(archive: EmbeddedArchive, progress: Progress) -> PublishOutcome:
    """Empty the tables and publish every document again.

    Legs are learnt anew, too, so a lake is whole again from its documents alone. When this is
    cut off, all chats are waiting already, and the next import or rebuild goes on.
    """
    outcome = PublishOutcome()
    with archive.alone():
        archive.store.sweep()
        archive.chats.forget_published()
        _enqueue_all(archive, progress, outcome)
        archive.lake.reset_tables()
        archive.chats.forget_attempts()
        publish_queue(archive, progress, outcome)
        purge(archive.lake, archive.warehouse)
    return outcome


def _enqueue_all(archive: EmbeddedArchive, progress: Progress, outcome: PublishOutcome) -> None:
    # Chats that wait already stay in the queue, or they would be lost when this is cut off;
    # publishing one twice does nothing the second time.
    waiting: dict[str, tuple[Day, int]] = {}
    provisional_chats: set[str] = set()
    legs: dict[bool, dict[str, str]] = {True: {}, False: {}}

    def flush() -> None:
        for chat in archive.chats.erased(waiting):
            archive.store.delete(chat)
            del waiting[chat]
        archive.chats.enqueue(waiting)
        waiting.clear()
        for provisional, found in legs.items():
            archive.chats.add_legs(found, provisional=provisional)
            found.clear()

    with progress.stage("Reading", archive.store.count()) as advance:
        for stored in archive.store:
            advance(1)
            if isinstance(stored, DamagedDocument):
                outcome.failed[stored.initial_contact_id] = str(stored)
                continue
            document = stored.document
            waiting[document.initial_contact_id] = (some_day(document), stored.size)
            if document.provisional:
                provisional_chats.add(document.initial_contact_id)
            known = legs[document.provisional]
            known |= dict.fromkeys(legs_of(document), document.initial_contact_id)
            if len(waiting) >= _CHATS_AT_ONCE:
                flush()
        flush()
    _place_again(archive, provisional_chats, outcome)


def _place_again(
    archive: EmbeddedArchive, provisional_chats: set[str], outcome: PublishOutcome
) -> None:
    """Move documents that were keyed by a leg, where an intake was cut off before it did."""
    for leg, chat in archive.chats.initial_contacts(provisional_chats).items():
        stored = archive.store.read(leg) if chat != leg else None
        if stored is not None:
            announce = archive.chats.enqueue
            upserted = upsert(
                [stored.document], store=archive.store, chats=archive.chats, announce=announce
            )
            outcome.failed |= upserted.failed
