"""What is kept of each chat beside its document: legs, publish attempts, tombstones.

Three interfaces, each with an implementation in SQLite and one in DynamoDB, and `ChatState`, which
has one of each. The publish queue is the fourth: who has changed a chat sends it there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

type Day = int | None
"""Days since 1970-01-01 in UTC; None for rows without a time."""

NO_DOCUMENT = ""
"""Stands for the revision of a chat that has no document, and so no rows."""

REWRITE = "rewrite"
"""Stands for the revision of rows that are to be written again, whatever they show."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """How often a chat was attempted to be published, and on which days its rows can be.

    `published_revision` is the revision of the document that its rows are known to show,
    `NO_DOCUMENT` if it is known to have none, `REWRITE` if they are to be written again; None if
    an attempt may have changed them since.
    """

    count: int = 0
    days: frozenset[Day] = frozenset()
    published_revision: str | None = None


@dataclass(frozen=True, slots=True)
class BatchHint:
    """What helps to form good batches: one of a chat's days, and its document's size in bytes."""

    day: Day = None
    size: int = 0


NO_HINT = BatchHint()


class LegDirectory(Protocol):
    """Tells which chat a contact is a leg of.

    A mapping is *confirmed* when Connect named the initial contact, *provisional* when a contact
    was taken for a chat of its own. Confirmed mappings override provisional ones.
    """

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Return the chats of those contacts that are known; only confirmed ones if asked so."""

    def of_chat(self, initial_contact_id: str) -> set[str]:
        """Return the contacts that are known as legs of a chat."""

    def add(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Map contacts to the chats that they are legs of.

        A provisional mapping is overridden by any confirmed one; of two alike the smaller chat
        counts, whatever their order.
        """


class PublishAttempts(Protocol):
    """Counts attempts to publish, each before the first row of it is committed.

    So a chat with one attempt only, one's own, has no rows yet, and of any other it is known on
    which days its rows can be.
    """

    def record(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on.

        From now on nobody knows which revision the rows of the chats show. Returns the counts.
        """

    def add_days(self, days: Mapping[str, Collection[Day]]) -> None:
        """Note further days where rows of chats are that have a record: others put them there."""

    def read(self, initial_contact_ids: Collection[str]) -> dict[str, AttemptRecord]:
        """Return the records of those chats that have one."""

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> set[str]:
        """Note which revision the rows of each chat show, if no later attempt was recorded.

        Nor if what was published of it was forgotten since. Returns those that were marked.
        """

    def forget_published(self, initial_contact_ids: Collection[str]) -> None:
        """Forget what was published of chats, so that their rows are written even if unchanged.

        That they were published, and where their rows can be, stays known. An attempt that is under
        way counts, too: it may have written what others have changed since.
        """


class Tombstones(Protocol):
    """The contacts of erased chats, as digests, for good."""

    def erased(self, contact_ids: Collection[str]) -> set[str]:
        """Return those of the contacts that were erased."""

    def add(self, contact_ids: Collection[str]) -> None:
        """Note that contacts were erased."""


class ChatState(Protocol):
    """All that is kept of chats beside their documents."""

    @property
    def legs(self) -> LegDirectory:
        """Which chat a contact is a leg of."""

    @property
    def publish_attempts(self) -> PublishAttempts:
        """What was attempted to be published, and where rows can be."""

    @property
    def tombstones(self) -> Tombstones:
        """What was erased."""

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is kept of a chat but its tombstones, if it certainly has no rows.

        Tombstones of all its legs are added with it. Returns whether it was removed: not as long as
        an attempt may have written rows.
        """


class PublishQueue(Protocol):
    """Chats that are to be published; may deliver each more than once, and in any order."""

    def send(self, chats: Mapping[str, BatchHint]) -> None:
        """Put chats into the queue."""


def add_tombstones(chats: ChatState, initial_contact_id: str) -> None:
    """Add a tombstone for a chat and each of its legs."""
    chats.tombstones.add({initial_contact_id, *chats.legs.of_chat(initial_contact_id)})


def digests_of(contact_ids: Iterable[str]) -> dict[str, str]:
    """Return contacts by the digests that their tombstones go by: an erased id is nowhere."""
    return {hashlib.sha256(contact.encode()).hexdigest(): contact for contact in contact_ids}
