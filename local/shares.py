"""How many of the receipts that could be had are in the tables, by what ended their chats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.scripted.ending import EndedBy
from local.world_script import Hook, Told

if TYPE_CHECKING:
    from local.scripted.chat import Chat

type End = tuple[EndedBy, Hook]
"""Who ended a chat, and what read it then."""


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
) -> dict[End, Share]:
    """Return the shares of receipts that were kept, by how their chats ended.

    Parameters
    ----------
    receipts_of
        How many receipts a chat has, and how many of them are there.
    """
    found: dict[End, Share] = {}
    for chat in chats:
        contact = chat.initial_contact_id
        reported, there = receipts_of.get(contact, (0, 0))
        given = contact in told.given
        share = Share(1, reported, reported * given, there * given)
        end = chat.ended_by, told.hooks.get(contact, Hook.NONE)
        found[end] = found.get(end, Share()) + share
    return {(by, hook): found[by, hook] for by in EndedBy for hook in Hook if (by, hook) in found}
