"""Which receipts the clients in a chat send, throttled as ChatJS throttles them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from local.scripted.draft import Line, Member, crowded_spans
from local.scripted.items import Receipt

WINDOW_MS = 5_000
"""ChatJS sends once per window: when the window that the first wish opened is over."""

DELIVERED_DELAY_MS = 300
"""ChatJS holds a delivered receipt back for so long, and drops it if a read one came before."""

_UNREAD_SHARE = 0.04
_AWAY_SHARE = 0.03
_AWAY_FACTOR = 25
_LOST_SHARE = 0.015
_BACKLOG_SHARE = 0.5
_FILLED_SHARE = 0.4
_READ_SIGMA = 0.9
_REPLY_AFTER_READ_MS = 700


class Arrival(NamedTuple):
    """A message on the screen of its recipient: when it came, and when it was read, if ever."""

    message: int
    arrived_ms: int
    read_ms: int | None


class Sent(NamedTuple):
    """A receipt that a client sent; at one time a later message's, and a read one, is greater."""

    sent_ms: int
    message: int
    is_read: bool


def throttle(arrivals: Iterable[Arrival]) -> list[Sent]:
    """Return what one client sends for the messages that arrived, in order of time.

    Of all that a window collects only the latest receipt goes out, so in a burst of messages the
    earlier ones may get none.
    """
    sent: list[Sent] = []
    due_ms = 0
    latest: Sent | None = None
    for wish in _wishes(arrivals):
        if latest is not None and wish.sent_ms > due_ms:
            sent.append(Sent(due_ms, latest.message, latest.is_read))
            latest = None
        if latest is None:
            due_ms = wish.sent_ms + WINDOW_MS
        latest = wish
    if latest is not None:
        sent.append(Sent(due_ms, latest.message, latest.is_read))
    return sent


class Reported(NamedTuple):
    """What clients reported, and what was read in truth, by the place of the message."""

    receipts: dict[int, tuple[Receipt, ...]]
    arrivals: list[tuple[Member, Arrival]]


def receipts_of(rng: Random, lines: list[Line], members: list[Member]) -> Reported:
    """Return the receipts of messages, by their place in ``lines``, which are in order of time.

    Nothing is sent by who has left, nor while more than two participants are active: the service
    refuses it then.
    """
    crowded = crowded_spans(members)
    receipts: dict[int, tuple[Receipt, ...]] = {}
    truth: list[tuple[Member, Arrival]] = []
    for member in members:
        if member.read_s is None:
            continue
        delivered: dict[int, int] = {}
        read: dict[int, int] = {}
        arrivals = _arrivals(rng, lines, members, member, crowded)
        truth += [(member, arrival) for arrival in arrivals]
        for sent in throttle(arrivals):
            if sent.sent_ms >= member.left_ms or _within(crowded, sent.sent_ms):
                continue
            if rng.random() >= _LOST_SHARE:
                (read if sent.is_read else delivered)[sent.message] = sent.sent_ms
        for message in sorted(delivered.keys() | read.keys()):
            receipt = _receipt(rng, member, delivered.get(message), read.get(message))
            receipts[message] = (*receipts.get(message, ()), receipt)
    return Reported(receipts, truth)


def _receipt(rng: Random, member: Member, delivered: int | None, read: int | None) -> Receipt:
    # Sample frames of a read without a delivered receipt show one time for both.
    if delivered is None and rng.random() < _FILLED_SHARE:
        delivered = read
    skew = member.skew_ms
    return Receipt(
        member.participant_id,
        None if delivered is None else delivered + skew,
        None if read is None else read + skew,
        skew,
    )


def _wishes(arrivals: Iterable[Arrival]) -> list[Sent]:
    """Return the receipts that the page asks ChatJS to send, with the times when it asks."""
    wishes = []
    for message, arrived_ms, read_ms in arrivals:
        delivered_ms = arrived_ms + DELIVERED_DELAY_MS
        if read_ms is None or read_ms > delivered_ms:
            wishes.append(Sent(delivered_ms, message, is_read=False))
        if read_ms is not None:
            wishes.append(Sent(read_ms, message, is_read=True))
    wishes.sort()
    return wishes


def _arrivals(
    rng: Random,
    lines: list[Line],
    members: list[Member],
    reader: Member,
    crowded: list[tuple[int, int]],
) -> list[Arrival]:
    """Return what arrives at one reader, newest first, for a reader who replies has read."""
    arrivals = []
    until_ms = reader.left_ms
    for message in range(len(lines) - 1, -1, -1):
        line = lines[message]
        if line.sender == reader.place:
            until_ms = min(until_ms, line.sent_ms - _REPLY_AFTER_READ_MS)
        if line.sent_ms >= reader.left_ms or not _reported(line, members, reader):
            continue
        if crowded and _within(crowded, line.sent_ms):
            continue
        shown_ms = line.sent_ms if line.processing is None else line.processing.done_ms
        arrived_ms = max(shown_ms + 60 + int(rng.random() * 240), reader.joined_ms)
        if line.sent_ms < reader.joined_ms and rng.random() < _BACKLOG_SHARE:
            break
        read_ms = _read_ms(rng, reader, arrived_ms, until_ms)
        if read_ms is not None:
            until_ms = min(until_ms, read_ms)
        arrivals.append(Arrival(message, arrived_ms, read_ms))
        # Of what was said before the reader came, a client reports the latest message only.
        if line.sent_ms < reader.joined_ms:
            break
    return arrivals


def _reported(line: Line, members: list[Member], reader: Member) -> bool:
    """Whether a reader's client sends receipts for a line: customers and staff for each other."""
    if line.type != "MESSAGE" or line.sender is None or line.sender == reader.place:
        return False
    if line.processing is not None and line.processing.outcome is not None:
        return False
    return (reader.role == "CUSTOMER") != (members[line.sender].role == "CUSTOMER")


def _read_ms(rng: Random, reader: Member, arrived_ms: int, until_ms: int) -> int | None:
    """Draw when a message is read: not after the reader's next own one or the next read."""
    luck = rng.random()
    if luck < _UNREAD_SHARE or reader.read_s is None:
        return None
    factor = _AWAY_FACTOR if luck < _UNREAD_SHARE + _AWAY_SHARE else 1
    delay_s = factor * reader.read_s * math.exp(rng.gauss(0.0, _READ_SIGMA))
    read_ms = min(arrived_ms + int(1000 * delay_s), max(arrived_ms, until_ms))
    return read_ms if read_ms < reader.left_ms else None


def _within(spans: list[tuple[int, int]], time_ms: int) -> bool:
    return any(start_ms <= time_ms < end_ms for start_ms, end_ms in spans)
