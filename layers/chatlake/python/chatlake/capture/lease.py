"""The lease of a shard: which process takes new chats and makes the reads.

A process lives fifteen minutes, and to open its websockets again costs rate. So a new one begins
every few minutes and takes the lease; those before keep the chats that they listen to until they
must go. What is left then is handed over in small parts, and each part is open in the new process
before the old one ends.

Nobody calls Connect who has not just renewed what it knows of the lease: a process that was paused
finds out first what has become of it.
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import replace
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.capture.shard_table import (
    DEAD_AFTER_MS,
    Coverage,
    Kept,
    LeaseItem,
    Process,
    Waiting,
)
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.capture.shard_table import Rate, ShardTable

BEAT_EVERY_MS = 4_000
"""So often a process notes that it lives, and looks what has become of the lease."""

VALID_MS = 15_000
"""So long a process acts on what it knows; half of what makes others take it for dead."""

OLDER_SHARE = 0.01
"""Of each of the shard's rates, for an older process: its gaps, renewals and last reads. Most of
the time there are none, and a call that comes alone waits for nothing."""

_MOST_FOLD = 15
_WAITING_FOR_A_FOLD = 5
"""An older one has up to fifteen times that share of a rate, the more of its chats wait for it."""

_NEW_MAY_WAIT = 10
"""As long as no more live chats wait for their first look, older ones read their short gaps."""

_TICK_S = 0.25


class Lease:
    """What one process knows of its shard. All times are epoch milliseconds.

    Attributes
    ----------
    shard
        The number of its shard.
    kept
        The chats that it keeps as an older one, and those that it has passed on; what it does not
        keep is the newest's.
    coverage
        Of its live chats, for others to see.
    waiting
        How many of its chats wait for a call, for others to see.
    calls_until
        From when on this process calls nobody any more; None if that is not known.
    """

    def __init__(self, table: ShardTable, item: LeaseItem, shard: int = 0, shards: int = 1) -> None:
        """Use what `take` has taken."""
        self.coverage = Coverage()
        self.waiting = Waiting()
        self.calls_until: int | None = None
        self.kept = Kept()
        self._table = table
        self.shard = shard
        self._shards = shards
        self._lease = item
        self._own = Process(item.holder, item.generation, item.generation, item.began_at)
        self._others: list[Process] = []
        self._elsewhere: dict[str, tuple[int, Kept]] = {}
        self._orphans: set[str] = set()
        self._known_at = self._beat_at = 0
        self._settled = self._dead = False
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._beat_on, name="lease", daemon=True)

    @classmethod
    def take(
        cls, table: ShardTable, *, every_ms: int, shard: int = 0, shards: int = 1
    ) -> Lease | None:
        """Take the lease; None if a living process has it that is not old enough.

        Parameters
        ----------
        every_ms
            How old the newest process gets before another takes its place.
        shard, shards
            The number of the shard, and how many there are.
        """
        before, processes = table.survey()
        at = now_ms()
        if before is not None:
            holder = [one for one in processes if one.generation == before.generation]
            # One that has just taken it may not have noted yet that it lives.
            begins = not (holder or before.ended_at) and at - before.began_at < DEAD_AFTER_MS
            lives = begins or any(one.lives(at) for one in holder)
            if lives and at - before.began_at < every_ms:
                return None
        taken = LeaseItem(
            generation=before.generation + 1 if before else 1,
            holder=secrets.token_hex(8),
            began_at=at,
            older_share=OLDER_SHARE,
        )
        return cls(table, taken, shard, shards) if table.take_lease(before, taken) else None

    def __enter__(self) -> Self:
        self._try_to_beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if not self._dead:
            self._table.end(self._own, now_ms())

    @property
    def is_newest(self) -> bool:
        """Whether this process takes new chats and makes the reads."""
        return self._own.generation == self._lease.generation

    @property
    def is_settled(self) -> bool:
        """Whether every older process has said which chats it keeps."""
        return self._settled

    @property
    def is_lost(self) -> bool:
        """Whether others have taken this process for dead: nothing is its own any longer."""
        return self._dead

    @property
    def has_newer(self) -> bool:
        """Whether a newer process lives, to which chats can be handed over."""
        at = now_ms()
        return any(
            one.generation > self._own.generation and one.lives(at) for one in list(self._others)
        )

    def share(self, rate: Rate) -> float:
        """Return which part of one of the shard's rates this process may use now; 0 if none."""
        at = now_ms()
        if self._dead or at - self._known_at >= VALID_MS:
            return 0.0
        if self.calls_until is not None and at >= self.calls_until:
            return 0.0
        if not self.is_newest:
            return self._share_of(self._own, rate)
        if not self._settled:
            return 0.0
        older = sum(self._share_of(one, rate) for one in list(self._others) if one.lives(at))
        return max(self._lease.older_share, 1 - older)

    def _share_of(self, older: Process, rate: Rate) -> float:
        """Return the share of an older process, by what it has noted: all reckon with the same."""
        waiting = older.waiting.on(rate, may_spare=self._newest_may_spare())
        return self._lease.older_share * min(_MOST_FOLD, 1 + waiting / _WAITING_FOR_A_FOLD)

    def _newest_may_spare(self) -> bool:
        """Return whether the newest process has looked at almost every chat that it knows of."""
        generation = self._lease.generation
        newest = [one for one in (self._own, *self._others) if one.generation == generation]
        return all(one.coverage.uncovered <= _NEW_MAY_WAIT for one in newest)

    def serves(self, chat: str) -> bool:
        """Return whether a chat is this process's to serve."""
        if self._shards > 1 and shard_of(chat, self._shards) != self.shard:
            return False
        if not self.is_newest:
            return chat in self.kept.chats
        return self._settled and not any(
            chat in kept.chats for _, kept in list(self._elsewhere.values())
        )

    def is_heard_elsewhere(self, chat: str, since: int) -> bool | None:
        """Return whether an older process has heard all of a chat until after a moment.

        None if that is not known yet: it is asked again.
        """
        for process in list(self._others):
            kept = self._elsewhere.get(process.process_id)
            if kept is not None and chat in kept[1].passed:
                return True if process.beat_at > since else None
        return False

    def take_orphans(self) -> set[str]:
        """Return chats that a process had passed on which has died with what it heard of them."""
        with self._lock:
            orphans, self._orphans = self._orphans, set()
        return orphans

    def keep(self, kept: Kept) -> None:
        """Note which chats this process keeps; those that it let go are the newest's."""
        with self._lock:
            if kept != self.kept:
                self._table.note_kept(self._own.process_id, kept, now_ms())
            self.kept = kept
            noticed, keeping = self._lease.generation, self._own.keeping + 1
            self._note(replace(self._own, noticed=noticed, keeping=keeping))

    @property
    def is_noticed(self) -> bool:
        """Whether this process has said what it keeps since a newer one took the lease."""
        return self._own.noticed >= self._lease.generation

    def beat(self) -> None:
        """Note that this process lives, and look what has become of the lease.

        Raises
        ------
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            DynamoDB does not answer.
        """
        with self._lock:
            at = now_ms()
            if self._known_at and at - self._known_at >= DEAD_AFTER_MS:
                self._dead = True
                return
            self._note(self._own)
            lease, processes = self._table.survey()
            self._lease = lease or self._lease
            for dead in processes:
                if not dead.lives(at) and dead.process_id in self._elsewhere:
                    self._orphans |= self._elsewhere[dead.process_id][1].passed
            self._others = [
                one for one in processes if one.process_id != self._own.process_id and one.lives(at)
            ]
            if self.is_newest:
                self._learn_what_others_keep()
            self._known_at = at

    def _note(self, process: Process) -> None:
        self._own = replace(process, beat_at=now_ms(), coverage=self.coverage, waiting=self.waiting)
        self._table.note(self._own)

    def _learn_what_others_keep(self) -> None:
        elsewhere: dict[str, tuple[int, Kept]] = {}
        for one in self._others:
            known = self._elsewhere.get(one.process_id)
            if known is None or known[0] != one.keeping:
                known = one.keeping, self._table.kept(one.process_id)
            elsewhere[one.process_id] = known
        self._elsewhere = elsewhere
        self._settled = self._settled or all(
            one.noticed >= self._own.generation for one in self._others
        )

    def tick(self) -> None:
        """Beat if it is time; any thread may say so."""
        every_ms = BEAT_EVERY_MS if self._settled or not self.is_newest else BEAT_EVERY_MS // 4
        if now_ms() - self._beat_at >= every_ms:
            self._try_to_beat()

    def _beat_on(self) -> None:
        """Beat while the process is busy with other things."""
        while not self._stop.wait(_TICK_S):
            self.tick()

    def _try_to_beat(self) -> None:
        self._beat_at = now_ms()
        try:
            self.beat()
        except (ClientError, BotoCoreError):
            # Until it succeeds, this process has no share; it is tried again soon.
            return


def shard_of(chat: str, shards: int) -> int:
    """Return the number of the shard that a chat belongs to."""
    return zlib.crc32(chat.encode()) % shards
