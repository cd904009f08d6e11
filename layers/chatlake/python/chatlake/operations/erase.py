"""Erasing chats: everywhere, and for good."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from chatlake.chat_state import ChatState
    from chatlake.documents.store import DocumentStore
    from chatlake.tables.publish import PublishOutcome


class Archive(Protocol):
    """All places where something of a chat is; the embedded home and the deployed one."""

    @property
    def store(self) -> DocumentStore:
        """The documents."""

    @property
    def chats(self) -> ChatState:
        """The state of chats."""

    def publish(self, initial_contact_ids: Iterable[str]) -> PublishOutcome:
        """Bring the rows of some chats up to their documents."""


@dataclass(slots=True)
class Erasure:
    """What became of the contacts that were named."""

    erased: set[str] = field(default_factory=set)
    already_erased: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


def erase(
    contact_ids: Collection[str],
    archive: Archive,
    *,
    discard: Callable[[str], object] | None = None,
) -> Erasure:
    """Remove the chats that some contacts are legs of: documents, rows and state.

    A tombstone goes first, so that nothing which arrives meanwhile brings a chat back; and the
    legs go last, so that an erasure that was cut off can be asked for again.

    Parameters
    ----------
    discard
        Removes all else than rows and state that is kept under a contact; by default that is
        its document.
    """
    discard = discard or archive.store.delete
    found = archive.chats.initial_contacts(contact_ids)
    buried = archive.chats.erased(contact_ids)
    initial_contact_ids = set(found.values())
    # A leg that was taken for a chat once may have a document and rows of its own.
    contacts = {c for chat in initial_contact_ids for c in (chat, *archive.chats.legs(chat))}
    for chat in initial_contact_ids:
        archive.chats.add_tombstones(chat)
    waiting = contacts
    while waiting:
        for contact in waiting:
            discard(contact)
        archive.publish(waiting)
        # Not as long as somebody else may write rows of it who has not heard of this yet.
        waiting = {contact for contact in waiting if not archive.chats.forget(contact)}
    return Erasure(
        erased=initial_contact_ids,
        already_erased=buried - found.keys(),
        unknown=set(contact_ids) - found.keys() - buried,
    )
