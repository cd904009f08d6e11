"""Erasing chats: everywhere, and for good."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.chat_state import add_tombstones

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chatlake.operations.archive import Archive
    from chatlake.tables.lake.refs import Ref


@dataclass(slots=True)
class Erasure:
    """What became of the contacts that were named.

    Attributes
    ----------
    still_held
        Tags and branches of the tables, whose snapshots hold rows of them until they are dropped.
    """

    erased: set[str] = field(default_factory=set)
    already_erased: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    still_held: list[Ref] = field(default_factory=list)


def erase(
    contact_ids: Collection[str],
    archive: Archive,
    *,
    discard: Callable[[str], object] | None = None,
) -> Erasure:
    """Remove the chats that some contacts are legs of: documents, rows and state.

    A tombstone goes first, so that nothing which arrives meanwhile brings a chat back; and the
    legs go last, so that an erasure that was cut off can be asked for again. What was erased
    before is sought once more: others may have brought it back.

    Parameters
    ----------
    discard
        Removes all else than rows and state that is kept under a contact; by default that is
        its document.
    """
    discard = discard or archive.store.delete
    found = archive.chats.legs.initial_contacts(contact_ids)
    erased_before = archive.chats.tombstones.erased(contact_ids)
    initial_contact_ids = set(found.values())
    # A leg that was taken for a chat once may have a document and rows of its own.
    contacts = {
        c for chat in initial_contact_ids for c in (chat, *archive.chats.legs.of_chat(chat))
    }
    for chat in initial_contact_ids:
        add_tombstones(archive.chats, chat)
    already_erased = erased_before - found.keys()
    # Their legs are forgotten: whose they are is told by rows that are left, if by anything.
    brought_back = archive.lake.chats_of_legs(already_erased) if already_erased else set[str]()
    contacts |= already_erased | archive.chats.tombstones.erased(brought_back)
    waiting = contacts
    while waiting:
        for contact in waiting:
            discard(contact)
        archive.publish(waiting, erasing=True)
        # Not as long as a concurrent publisher may write rows of it.
        waiting = {contact for contact in waiting if not archive.chats.forget(contact)}
    return Erasure(
        erased=initial_contact_ids,
        already_erased=already_erased,
        unknown=set(contact_ids) - found.keys() - erased_before,
        still_held=archive.lake.refs_with_rows(contacts),
    )
