"""What one capture process is told, and what it tells: JSON in its argument, lines in a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """What a capture process is told.

    Attributes
    ----------
    storage
        The address of the storage.
    source
        ``websocket`` or ``polling``, as the stack's setting.
    rate, connections
        Calls a second of GetTranscript and CreateParticipantConnection of its shard.
    shard, shards
        Which part of the chats is its own, of how many.
    beginning_until_ms, beginning_rate
        Until when other rates hold, and how many chats may be opened a second until then: a run
        that begins as a running stack is needs its tokens opened and its chats read soon.
    report
        The file that its reports are written to.
    """

    storage: str
    source: str
    rate: float
    connections: float
    shard: int
    shards: int
    beginning_until_ms: int
    beginning_rate: float
    report: str

    def to_json(self) -> str:
        """Return it as an argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ProcessOptions:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Report:
    """What a process reports once a minute, and at its end.

    Attributes
    ----------
    at_ms
        When, by the clock of the run.
    live, by_socket, uncovered
        How many live chats are its own, of how many it hears all, and how many it cannot read now.
    counts
        What it counted since the last time, by metric.
    memory_bytes
        Of the process; of its first report, before it had any work.
    failures
        What failed in a way that nobody foresaw since the last time.
    """

    at_ms: int
    live: int
    by_socket: int
    uncovered: int
    counts: dict[str, int]
    memory_bytes: int
    failures: list[str]

    def to_json(self) -> str:
        """Return it as a line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Report:
        """Read what `to_json` wrote."""
        members: dict[str, Any] = json.loads(line)
        return cls(**members)
