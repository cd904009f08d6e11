"""A leg directory that asks only once for what does not change: confirmed mappings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from chatlake.chat_state import ChatState, LegDirectory, PublishAttempts, Tombstones

_MOST_LEGS = 100_000


class LegCache:
    """Another leg directory, and a cache of its confirmed mappings.

    For Capture and Track, which ask for the same contacts often. Not for Publish, which must see
    an erasure at once.
    """

    def __init__(self, legs: LegDirectory) -> None:
        self._legs = legs
        self._confirmed: dict[str, str] = {}

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Return the chats of those contacts that are known; only confirmed ones if asked so."""
        known = {c: self._confirmed[c] for c in contact_ids if c in self._confirmed}
        missing = set(contact_ids) - known.keys()
        if not missing:
            return known
        found = self._legs.initial_contacts(missing, confirmed=True)
        if len(self._confirmed) > _MOST_LEGS:
            self._confirmed.clear()
        self._confirmed.update(found)
        known |= found
        missing -= found.keys()
        return known | ({} if confirmed else self._legs.initial_contacts(missing))

    def of_chat(self, initial_contact_id: str) -> set[str]:
        """Return the contacts that are known as legs of a chat."""
        return self._legs.of_chat(initial_contact_id)

    def add(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Map contacts to the chats that they are legs of."""
        # A provisional mapping does not override a confirmed one.
        fresh = {
            contact: chat
            for contact, chat in legs.items()
            if contact not in self._confirmed
            or not (provisional or self._confirmed[contact] <= chat)
        }
        self._legs.add(fresh, provisional=provisional)
        for contact in fresh:
            # A concurrent writer may have mapped it elsewhere, and have the last word.
            self._confirmed.pop(contact, None)


@dataclass(frozen=True, slots=True)
class _CachedChatState:
    legs: LegDirectory
    publish_attempts: PublishAttempts
    tombstones: Tombstones
    uncached: ChatState

    def forget(self, initial_contact_id: str) -> bool:
        return self.uncached.forget(initial_contact_id)


def with_leg_cache(chats: ChatState) -> ChatState:
    """Return the same state of chats, with a cache of its legs."""
    return _CachedChatState(LegCache(chats.legs), chats.publish_attempts, chats.tombstones, chats)
