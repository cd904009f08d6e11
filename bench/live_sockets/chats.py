"""The chats of a run: they come evenly, so that on average so many are live from its start on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from statistics import fmean

from local.chats import script
from local.scripted.chat import Chat
from local.scripted.rush import Rush

MEAN_MS = 12 * 60_000
LONGEST_MS = 120 * 60_000
"""Chats that are longer are left out: a run would have to begin with hundreds of those that are."""

_TRIED = 2_000
_EVENLY_MS = 60_000


def steady(seed: int, live: int, start_ms: int, lasts_ms: int) -> Iterator[Chat]:
    """Yield chats that are live at some time of a run.

    Scripted chats last 10 minutes on average, and half of them less than 7. Of those below the
    mean some are left out, so that the mean is 12 minutes. In each minute as many begin: of scripts
    alone more would the later it is, for customers come back.

    Parameters
    ----------
    live
        How many are live at a time, on average.
    start_ms, lasts_ms
        When the run begins, and how long chats go on coming.
    """
    kept = share_of_short_ones(seed)
    period_ms = LONGEST_MS + lasts_ms
    began_ms = start_ms - LONGEST_MS
    calendar = Rush(datetime.fromtimestamp(began_ms / 1000, UTC), period_ms / 60_000)
    room = _room(live, period_ms)
    wanted, number = sum(room), 0
    while wanted > 0:
        chat = script(seed, number, calendar)
        number += 1
        minute = (chat.started_ms - began_ms) // _EVENLY_MS
        if minute < len(room) and room[minute] > 0 and is_kept(chat, kept):
            room[minute] -= 1
            wanted -= 1
            if chat.ended_ms > start_ms:
                yield chat


def _room(live: int, period_ms: int) -> list[int]:
    """Return how many chats are to begin in each minute, so that so many are live on average."""
    minutes = -(-period_ms // _EVENLY_MS)
    until = [round(live * minute * _EVENLY_MS / MEAN_MS) for minute in range(minutes + 1)]
    return [later - earlier for earlier, later in pairwise(until)]


def is_kept(chat: Chat, kept: float) -> bool:
    """Tell whether a chat takes place, if that share of the short ones does."""
    life_ms = chat.ended_ms - chat.started_ms
    if life_ms < MEAN_MS:
        return Random(chat.initial_contact_id).random() < kept
    return life_ms <= LONGEST_MS


def share_of_short_ones(seed: int) -> float:
    """Return how many of the chats below the mean are to be kept."""
    calendar = Rush(datetime(2026, 11, 2, tzinfo=UTC), 1_000)
    lives = [
        chat.ended_ms - chat.started_ms
        for chat in (script(seed, number, calendar) for number in range(_TRIED))
    ]
    short = [life for life in lives if life < MEAN_MS]
    long = [life for life in lives if MEAN_MS <= life <= LONGEST_MS]
    missing = MEAN_MS - fmean(short)
    return min(1.0, len(long) * (fmean(long) - MEAN_MS) / (len(short) * missing))
