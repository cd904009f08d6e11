"""A model of chats, and what a month of them makes the pipeline do."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from chatlake.capture.live_chat import WRITTEN_EVERY_MS

if TYPE_CHECKING:
    from tools.stack_defaults import Stack

DAYS = 30
HOUR_S = 3600
WRITTEN_EVERY_MINUTES = WRITTEN_EVERY_MS / 60_000
LIVE_A_SHARD = 1_000
"""Live chats; a process has up to 800 websockets, and a shard's chats are in three of them."""
MOST_SHARDS = 5

ABOUT = {
    "minutes": "how long a chat lasts",
    "items": "items of a transcript",
    "legs": "contacts of a chat; 2 of 10 chats are transferred",
    "document_kb": "a chat's document on S3",
    "rows_kb": "a chat's rows in Parquet",
    "events": "contact events of a leg",
    "busy_hours": "hours of a day in which chats live",
    "peak_share": "share of a day's chats that the busiest hour has",
    "changed_share": "share of five minutes of a live chat that bring something new to write",
    "connections": "calls of CreateParticipantConnection for a chat with a websocket, as the bench "
    "of live chats counts them",
    "transcript_calls": "calls of GetTranscript for a chat with a websocket, by the same",
    "processes": "processes of Capture that live at once in a shard with websockets",
    "publishes": "times that a chat is published; late exports and receipts repeat it",
    "track_s": "an invocation of Track",
    "ask_s": "an invocation of Capture that finds that it is not needed",
    "start_s": "an invocation of TakeToken, or of StartChat in its place",
    "publish_s": "a batch of Publish, beside its chats",
    "publish_chat_s": "each chat of a batch",
    "log_kb": "what an invocation logs, metrics and Lambda's own lines included",
    "queries": "queries a day, each over a month of all tables",
    "dpu_hours": "Glue's optimizers a day: a guess, nothing is known before they run",
}


@dataclass(frozen=True, slots=True)
class Chat:
    """The model: chats, and what cannot be read from the template; ABOUT has the meanings."""

    minutes: float = 12
    items: int = 20
    legs: float = 1.2
    document_kb: float = 9
    rows_kb: float = 2
    events: int = 6
    busy_hours: float = 16
    peak_share: float = 0.12
    changed_share: float = 0.7
    connections: float = 1.8
    transcript_calls: float = 2.2
    processes: float = 3
    publishes: float = 1.1
    track_s: float = 0.1
    ask_s: float = 0.3
    start_s: float = 0.4
    publish_s: float = 6
    publish_chat_s: float = 0.01
    log_kb: float = 2
    queries: int = 20
    dpu_hours: float = 0.8


@dataclass(frozen=True, slots=True)
class Month:
    """Counts of a month."""

    chats_a_day: float
    chats: float
    attempts: float
    writes: float
    live: float
    shards: int
    processes: float
    tracked: float
    batches: float
    compared: float
    reconcile_s: float

    @property
    def invocations(self) -> float:
        """Invocations of all functions; Reconcile's are one an hour."""
        return self.chats + self.tracked + self.asks + self.batches + 24 * DAYS

    @property
    def asks(self) -> float:
        """Invocations of Capture, one a minute and shard."""
        return self.shards * 24 * 60 * DAYS


def live_at_peak(chats_a_day: float, chat: Chat) -> float:
    """Live chats in the busiest hour."""
    return chats_a_day * chat.peak_share / HOUR_S * chat.minutes * 60


def shards_for(live: float) -> int:
    """Shards that so many live chats need to have a websocket each; there are five at most."""
    return min(MOST_SHARDS, max(1, ceil(round(live) / LIVE_A_SHARD)))


def interval_s(live: float, stack: Stack) -> float:
    """Seconds between two reads of each of so many live chats, if all are read alike."""
    return max(stack.interval_s, live / stack.own_rate)


def month(chats_a_day: float, chat: Chat, stack: Stack) -> Month:
    chats = chats_a_day * DAYS
    publishes = chats * chat.publishes
    busy_s = chat.busy_hours * HOUR_S * DAYS
    # One search in four seconds, 100 contacts each, of three days, until a minute before the end.
    searches = min(ceil(chats_a_day * chat.legs * 3 / 100), (stack.timeout_s["Reconcile"] - 60) / 4)
    live = chats_a_day * chat.minutes / (chat.busy_hours * 60)
    by_socket = stack.live_source == "websocket"
    changes = chat.minutes / WRITTEN_EVERY_MINUTES * chat.changed_share
    if not by_socket:
        reads_a_chat = chat.minutes * 60 / interval_s(live, stack)
        changes = min(changes, reads_a_chat * chat.changed_share)
    shards = shards_for(live_at_peak(chats_a_day, chat)) if by_socket else 1
    return Month(
        chats_a_day=chats_a_day,
        chats=chats,
        # When it is new, for each leg's end, and once when nothing followed.
        attempts=chats * (2 + chat.legs),
        # While it lives, at its end, and when it has settled and the exports have come.
        writes=chats * (changes + 2),
        live=live,
        shards=shards,
        processes=shards * (chat.processes if by_socket else 1),
        tracked=chats * chat.legs * (chat.events + 1),
        batches=max(min(publishes, busy_s / max(stack.window_s, 1)), publishes / stack.batch),
        compared=24 * DAYS * min(searches * 100, chats_a_day * chat.legs * 3),
        reconcile_s=24 * DAYS * (searches * 4 + 5),
    )
