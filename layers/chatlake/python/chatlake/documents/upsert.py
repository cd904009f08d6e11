"""Taking documents in: find the chat, merge into what is known of it, announce what changed.

Every step can be repeated, and a crash between two of them is made good by taking the same
documents in again: a chat is announced whenever its document is not the published one, whether
this intake changed it or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_DOCUMENT, AttemptRecord
from chatlake.documents.document import Document, merge, rekeyed
from chatlake.documents.items import text_id
from chatlake.documents.revision import revision
from chatlake.exceptions import DamagedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chatlake.chat_state import ChatState, Day
    from chatlake.documents.store import DocumentStore, StoredDocument

type Announce = Callable[[Mapping[str, tuple[Day, int]]], None]
"""Takes chats that are to be published, each with a day of its and its document's size."""

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(slots=True)
class UpsertResult:
    """What became of chats that were taken in, by initial contact id; `failed` says why."""

    new: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, later: UpsertResult) -> None:
        """Join what became of later documents; a chat is counted once, by its greatest change."""
        self.new |= later.new
        self.changed = (self.changed | later.changed) - self.new
        self.unchanged = (self.unchanged | later.unchanged) - self.new - self.changed
        self.erased |= later.erased
        self.failed |= later.failed


def upsert(
    documents: Iterable[Document],
    *,
    store: DocumentStore,
    chats: ChatState,
    announce: Announce,
    known: Mapping[str, StoredDocument] = MappingProxyType({}),
    ask_published: bool = True,
) -> UpsertResult:
    """Merge documents into the store and announce each chat that is not published as it now is.

    Documents of erased chats are left out, and a chat is erased once a leg of it turns out to have
    been, as a chat of its own. A document that was keyed by a contact of its own goes to the chat
    that this contact is a leg of, if that is known or gets known now.
    A chat whose stored document is damaged fails alone.

    Parameters
    ----------
    known
        Stored documents that the caller has just read, by chat.
    ask_published
        False if the caller knows better what is published: every chat is announced.
    """
    merged = _place(documents, chats)
    legs_by_chat = {chat: legs_of(document) for chat, document in merged.items()}
    upserted = UpsertResult(erased=_erased(legs_by_chat, chats))
    sizes: dict[str, tuple[Day, int]] = {}
    revisions: dict[str, str] = {}

    def put(document: Document) -> bool:
        chat = document.initial_contact_id
        existed = False

        def change(before: Document | None) -> Document:
            nonlocal existed
            existed = before is not None
            return document if before is None else merge(before, document)

        try:
            hint = {"known": known[chat]} if chat in known else {}
            stored, differs = store.update(chat, change, **hint)
        except DamagedDocument as error:
            upserted.failed[chat] = str(error)
            return False
        became = (upserted.changed if existed else upserted.new) if differs else upserted.unchanged
        became.add(chat)
        sizes[chat] = (some_day(stored.document), stored.size)
        revisions[chat] = revision(stored.document)
        return True

    for chat, document in merged.items():
        if chat not in upserted.erased:
            put(document)
    legs = {
        provisional: {
            leg: chat
            for chat, document in merged.items()
            if document.provisional is provisional
            for leg in legs_by_chat[chat]
        }
        for provisional in (True, False)
    }
    for provisional, found in legs.items():
        chats.add_legs(found, provisional=provisional)
    moved, damaged = _merge_misplaced(legs[True] | legs[False], store, chats, put)
    upserted.failed |= damaged
    # What was not written just now was erased by whoever erased it.
    written = {chat: legs_by_chat.get(chat, {chat}) for chat in upserted.new | upserted.changed}
    with_rows = _remove_erased(written, revisions, store, chats, upserted)

    published = chats.attempts(revisions) if ask_published else {}
    announce(
        dict.fromkeys(moved | with_rows, (None, 0))
        | {
            chat: sizes[chat]
            for chat, digest in revisions.items()
            if published.get(chat, AttemptRecord()).published_revision != digest
        }
    )
    return upserted


