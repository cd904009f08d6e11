"""Functions: their warm environments, their concurrency, and the record of what ran."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from local.cloud.environment import Answer, Configuration, Environment, Host, Outcome
from local.cloud.exceptions import Throttled

if TYPE_CHECKING:
    from local.cloud.activity import Activity

_MAX_ENVIRONMENTS = 4
"""Of a function without reserved concurrency: more would only wait for the processor."""
_LONG_S = 900
_MAX_ENVIRONMENTS_OF_LONG = 20
"""Of one that may run for as long as Lambda lets it: it waits for others, not for the processor.

Capture has three that follow chats and one that asks, for each of up to five shards.
"""


@dataclass(frozen=True)
class Invocation:
    """One run of a function.

    Attributes
    ----------
    started_at
        Epoch seconds of the cloud's clock.
    duration_s
        Real seconds that the run took, its cold start included.
    init_s
        Real seconds from the start of the process to the first question for work; None if warm.
    error_message
        For whoever looks at this record; it is in no log.
    """

    function: str
    request_id: str
    started_at: float
    duration_s: float
    init_s: float | None
    max_memory_mb: int
    outcome: Outcome
    error_type: str
    error_message: str


class Journal:
    """All invocations, oldest first; also in `invocations.jsonl`, without texts of errors."""

    def __init__(self, host: Host) -> None:
        self._path = host.logs / "invocations.jsonl"
        self._lock = threading.Lock()
        self._all: list[Invocation] = []

    def add(self, invocation: Invocation) -> None:
        """Note one that ended."""
        line = {**asdict(invocation), "error_message": None}
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            self._all.append(invocation)
            file.write(json.dumps(line) + "\n")

    def of(self, functions: set[str]) -> list[Invocation]:
        """Return those of functions, named as their configurations name them."""
        with self._lock:
            return [invocation for invocation in self._all if invocation.function in functions]


class Function:
    """A deployed function."""

    def __init__(
        self, configuration: Configuration, host: Host, journal: Journal, activity: Activity
    ) -> None:
        self.configuration = configuration
        self._host = host
        self._journal = journal
        self._activity = activity
        self._free = threading.Condition()
        self._idle: list[Environment] = []
        self._busy: list[Environment | None] = []
        self._closed = False

    @property
    def concurrency(self) -> int:
        """How many invocations may run at once."""
        reserved = self.configuration.reserved_concurrency
        if reserved is not None:
            return reserved
        runs_long = self.configuration.timeout_s >= _LONG_S
        return _MAX_ENVIRONMENTS_OF_LONG if runs_long else _MAX_ENVIRONMENTS

    def invoke(
        self, payload: bytes, *, wait_s: float | None = None, request_id: str | None = None
    ) -> Answer:
        """Run the function and wait for it.

        Parameters
        ----------
        wait_s
            Real seconds to wait for a free environment. By default what reserves concurrency
            is throttled at once, as on Lambda, and what does not is waited for: there, it would
            have got one more environment.

        Raises
        ------
        Throttled
            Nothing became free in that time.
        """
        if wait_s is None:
            wait_s = 0 if self.configuration.reserved_concurrency is not None else 300
        request_id = request_id or str(uuid.uuid4())
        with self._activity.working():
            environment = self._acquire(wait_s)
            started_at, started = self._host.clock.time(), time.monotonic()
            answer = Answer("exit", b"{}")
            try:
                answer = environment.invoke(request_id, payload)
            finally:
                self._release(environment)
                self._note(answer, request_id, started_at, time.monotonic() - started)
        return answer

    def replace(self, configuration: Configuration) -> None:
        """Take new code or settings; environments of the old ones end with what they do."""
        with self._free:
            self.configuration = configuration
            idle, self._idle = self._idle, []
        for environment in idle:
            environment.close()

    def close(self) -> None:
        """End every environment, also those that are at work."""
        with self._free:
            self._closed = True
            running = [*self._idle, *(found for found in self._busy if found is not None)]
            self._idle = []
            self._free.notify_all()
        for environment in running:
            environment.close()

    def _acquire(self, wait_s: float) -> Environment:
        with self._free:
            self._free.wait_for(
                lambda: self._closed or len(self._busy) < self.concurrency, timeout=wait_s
            )
            if self._closed or len(self._busy) >= self.concurrency:
                raise Throttled(self.configuration.name)
            while self._idle:
                environment = self._idle.pop()
                if environment.alive:
                    self._busy.append(environment)
                    return environment
                environment.close()
            self._busy.append(None)  # the place is taken while the process starts
            configuration = self.configuration
        environment = Environment(configuration, self._host)
        with self._free:
            self._busy[self._busy.index(None)] = environment
            closed = self._closed
        if closed:
            environment.close()
        return environment

    def _release(self, environment: Environment) -> None:
        with self._free:
            self._busy.remove(environment)
            current = environment.function.version == self.configuration.version
            kept = current and environment.alive and not self._closed
            if kept:
                self._idle.append(environment)
            self._free.notify_all()
        if not kept:
            environment.close()

    def _note(self, answer: Answer, request_id: str, started_at: float, duration_s: float) -> None:
        error = answer.error
        self._journal.add(
            Invocation(
                self.configuration.name,
                request_id,
                started_at,
                duration_s,
                answer.init_s,
                answer.max_memory_mb,
                answer.outcome,
                error.get("errorType", ""),
                error.get("errorMessage", ""),
            )
        )
