"""State of chats that asks only once for what does not change: which chat a contact is a leg of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chatlake.chat_state import AttemptRecord, ChatState, Day

_MOST_LEGS = 100_000


class LegCache:
    """Another state of chats, and a memory of legs that are sure.

    For those who follow chats while they go on, and look at each many times. Not for who must see
    at once that a chat was erased and forgotten: a publisher.
    """

    def __init__(self, chats: ChatState) -> None:
        self._chats = chats
        self._confirmed: dict[str, str] = {}

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Give the chats of those contacts that are known as legs, if sure not provisionally."""
        known = {
            contact: self._confirmed[contact]
            for contact in contact_ids
            if contact in self._confirmed
        }
        missing = set(contact_ids) - known.keys()
        if not missing:
            return known
        certain = self._chats.initial_contacts(missing, confirmed=True)
        self._remember(certain)
        known |= certain
        missing -= certain.keys()
        return known | ({} if confirmed else self._chats.initial_contacts(missing))

    def add_legs(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Remember which chat each contact is a leg of."""
        # A provisional word says nothing against a sure one.
        fresh = {
            contact: chat
            for contact, chat in legs.items()
            if contact not in self._confirmed
            or not (provisional or self._confirmed[contact] <= chat)
        }
        self._chats.add_legs(fresh, provisional=provisional)
        for contact in fresh:
            # Somebody else may have said otherwise, and have the last word.
            self._confirmed.pop(contact, None)

    def _remember(self, legs: Mapping[str, str]) -> None:
        if len(self._confirmed) > _MOST_LEGS:
            self._confirmed.clear()
        self._confirmed.update(legs)

    def legs(self, initial_contact_id: str) -> set[str]:
        """Give the contacts that are known as legs of a chat."""
        return self._chats.legs(initial_contact_id)

    def record_attempts(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on."""
        return self._chats.record_attempts(days)

    def attempts(self, initial_contact_ids: Collection[str]) -> dict[str, AttemptRecord]:
        """Give the attempts so far of those chats that had any."""
        return self._chats.attempts(initial_contact_ids)

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> set[str]:
        """Remember which revision the rows of each chat show, if no later attempt was recorded."""
        return self._chats.mark_published(revisions, counts)

    def erased(self, initial_contact_ids: Collection[str]) -> set[str]:
        """Give those of the chats that were erased."""
        return self._chats.erased(initial_contact_ids)

    def add_tombstones(self, initial_contact_id: str) -> None:
        """Leave a tombstone for a chat and each of its legs, for good."""
        self._chats.add_tombstones(initial_contact_id)

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is known of a chat but its tombstones, if it is sure to have no rows."""
        return self._chats.forget(initial_contact_id)