def legs_of(document: Document) -> set[str]:
    """Give the contacts that a document shows to be legs of its chat."""
    return {
        document.initial_contact_id,
        *document.events,
        *document.exports,
        *(
            contact
            for entry in document.items.values()
            for version in entry["versions"]
            if (contact := text_id(version["item"].get("ContactId")))
            and text_id(version["item"].get("RelatedContactId")) is None
        ),
    }


def _place(documents: Iterable[Document], chats: ChatState) -> dict[str, Document]:
    """Key each document by its chat, as far as that is known, and merge those of one chat."""
    documents = list(documents)
    owners = chats.initial_contacts({d.initial_contact_id for d in documents if d.provisional})
    merged: dict[str, Document] = {}
    for document in documents:
        chat = document.initial_contact_id
        owner = owners.get(chat, chat) if document.provisional else chat
        placed = document if owner == chat else rekeyed(document, owner)
        merged[owner] = merge(merged[owner], placed) if owner in merged else placed
    return merged


def _merge_misplaced(
    legs: Mapping[str, str],
    store: DocumentStore,
    chats: ChatState,
    put: Callable[[Document], bool],
) -> tuple[set[str], dict[str, str]]:
    """Move documents that were keyed by a leg into the chat that the leg is now known to be of.

    Returns
    -------
    tuple[set[str], dict[str, str]]
        The legs whose documents were moved, now or by somebody who was cut off before their
        rows were gone; and those whose documents could not be read, with the reason.
    """
    owners = {leg: owner for leg, owner in chats.initial_contacts(legs).items() if owner != leg}
    present = store.tags(owners)
    rows = chats.attempts(owners.keys() - present.keys())
    moved = {
        leg
        for leg, attempts in rows.items()
        if attempts.count and attempts.published_revision != NO_DOCUMENT
    }
    damaged: dict[str, str] = {}
    for leg in present:
        owner = owners[leg]
        try:
            stored = store.read(leg)
        except DamagedDocument as error:
            damaged[leg] = str(error)
            continue
        while stored and stored.document.provisional and put(rekeyed(stored.document, owner)):
            moved.add(leg)
            # Not if somebody has added to it meanwhile.
            if store.delete(leg, stored.tag):
                break
            stored = store.read(leg)
    return moved, damaged


def _erased(legs_by_chat: Mapping[str, set[str]], chats: ChatState) -> set[str]:
    """Give the chats of which any leg was erased."""
    erased = chats.erased({leg for legs in legs_by_chat.values() for leg in legs})
    return {chat for chat, legs in legs_by_chat.items() if legs & erased}


def _remove_erased(
    written: Mapping[str, set[str]],
    revisions: dict[str, str],
    store: DocumentStore,
    chats: ChatState,
    upserted: UpsertResult,
) -> set[str]:
    """Remove documents of chats that were erased while they were written, or came again.

    Gives those that may have rows: nobody removes these who erased but a leg of theirs.
    """
    for chat in _erased(written, chats):
        del revisions[chat]
        upserted.erased.add(chat)
        for became in (upserted.new, upserted.changed, upserted.unchanged):
            became.discard(chat)
    with_rows: set[str] = set()
    for chat in upserted.erased:
        # This time with the legs that nobody knew of when it was erased.
        chats.add_tombstones(chat)
        store.delete(chat)
        # While rows may be left, an erasure that was cut off finds them by the legs.
        if not chats.forget(chat):
            with_rows.add(chat)
    return with_rows


def some_day(document: Document) -> Day:
    """Give the day of one of the items: enough to put chats of a day into one batch."""
    for entry in document.items.values():
        sent = entry["versions"][0]["item"].get("AbsoluteTime")
        try:
            return date.fromisoformat(sent[:10]).toordinal() - _EPOCH_ORDINAL
        except (TypeError, ValueError):
            return None
    return None
