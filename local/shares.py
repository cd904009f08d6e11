"""How many of the receipts that could be had are in the tables, by what ended their chats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.scripted.ending import EndedBy
from local.world_script import Hook, Told

if TYPE_CHECKING:
    from local.scripted.chat import Chat

_READ = {
    Hook.NONE: "",
    Hook.FLOW: "; the flow had it read",
    Hook.CLOSING: "; the page had it read",
}


@dataclass(frozen=True, slots=True)
class Share:
    """The receipts of some chats.

    Attributes
    ----------
    reported, could_be_had, there
        All of them; those of chats whose token was given; and those of these that are there.
    """

    chats: int = 0
    reported: int = 0
    could_be_had: int = 0
    there: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(
            self.chats + other.chats,
            self.reported + other.reported,
            self.could_be_had + other.could_be_had,
            self.there + other.there,
        )

    @property
    def kept(self) -> float:
        """The share that is there of what could be had; all of nothing."""
        return self.there / self.could_be_had if self.could_be_had else 1.0


def shares(
    chats: Iterable[Chat], told: Told, receipts_of: Mapping[str, tuple[int, int]]
) -> dict[str, Share]:
    """Return the share of receipts that was kept, by who ended the chat and what read it then.

    Parameters
    ----------
    receipts_of
        How many receipts a chat has, and how many of them are there.
    """
    found: dict[tuple[EndedBy, Hook], Share] = defaultdict(Share)
    for chat in chats:
        contact = chat.initial_contact_id
        reported, there = receipts_of.get(contact, (0, 0))
        given = contact in told.given
        share = Share(1, reported, reported * given, there * given)
        found[chat.ended_by, told.hooks.get(contact, Hook.NONE)] += share
    return {
        f"{by.value}{_READ[hook]}": found[by, hook]
        for by in EndedBy
        for hook in Hook
        if (by, hook) in found
    }
