"""What is remembered of each chat beside its document: legs, attempts to publish, tombstones.

An *attempt* is recorded before a publisher commits any row of a chat, with the days that the rows
fall on. So a chat with one attempt only, one's own, has no rows yet, and of any other it is known
where its rows can be.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

type Day = int | None
"""Days since 1970-01-01 in UTC; None for rows without a time."""

NO_DOCUMENT = ""
"""Stands for the revision of a chat that has no document, and so no rows."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """How many attempts to publish a chat there were, and on which days its rows can be."""

    count: int = 0
    days: frozenset[Day] = frozenset()
    published_revision: str | None = None


class ChatState(Protocol):
    """The state of chats; implementations are SQLite and DynamoDB."""

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Give the chats of those contacts that are known as legs, if sure not provisionally."""

    def legs(self, initial_contact_id: str) -> set[str]:
        """Give the contacts that are known as legs of a chat."""

    def add_legs(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Remember which chat each contact is a leg of.

        A provisional word gives way to any other; of several others the smallest counts.
        """

    def record_attempts(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on.

        From now on nobody knows which revision the rows of the chats show. Gives the counts.
        """

    def attempts(self, initial_contact_ids: Collection[str]) -> dict[str, AttemptRecord]:
        """Give the attempts so far of those chats that had any."""

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> set[str]:
        """Remember which revision the rows of each chat show, if no later attempt was recorded.

        Gives those for which none was.
        """

    def erased(self, initial_contact_ids: Collection[str]) -> set[str]:
        """Give those of the chats that were erased."""

    def add_tombstones(self, initial_contact_id: str) -> None:
        """Leave a tombstone for a chat and each of its legs, for good."""

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is known of a chat but its tombstones, if it is sure to have no rows."""


def tombstone(contact_id: str) -> str:
    """Give the name of a contact's tombstone: a digest, so that an erased id is nowhere."""
    return hashlib.sha256(contact_id.encode()).hexdigest()
