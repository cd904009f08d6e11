"""Upserting documents: find the chat of each, merge it into the stored one, say what to publish.

Every step can be repeated, and a crash between two of them is made good by upserting the same
documents again: a chat is to be published whenever its document is not the published one, whether
this upsert changed it or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_DOCUMENT, NO_HINT, AttemptRecord, BatchHint, add_tombstones
from chatlake.documents.batch_hint import batch_hint
from chatlake.documents.content_policy import ContentPolicy, left_out
from chatlake.documents.document import Document, merge, rekeyed
from chatlake.documents.expiry import is_expired
from chatlake.documents.legs import legs_of
from chatlake.documents.merging import merge_into
from chatlake.documents.revision import content_revision, revision
from chatlake.exceptions import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chatlake.chat_state import ChatState
    from chatlake.documents.store import DocumentStore, StoredDocument


@dataclass(slots=True)
class UpsertResult:
    """What became of chats, by initial contact id.

    Attributes
    ----------
    new, changed, unchanged
        Chats by what became of the content of their stored documents. One of which the same was
        read again is unchanged, though that is noted in its document.
    erased
        Chats that were erased, and whose documents were left out or removed.
    failed
        Why a chat's document could not be merged.
    stored, revisions
        What is stored of the chats that were not erased, and the revisions of that.
    moved
        Legs that were kept as chats of their own, and are part of another one's document now.
    expired
        Chats that are so long over that no document of theirs is kept, and none was there.
    left_out
        How many items were stored, for the first time, without their content: the store's policy
        does not allow it.
    to_publish
        Chats whose rows are not those of their documents: the caller sends them to the publish
        queue, or the same upsert must be repeated.
    """

    new: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    stored: dict[str, StoredDocument] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    left_out: int = 0
    to_publish: dict[str, BatchHint] = field(default_factory=dict)

    def add(self, later: UpsertResult) -> None:
        """Join what became of later documents; a chat is counted once, by its greatest change.

        What is stored, moved and to be published is not joined: that was the caller's to take from
        each batch.
        """
        self.new |= later.new
        self.changed = (self.changed | later.changed) - self.new
        self.unchanged = (self.unchanged | later.unchanged) - self.new - self.changed
        self.erased |= later.erased
        self.failed |= later.failed
        self.left_out += later.left_out


def upsert(
    documents: Iterable[Document],
    *,
    store: DocumentStore,
    chats: ChatState,
    known: Mapping[str, StoredDocument] = MappingProxyType({}),
    ask_published: bool = True,
) -> UpsertResult:
    """Merge documents into the store.

    What the store's policy does not allow is taken from each first, so that it outranks nothing
    that may be kept. Documents of erased chats are left out, and a chat is erased once a leg of it
    turns out to have been, as a chat of its own. A document that was keyed by a contact of its own
    goes to the chat that this contact is a leg of, if that is known or becomes known now. A chat
    whose stored document is unreadable fails alone.

    Parameters
    ----------
    known
        Stored documents that the caller has just read, by chat.
    ask_published
        False if the caller knows better what is published: every chat counts as to be published.
    """
    return _Upsert(store, chats, known).run(documents, ask_published=ask_published)


class _Upsert:
    """One upsert: what it works with, and what came of it so far."""

    def __init__(
        self, store: DocumentStore, chats: ChatState, known: Mapping[str, StoredDocument]
    ) -> None:
        self._store = store
        self._chats = chats
        self._known = known
        self._result = UpsertResult()
        self._hints: dict[str, BatchHint] = {}
        self._written: set[str] = set()

    def run(self, documents: Iterable[Document], *, ask_published: bool) -> UpsertResult:
        """Do all of it, in an order that a crash at any point leaves repeatable."""
        allowed = map(self._store.policy.applied, documents)
        merged = _by_chat(allowed, self._chats)
        self._leave_expired(merged)
        legs_by_chat = {chat: legs_of(document) for chat, document in merged.items()}
        self._result.erased = _erased(legs_by_chat, self._chats)
        for chat, document in merged.items():
            if chat not in self._result.erased:
                self._put(document)
        for provisional in (True, False):
            legs = {
                leg: chat
                for chat, document in merged.items()
                if document.provisional is provisional
                for leg in legs_by_chat[chat]
            }
            self._chats.legs.add(legs, provisional=provisional)
        self._result.moved = self._move_misplaced(
            {leg for legs in legs_by_chat.values() for leg in legs}
        )
        with_rows = self._remove_erased(legs_by_chat)
        published = (
            self._chats.publish_attempts.read(self._result.revisions) if ask_published else {}
        )
        self._result.to_publish = dict.fromkeys(self._result.moved | with_rows, NO_HINT) | {
            chat: self._hints[chat]
            for chat, digest in self._result.revisions.items()
            if published.get(chat, AttemptRecord()).published_revision != digest
        }
        return self._result

    def _leave_expired(self, merged: dict[str, Document]) -> None:
        """Leave out chats whose documents are gone: a late part must not take the place of rows."""
        days = self._store.retention_days
        expired = {chat for chat, document in merged.items() if is_expired(document, days)}
        if expired:
            self._result.expired = expired - self._store.tags(expired).keys()
        for chat in self._result.expired:
            del merged[chat]

    def _put(self, document: Document) -> bool:
        """Merge a document into the stored one of its chat; tell whether that could be read."""
        chat, policy = document.initial_contact_id, self._store.policy
        known: Document | None = None

        def change(before: Document | None) -> Document:
            nonlocal known
            known = before
            return document if before is None else merge(policy.applied(before), document)

        try:
            stored, differs = self._store.update(chat, change, self._known.get(chat))
        except UnreadableDocument as error:
            self._result.failed[chat] = str(error)
            return False
        result = self._result
        if differs and policy is not ContentPolicy.FULL:
            before = left_out(known) if known else set[str]()
            result.left_out += len(left_out(stored.document) - before)
        if not differs or (
            known is not None and content_revision(known) == content_revision(stored.document)
        ):
            result.unchanged.add(chat)
        else:
            (result.new if known is None else result.changed).add(chat)
        if differs:
            self._written.add(chat)
        result.stored[chat] = stored
        self._hints[chat] = batch_hint(stored)
        self._result.revisions[chat] = revision(stored.document)
        return True

    def _move_misplaced(self, legs: set[str]) -> set[str]:
        """Move documents that were keyed by a leg into the chat that the leg is now known to be of.

        Returns the legs whose documents were moved, now or by an upsert that was cut off before
        their rows were gone.
        """
        owners = self._chats.legs.initial_contacts(legs)
        owners = {leg: owner for leg, owner in owners.items() if owner != leg}
        policy, present = self._store.policy, self._store.tags(owners)
        records = self._chats.publish_attempts.read(owners.keys() - present.keys())
        moved = {
            leg
            for leg, record in records.items()
            if record.count and record.published_revision != NO_DOCUMENT
        }
        for leg in present:
            try:
                stored = self._store.read(leg)
            except UnreadableDocument as error:
                self._result.failed[leg] = str(error)
                continue
            while (
                stored
                and stored.document.provisional
                and self._put(rekeyed(policy.applied(stored.document), owners[leg]))
            ):
                moved.add(leg)
                # Not if a concurrent writer has added to it.
                if self._store.delete(leg, stored.tag):
                    self._result.stored.pop(leg, None)
                    break
                stored = self._store.read(leg)
        return moved

    def _remove_erased(self, legs_by_chat: Mapping[str, set[str]]) -> set[str]:
        """Remove documents of chats that were erased while they were written, or came again.

        Returns those that may have rows: an erasure of a leg of theirs has left them.
        """
        result = self._result
        # What was not written just now was removed by its erasure.
        written = {chat: legs_by_chat.get(chat, {chat}) for chat in self._written}
        for chat in _erased(written, self._chats):
            del result.revisions[chat], result.stored[chat]
            result.erased.add(chat)
            for became in (result.new, result.changed, result.unchanged):
                became.discard(chat)
        with_rows: set[str] = set()
        for chat in result.erased:
            # This time with the legs that nobody knew of when it was erased.
            add_tombstones(self._chats, chat)
            self._store.delete(chat)
            # While rows may be left, an erasure that was cut off finds them by the legs.
            if not self._chats.forget(chat):
                with_rows.add(chat)
        return with_rows


def _by_chat(documents: Iterable[Document], chats: ChatState) -> dict[str, Document]:
    """Key each document by its chat, as far as that is known, and merge those of one chat."""
    documents = list(documents)
    provisional = {d.initial_contact_id for d in documents if d.provisional}
    owners = chats.legs.initial_contacts(provisional)
    merged: dict[str, Document] = {}
    for document in documents:
        chat = document.initial_contact_id
        owner = owners.get(chat, chat) if document.provisional else chat
        merge_into(merged, owner, document if owner == chat else rekeyed(document, owner), merge)
    return merged


def _erased(legs_by_chat: Mapping[str, set[str]], chats: ChatState) -> set[str]:
    """Return the chats of which any leg was erased."""
    erased = chats.tombstones.erased({leg for legs in legs_by_chat.values() for leg in legs})
    return {chat for chat, legs in legs_by_chat.items() if legs & erased}
