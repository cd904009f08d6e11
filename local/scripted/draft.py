"""The parts of a chat while it is written, before its transcript is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from local.scripted.contact_center import Agent, Queue
from local.scripted.items import Attachment, Processing

_MOST_WITH_RECEIPTS = 2


class Line(NamedTuple):
    """One thing said or done; ``sender`` is a place in the list of members."""

    sent_ms: int
    type: str
    contact_id: str
    sender: int | None
    content_type: str | None
    content: str | None
    attachment: Attachment | None
    processing: Processing | None


@dataclass(slots=True)
class Member:
    """A participant; one whose client reads and reports has the median seconds of its reads."""

    place: int
    participant_id: str
    role: str
    name: str
    joined_ms: int
    left_ms: int
    read_s: float | None = None
    skew_ms: int = 0


@dataclass(slots=True)
class OpenLeg:
    """A contact that has not ended; what did not happen to it yet is None."""

    contact_id: str
    previous_contact_id: str | None
    related_contact_id: str | None
    initiation_method: str
    initiated_ms: int
    queue: Queue | None = None
    queued_ms: int | None = None
    agent: Agent | None = None
    connected_ms: int | None = None


def random_uuid(rng: Random) -> str:
    """Return a random id in the form of a UUID of version 4."""
    digits = f"{rng.getrandbits(128):032x}"
    tail = f"{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{tail}"


def timed_uuid(rng: Random, time_ms: int) -> str:
    """Return an id in the form of a UUID of version 7, which begins with a time."""
    bits = rng.getrandbits(74)
    time = f"{time_ms >> 16:08x}-{time_ms & 0xFFFF:04x}"
    tail = f"{0x8000 | (bits >> 12) & 0x3FFF:04x}-{bits >> 26:012x}"
    return f"{time}-7{bits & 0xFFF:03x}-{tail}"


def crowded_spans(members: list[Member]) -> list[tuple[int, int]]:
    """Return the times with more than two active participants, as half-open spans."""
    changes = [(member.joined_ms, 1) for member in members if member.role != "SYSTEM"]
    if len(changes) <= _MOST_WITH_RECEIPTS:
        return []
    changes += [(member.left_ms, -1) for member in members if member.role != "SYSTEM"]
    changes.sort()
    spans = []
    active = 0
    since_ms: int | None = None
    for time_ms, change in changes:
        active += change
        if active > _MOST_WITH_RECEIPTS and since_ms is None:
            since_ms = time_ms
        elif active <= _MOST_WITH_RECEIPTS and since_ms is not None:
            spans.append((since_ms, time_ms))
            since_ms = None
    return spans
