"""What the tables tell of readings beside the truth, by how often chats are read.

The script of a chat knows who read and who reported what when. Tokens die with their chat, so a
read every minute misses what was reported in the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from bench.kaplan_meier import kaplan_meier, nearest_rank
from chatlake.tables.flatten import flatten
from local.chats import scripts
from local.observed import Key, TrueReading, document_of, true_readings
from local.scripted.chat import Chat

type Row = dict[str, Any]
type Way = tuple[str, str]
"""The role of a sender and that of a recipient."""

WAYS: tuple[Way, ...] = (("CUSTOMER", "AGENT"), ("AGENT", "CUSTOMER"))
INTERVALS_S = (5, 10, 60, 120)
NOT_SEEN_LEAST_MS = 10_000
"""How long a message must have been observed unseen before questions count it."""

_START = datetime(2026, 11, 2, tzinfo=UTC)
_SEED = 3
_AT_ONCE = 500
_REPORTED_LATE_MS = 5_000
_WITHIN_MS = 30_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told of the messages of one way; times in ms, None where nothing is known.

    Attributes
    ----------
    messages, known
        How many there are, and how many stand behind the percentiles.
    share_known
        1 − those whose state is unknown ÷ all.
    p50_ms, p90_ms, within_30s
        Estimated: after how long so many are seen, and how many are within half a minute.
    reported_p50_ms, reported_p90_ms, reported_within_30s
        The same of the reported readings alone.
    """

    messages: int
    known: int
    share_known: float
    p50_ms: int | None
    p90_ms: int | None
    within_30s: float
    reported_p50_ms: int | None
    reported_p90_ms: int | None
    reported_within_30s: float


@dataclass(frozen=True, slots=True)
class NotSeen:
    """Messages that were told as not seen for a while, beside the truth.

    Attributes
    ----------
    messages, too_long
        How many; how many of them for longer than they were in truth unreported.
    read, read_before
        How many had been read by then; how many of these more than five seconds before, within
        which their clients would have reported it.
    """

    messages: int
    too_long: int
    read: int
    read_before: int


def rows_of(chats: Iterable[Chat], every_s: int | None) -> list[Row]:
    """Return what `read_latency` tells of chats that were read so often; see `document_of`."""
    rows: list[Row] = []
    for some in batched(chats, _AT_ONCE, strict=False):
        documents = [document_of(chat, every_s) for chat in some]
        rows += flatten(documents, published_at=_START)["read_latency"].to_pylist()
    return rows


def was_there(row: Row) -> bool:
    """Tell whether the recipient was in the chat when the message was sent.

    One who is not known to have joined has been there all along. The view `observed_readings`
    leaves the others out.
    """
    joined_at = row["recipient_joined_at"]
    return joined_at is None or joined_at <= row["sent_at"]


def anybody(_row: Row) -> bool:
    """Want every message."""
    return True


def answer(rows: Iterable[Row], way: Way, wanted: Callable[[Row], bool] = was_there) -> Answer:
    """Tell how soon the messages of one way are seen, by the textbook's curve."""
    own = [
        row for row in rows if (row["sender_role"], row["recipient_role"]) == way and wanted(row)
    ]
    seen = [row["read_latency_ms"] for row in own if row["read_state"] == "read"]
    unseen = [row["not_seen_for_ms"] for row in own if row["read_state"] == "not_seen"]
    unknown = sum(row["read_state"] == "unknown" for row in own)
    curve = kaplan_meier(seen, unseen)
    return Answer(
        messages=len(own),
        known=len(seen) + len(unseen),
        share_known=1 - unknown / len(own),
        p50_ms=curve.percentile(0.5),
        p90_ms=curve.percentile(0.9),
        within_30s=1 - curve.waiting_after(_WITHIN_MS),
        reported_p50_ms=nearest_rank(seen, 0.5),
        reported_p90_ms=nearest_rank(seen, 0.9),
        reported_within_30s=sum(ms <= _WITHIN_MS for ms in seen) / len(seen),
    )


def not_seen(
    rows: Iterable[Row], truth: Mapping[Key, TrueReading], least_ms: int = NOT_SEEN_LEAST_MS
) -> NotSeen:
    """Hold the messages that were not seen for at least so long against the truth."""
    messages = too_long = read = read_before = 0
    for row in rows:
        key = row["initial_contact_id"], row["message_id"], row["recipient_participant_id"]
        if row["read_state"] != "not_seen" or row["not_seen_for_ms"] < least_ms:
            continue
        messages += 1
        known = truth.get(key, TrueReading(None, None))
        until_ms = _epoch_ms(row["sent_at"]) + row["not_seen_for_ms"]
        too_long += known.reported_ms is not None and until_ms > known.reported_ms
        if known.read_ms is not None:
            read += known.read_ms <= until_ms
            read_before += known.read_ms <= until_ms - _REPORTED_LATE_MS
    return NotSeen(messages, too_long, read, read_before)


def _epoch_ms(naive: datetime) -> int:
    return round(naive.replace(tzinfo=UTC).timestamp() * 1000)


def truth_track(*, chats: int) -> int:
    """Print what is told of readings at each interval; return 1 if something is told too long."""
    scripted = list(scripts(seed=_SEED, count=chats, start=_START, days=30))
    truth = dict(reading for chat in scripted for reading in true_readings(chat))
    told = {every_s: rows_of(scripted, every_s) for every_s in (None, *INTERVALS_S)}
    for way in WAYS:
        _print_way(way, told, was_there, "recipients who were there")
    _print_way(WAYS[0], told, anybody, "all, those who waited in the queue included")
    failed = 0
    print(f"\nnot seen for at least {NOT_SEEN_LEAST_MS / 1000:g} s, and what of it is true")
    print(f"{'read every':<12}{'messages':>9}{'read by then':>14}{'over 5 s before':>17}")
    for every_s, rows in told.items():
        found = not_seen(rows, truth)
        failed |= not_seen(rows, truth, 0).too_long
        shares = [f"{count} ({count / found.messages:.0%})" for count in _read(found)]
        print(f"{_named(every_s):<12}{found.messages:>9}{shares[0]:>14}{shares[1]:>17}")
    return int(failed > 0)


def _read(found: NotSeen) -> Sequence[int]:
    return found.read, found.read_before


def _print_way(
    way: Way, told: Mapping[int | None, list[Row]], wanted: Callable[[Row], bool], what: str
) -> None:
    print(f"\n{' to '.join(way)}: {what}; p50 / p90 in s, share within 30 s")
    print(f"{'read every':<12}{'estimate':>24}{'reported alone':>24}{'known':>8}{'of':>8}")
    for every_s, rows in told.items():
        one = answer(rows, way, wanted)
        estimate = _figures(one.p50_ms, one.p90_ms, one.within_30s)
        alone = _figures(one.reported_p50_ms, one.reported_p90_ms, one.reported_within_30s)
        print(
            f"{_named(every_s):<12}{estimate:>24}{alone:>24}{one.share_known:>8.1%}"
            f"{one.messages:>8,}"
        )


def _named(every_s: int | None) -> str:
    return "to the end" if every_s is None else f"{every_s} s"


def _figures(p50_ms: int | None, p90_ms: int | None, within: float) -> str:
    times = ("–" if ms is None else f"{ms / 1000:.2f}" for ms in (p50_ms, p90_ms))
    return f"{' / '.join(times)}  {within:.2%}"
