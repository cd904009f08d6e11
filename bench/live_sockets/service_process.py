"""The simulated service in a process of its own, and what may be asked of it beside its API."""

from __future__ import annotations

import gc
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from local.clock import Clock
from local.participant_service import Behaviour, ParticipantService
from local.scripted.chat import Chat

# The bench holds rates against what is allowed itself, so that the beginning may be quick.
UNLIMITED = 100_000
BEHAVIOUR = Behaviour(
    get_transcript_per_s=UNLIMITED,
    get_transcript_burst=UNLIMITED,
    create_connection_per_s=UNLIMITED,
    create_connection_burst=UNLIMITED,
    exports=False,
    validate_every=1_000,
)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls that the service answered, from one moment to another.

    Attributes
    ----------
    counts
        By operation and status.
    busiest
        The most calls within 10 seconds of the clock, a second, by operation.
    """

    counts: Counter[tuple[str, int]]
    busiest: dict[str, float]

    def of(self, operation: str) -> int:
        """Return how many there were of an operation, whatever became of them."""
        return sum(count for (name, _), count in self.counts.items() if name == operation)


class Service:
    """The service as other processes of the bench see it; each has a line of its own."""

    def __init__(self, url: str, pid: int, line: Connection) -> None:
        self.url = url
        self.pid = pid
        self._line = line
        self._lock = threading.Lock()

    def token(self, chat: str) -> str:
        """Return the ParticipantToken of a chat's customer."""
        return str(self._ask("token", chat))

    def calls(self, from_ms: int, to_ms: int) -> Calls:
        """Return what was called meanwhile."""
        found: Calls = self._ask("calls", from_ms, to_ms)
        return found

    def _ask(self, question: str, *about: Any) -> Any:
        with self._lock:
            self._line.send((question, *about))
            return self._line.recv()


@contextmanager
def running(chats: Sequence[Chat], clock: Clock, lines: int) -> Iterator[list[Service]]:
    """Run the service while the block lasts; its value is that many ways to ask it."""
    context = get_context("fork")
    pipes = [context.Pipe() for _ in range(lines + 1)]
    gc.freeze()  # the chats are shared with the new process, and stay so
    process = context.Process(
        target=_serve, args=(chats, clock, [theirs for _, theirs in pipes]), daemon=True
    )
    process.start()
    url = pipes[-1][0].recv()
    try:
        yield [Service(url, process.pid or 0, ours) for ours, _ in pipes[:-1]]
    finally:
        pipes[-1][0].send("end")
        process.join(30)
        process.kill()


def _serve(chats: Sequence[Chat], clock: Clock, lines: Sequence[Connection]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ParticipantService(chats, clock, BEHAVIOUR) as service:
        for line in lines[:-1]:
            threading.Thread(target=_converse, args=(service, line), daemon=True).start()
        lines[-1].send(service.url)
        lines[-1].recv()


def _converse(service: ParticipantService, line: Connection) -> None:
    while True:
        match line.recv():
            case ("token", chat):
                line.send(service.participant_token(chat))
            case ("calls", from_ms, to_ms):
                line.send(_calls(service, from_ms, to_ms))


def _calls(service: ParticipantService, from_ms: int, to_ms: int) -> Calls:
    counts: Counter[tuple[str, int]] = Counter()
    windows: dict[str, Counter[int]] = {}
    for call in list(service.calls):
        if from_ms <= call.at_ms < to_ms:
            counts[call.operation, call.status] += 1
            windows.setdefault(call.operation, Counter())[call.at_ms // 10_000] += 1
    busiest = {name: max(window.values()) / 10 for name, window in windows.items()}
    return Calls(counts, busiest)
