"""Chats that come in two rounds, as they do: first what was read while they lived, then all.

The first round has transcripts cut off in the middle, receipts still to come, and exports of legs
that do not say which chat they are of. The second has the whole transcripts and exports.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.chats import scripts

if TYPE_CHECKING:
    from local.chats import Chat
    from tests.oracle import Object

_START = datetime(2026, 9, 1, tzinfo=UTC)


def chats_of(seed: int, count: int) -> list[Chat]:
    """Make chats of three days."""
    return list(scripts(seed=seed, count=count, start=_START, days=3))


def first_round(chats: list[Chat]) -> list[Object]:
    """What is known of two of three chats in the midst of them."""
    return [value for chat in chats if chat.index % 3 for value in _early(chat)]


def second_round(chats: list[Chat]) -> list[Object]:
    """All transcripts and exports in the end."""
    return [value for chat in chats for value in (*chat.pages(page_size=20), *chat.exports())]


def _early(chat: Chat) -> list[Object]:
    middle = datetime.fromtimestamp((chat.started_ms + chat.ended_ms) / 2000, UTC)
    nameless = [
        {name: member for name, member in export.items() if name != "InitialContactId"}
        for export in chat.exports()[1:]
    ]
    return [*chat.pages(middle), *nameless]
