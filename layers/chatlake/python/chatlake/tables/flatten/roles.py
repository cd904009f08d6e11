"""Roles of participants: docs/row-rules.md §5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from chatlake.identifiers import text_id
from chatlake.json_codec import well_formed
from chatlake.timestamps import epoch_us

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.tables.flatten.items import Items

type Roles = dict[tuple[int, str | None], str]
"""By the position of a chat, and the id of a participant."""

_END_OF_TIME_US = 2**63


def roles_of(items: Items) -> Roles:
    """Return the role of each participant of each chat: its earliest item's, if it has several."""
    said = items.columns.select(["chat", "participant_id", "participant_role"])
    said = said.filter(pa.array(items.is_current, pa.bool_())).drop_null()
    groups = said.group_by(["chat", "participant_id"]).aggregate([("participant_role", "min_max")])
    roles: Roles = {}
    for chat, participant, role in zip(*groups.to_pydict().values(), strict=True):
        roles[chat, participant] = (
            role["min"] if role["min"] == role["max"] else _first_role(items, chat, participant)
        )
    return roles


def earliest(items: Items, some: Iterable[int]) -> int:
    """Return the earliest of some items, by their positions."""
    return min(some, key=lambda item: _order(items, item))


def _order(items: Items, item: int) -> tuple[int, str]:
    at = epoch_us(items.raw[item].get("AbsoluteTime"))
    return _END_OF_TIME_US if at is None else at, items.item_id[item]


def _first_role(items: Items, chat: int, participant: str) -> str:
    with_role = (
        item
        for item in items.of_chat(chat)
        if items.is_current[item]
        and text_id(items.raw[item].get("ParticipantId")) == participant
        and isinstance(items.raw[item].get("ParticipantRole"), str)
    )
    return well_formed(items.raw[earliest(items, with_role)]["ParticipantRole"])
