"""What the processes of a shard note of themselves in the schedule's table, for each other.

One item is the shard's lease: which process has it, of which generation. One item a process says
that it lives, what it knows of the lease, and how its chats are covered; and one which chats it
keeps, which is written far less often.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from chatlake.aws_clients.dynamodb_table import DynamoDBSortedTable
from chatlake.aws_clients.update_expression import UpdateExpression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from types_boto3_dynamodb import DynamoDBClient

    from chatlake.aws_clients.dynamodb_table import Item

SHARD = "#shard-"
"""What the keys of a shard's items begin with; its number follows."""

LEASE, PROCESS, KEPT = "lease", "process#", "kept#"
"""The sort key of the lease, and what those of a process's items begin with."""

DEAD_AFTER_MS = 30_000
"""A process that has noted nothing for so long is taken for dead."""

# So that a process that died leaves nothing behind.
_KEPT_MS = 3_600_000

type Rate = Literal["transcripts", "connections"]
"""Of GetTranscript, or of CreateParticipantConnection: each has a rate of its own."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many chats of a process wait for a call.

    Attributes
    ----------
    transcripts
        Those whose sockets are open, for the read of what was before.
    connections
        Those that are to get a websocket.
    short_gaps
        Those that wait for a read as well, but of the moment between another and the socket alone.
    """

    transcripts: int = 0
    connections: int = 0
    short_gaps: int = 0

    def on(self, rate: Rate, *, may_spare: bool) -> int:
        """Return how many wait for a call of one rate; for short gaps if some are to spare."""
        if rate == "connections":
            return self.connections
        return self.transcripts + (self.short_gaps if may_spare else 0)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many live chats a process listens to, reads again and again, and cannot read now."""

    by_socket: int = 0
    by_reads: int = 0
    uncovered: int = 0

    @property
    def chats(self) -> int:
        """All of them."""
        return self.by_socket + self.by_reads + self.uncovered

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            self.by_socket + other.by_socket,
            self.by_reads + other.by_reads,
            self.uncovered + other.uncovered,
        )


@dataclass(frozen=True, slots=True)
class LeaseItem:
    """A shard's lease.

    Attributes
    ----------
    generation
        Counts the processes that have had it.
    began_at
        When the newest took it, in epoch milliseconds.
    older_share
        Of each of the shard's rates, for an older process that has little to do.
    ended_at
        When that process ended, having nothing to do; 0 if it has not said so.
    """

    generation: int
    holder: str
    began_at: int
    older_share: float
    ended_at: int = 0


@dataclass(frozen=True, slots=True)
class Process:
    """A process of capture.

    Attributes
    ----------
    generation
        Of the lease, when this process took it.
    noticed
        The newest generation of the lease that it knows of. If that is a later one, `keeping` says
        which chats it keeps.
    beat_at
        When it last noted that it lives, in epoch milliseconds.
    keeping
        Counts the lists of chats that it keeps.
    waiting
        Its chats that wait for a call.
    """

    process_id: str
    generation: int
    noticed: int
    beat_at: int
    keeping: int = 0
    waiting: Waiting = Waiting()
    coverage: Coverage = Coverage()

    def lives(self, at: int) -> bool:
        """Return whether it is not taken for dead."""
        return at - self.beat_at < DEAD_AFTER_MS


@dataclass(frozen=True, slots=True)
class Kept:
    """What an older process has of its chats.

    Attributes
    ----------
    chats
        Those that it serves.
    passed
        Those that are the newest's, of which it has heard all until it noted so, and hears on.
    """

    chats: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()


class ShardTable:
    """The items of one shard."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, shard: int) -> None:
        self._items = DynamoDBSortedTable(dynamodb, table, ("chat", "item"))
        self._key = f"{SHARD}{shard}"

    def survey(self) -> tuple[LeaseItem | None, list[Process]]:
        """Return the lease, and all processes that are noted, be they alive or not."""
        lease: LeaseItem | None = None
        processes: list[Process] = []
        for item in self._items.partition(self._key, since=LEASE):
            name = item["item"]["S"]
            if name == LEASE:
                lease = _lease(item)
            elif name.startswith(PROCESS):
                processes.append(_process(name.removeprefix(PROCESS), item))
        return lease, processes

    def take_lease(self, before: LeaseItem | None, lease: LeaseItem) -> bool:
        """Put a lease in the place of the one that was read; False if another was faster."""
        change = UpdateExpression()
        change.put("generation", {"N": str(lease.generation)})
        change.put("holder", {"S": lease.holder})
        change.put("began_at", {"N": str(lease.began_at)})
        change.put("older_share", {"N": str(lease.older_share)})
        change.put("ended_at", {"N": "0"})
        if before is None:
            return self._items.change(
                (self._key, LEASE), change, "attribute_not_exists(generation)"
            )
        change.values[":before"] = {"N": str(before.generation)}
        return self._items.change((self._key, LEASE), change, "generation = :before")

    def note(self, process: Process) -> None:
        """Note that a process lives."""
        counts = process.coverage
        numbers = {
            "generation": process.generation,
            "noticed": process.noticed,
            "beat_at": process.beat_at,
            "keeping": process.keeping,
            "waiting": process.waiting.transcripts,
            "waiting_connections": process.waiting.connections,
            "waiting_short_gaps": process.waiting.short_gaps,
            "by_socket": counts.by_socket,
            "by_reads": counts.by_reads,
            "uncovered": counts.uncovered,
            "expires_at": (process.beat_at + _KEPT_MS) // 1000,
        }
        attributes: dict[str, Any] = {name: {"N": str(n)} for name, n in numbers.items()}
        self._items.put((self._key, PROCESS + process.process_id), attributes)

    def note_kept(self, process_id: str, kept: Kept, at: int) -> None:
        """Note which chats a process keeps; to be told of by `keeping` only then."""
        attributes: Item = {
            "chats": {"B": _packed(kept.chats)},
            "passed": {"B": _packed(kept.passed)},
            "expires_at": {"N": str((at + _KEPT_MS) // 1000)},
        }
        self._items.put((self._key, KEPT + process_id), attributes)

    def kept(self, process_id: str) -> Kept:
        """Return which chats a process keeps; none if that is not noted."""
        item: Mapping[str, Any] | None = self._items.read((self._key, KEPT + process_id))
        if item is None:
            return Kept()
        return Kept(_unpacked(item["chats"]["B"]), _unpacked(item["passed"]["B"]))

    def end(self, process: Process, at: int) -> None:
        """Forget a process that has ended; if it is the newest, another may begin at once."""
        change = UpdateExpression()
        change.put("ended_at", {"N": str(at)})
        change.values[":own"] = {"N": str(process.generation)}
        self._items.change((self._key, LEASE), change, "generation = :own")
        names = [(self._key, kind + process.process_id) for kind in (PROCESS, KEPT)]
        self._items.delete_many(names)


def _packed(chats: Iterable[str]) -> bytes:
    return zlib.compress("\n".join(sorted(chats)).encode())


def _unpacked(value: Any) -> frozenset[str]:
    return frozenset(zlib.decompress(bytes(value)).decode().split("\n")) - {""}


def survey_shards(
    dynamodb: DynamoDBClient, table: str, shards: int, at: int
) -> tuple[int, Coverage]:
    """Return the age of the oldest lease of all shards in ms, and how all live chats are covered.

    The age counts from when the process that has the lease last noted that it lives, or that it
    ends, as one does that finds nothing to do. 0 before the first.
    """
    age, coverage = 0, Coverage()
    for shard in range(shards):
        lease, processes = ShardTable(dynamodb, table, shard).survey()
        if lease is None:
            continue
        beats = [one.beat_at for one in processes if one.generation == lease.generation]
        age = max(age, at - max([lease.began_at, lease.ended_at, *beats]))
        coverage = sum((one.coverage for one in processes if one.lives(at)), coverage)
    return age, coverage


def _lease(item: Mapping[str, Any]) -> LeaseItem:
    return LeaseItem(
        generation=int(item["generation"]["N"]),
        holder=item["holder"]["S"],
        began_at=int(item["began_at"]["N"]),
        older_share=float(item["older_share"]["N"]),
        ended_at=int(item["ended_at"]["N"]) if "ended_at" in item else 0,
    )


def _process(process_id: str, item: Mapping[str, Any]) -> Process:
    def number(name: str) -> int:
        return int(item[name]["N"]) if name in item else 0

    return Process(
        process_id,
        generation=number("generation"),
        noticed=number("noticed"),
        beat_at=number("beat_at"),
        keeping=number("keeping"),
        waiting=Waiting(
            number("waiting"), number("waiting_connections"), number("waiting_short_gaps")
        ),
        coverage=Coverage(number("by_socket"), number("by_reads"), number("uncovered")),
    )
