"""Scripted chats of each sort that the pipeline has to bear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from local.chats import Chat, scripts
from local.scripted.contact_center import epoch_ms
from local.scripted.items import Item
from local.scripted.marathon import marathon
from local.scripted.moved import moved

DAY_MS = epoch_ms(datetime(2026, 9, 1, 10, tzinfo=UTC))
"""About when all of it happens."""

_SEED = 7
_CHATS = 3_000
_MARATHON_MESSAGES = 5_000


@cache
def _all() -> list[Chat]:
    return list(scripts(seed=_SEED, count=_CHATS, start=datetime(2026, 8, 1, tzinfo=UTC), days=20))


def minutes(chat: Chat) -> float:
    return (chat.ended_ms - chat.started_ms) / 60_000


def roles(chat: Chat) -> list[str]:
    return [person.role for person in chat.participants]


def receipts(chat: Chat) -> int:
    return sum(len(item.receipts) for item in chat.own_items)


class Casting:
    """Gives the shortest chat that is as wanted, each only once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def find(
        self,
        wanted: Callable[[Chat], bool],
        *,
        started_s: float,
        longer_than_min: float = 2,
        source: Chat | None = None,
    ) -> Chat:
        """Return a chat, to start so many seconds after the beginning."""
        fitting = (
            chat
            for chat in _all()
            if minutes(chat) > longer_than_min
            and chat.initial_contact_id not in self._given
            and (source is not None or not chat.past_chats)
            and wanted(chat)
        )
        chat = min(fitting, key=minutes)
        self._given.add(chat.initial_contact_id)
        return moved(chat, DAY_MS + int(started_s * 1000), source)

    def returning(self, *, started_s: float, after_s: float) -> tuple[Chat, Chat, Chat]:
        """Return three chats, each of which brings back all that came before it."""
        by_id = {chat.initial_contact_id: chat for chat in _all()}

        def source_of(chat: Chat) -> Chat:
            return by_id[chat.legs[0].related_contact_id or ""]

        def chain(last: Chat) -> tuple[Chat, Chat, Chat]:
            return source_of(source_of(last)), source_of(last), last

        twice = [chat for chat in _all() if chat.past_chats == 2]
        three = min(
            (chain(chat) for chat in twice if minutes(chat) > 1 and receipts(chat)),
            key=lambda its: sum(map(minutes, its)),
        )
        self._given |= {chat.initial_contact_id for chat in three}
        first = moved(three[0], DAY_MS + int(started_s * 1000))
        second = moved(three[1], first.ended_ms + int(after_s * 1000), first)
        third = moved(three[2], second.ended_ms + int(after_s * 1000), second)
        return first, second, third


def long_one(*, started_s: float, lasts_s: float) -> Chat:
    return marathon(_SEED, _MARATHON_MESSAGES, DAY_MS + int(started_s * 1000), lasts_s)


def without(chat: Chat, *items: Item) -> Chat:
    """The chat as a service tells it that leaves some items out."""
    return replace(chat, items=tuple(item for item in chat.items if item not in items))
