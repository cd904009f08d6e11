"""One execution environment of a function: its process, and the invocations that it is given.

Each environment has a Runtime API, and so a port, of its own, because the runtime client tells
nothing else about itself.
"""

from __future__ import annotations

import importlib.util
import json
import queue
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from local.cloud.lifeline import end
from local.cloud.runtime_api import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.clock import Clock
    from local.cloud.lifeline import Spawner

type Outcome = Literal["ok", "error", "exit", "timeout", "throttled"]

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_RUNTIME_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
_INIT_TIMEOUT_S = 60
LEAST_TIMEOUT_S = 10.0
"""Real seconds: a fast clock must not make a function fail that only has to be loaded."""


@dataclass(frozen=True)
class Configuration:
    """A function as its template describes it."""

    name: str
    arn: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    variables: Mapping[str, str]
    memory_mb: int
    timeout_s: int
    reserved_concurrency: int | None
    version: str
    """Changes when the code or anything else of it does."""


@dataclass(frozen=True)
class Host:
    """What all environments share."""

    spawner: Spawner
    clock: Clock
    variables: dict[str, str]
    """Of every function's environment, whatever its own are."""
    runtime: Path
    """A folder with the runtime client alone."""
    scratch: Path
    logs: Path
    least_timeout_s: float = LEAST_TIMEOUT_S


@dataclass(frozen=True)
class Answer:
    """How one invocation ended; `body` is the function's answer, or its error object."""

    outcome: Outcome
    body: bytes
    init_s: float | None = None
    max_memory_mb: int = 0

    @property
    def error(self) -> dict[str, str]:
        """The error object; empty if there was no error."""
        if self.outcome == "ok":
            return {}
        found = json.loads(self.body)
        return found if isinstance(found, dict) else {}


class Environment:
    """A process that runs one invocation at a time."""

    def __init__(self, function: Configuration, host: Host) -> None:
        self.function = function
        self._clock = host.clock
        self._least_timeout_s = host.least_timeout_s
        self._work: queue.SimpleQueue[tuple[str, bytes, int] | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[str | None, Answer]] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._started_at = time.monotonic()
        self._init_s: float | None = None
        self._api = RuntimeApi(function.arn, self)
        scratch = host.scratch / uuid.uuid4().hex
        scratch.mkdir(parents=True)
        with (host.logs / f"{function.name}.log").open("ab") as log:
            self._process = host.spawner.start(
                [
                    sys.executable,
                    *("-I", "-S", "-u"),
                    *("-X", f"pycache_prefix={host.scratch / 'pycache'}"),
                    str(_BOOTSTRAP),
                ],
                self._variables(host, scratch),
                cwd=function.code,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        threading.Thread(target=self._report_exit, args=(self._process,), daemon=True).start()

    def invoke(self, request_id: str, payload: bytes) -> Answer:
        """Run the function once; an environment whose answer is an exit or timeout is spent."""
        cold = not self._ready.is_set()
        if cold and (failure := self._initialize()):
            return failure
        limit_s = max(self.function.timeout_s / self._clock.speed, self._least_timeout_s)
        deadline_ms = self._clock.now_ms() + int(limit_s * self._clock.speed * 1000)
        self._work.put((request_id, payload, deadline_ms))
        answer = self._wait(request_id, limit_s)
        if answer is None:
            end(self._process)
            said = f"{request_id} Task timed out after {self.function.timeout_s:.2f} seconds"
            answer = _failure("timeout", "Sandbox.Timedout", said)
        return Answer(
            answer.outcome, answer.body, self._init_s if cold else None, self._max_memory_mb()
        )

    @property
    def alive(self) -> bool:
        """Whether it can take another invocation."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        end(self._process)
        self._work.put(None)
        self._api.close()

    # --- what the Runtime API calls ---------------------------------------------------------------

    def next_work(self) -> tuple[str, bytes, int] | None:
        """Return request id, payload and deadline of the next invocation; None at the end."""
        if not self._ready.is_set():
            self._init_s = time.monotonic() - self._started_at
            self._ready.set()
        return self._work.get()

    def ended(self, request_id: str | None, outcome: Outcome, body: bytes) -> None:
        """Take an answer; one without a request id is of the initialization."""
        self._ended.put((request_id, Answer(outcome, body)))
        self._ready.set()

    # --- inside -----------------------------------------------------------------------------------

    def _initialize(self) -> Answer | None:
        if not self._ready.wait(_INIT_TIMEOUT_S):
            end(self._process)
            return _failure("timeout", "Sandbox.Timedout", "The function did not load in time")
        if self._init_s is not None:
            return None
        _, answer = self._ended.get()
        self._process.wait()
        return Answer("exit" if answer.outcome == "ok" else answer.outcome, answer.body)

    def _wait(self, request_id: str, limit_s: float) -> Answer | None:
        end_at = time.monotonic() + limit_s
        while True:
            try:
                of, answer = self._ended.get(timeout=max(0.0, end_at - time.monotonic()))
            except queue.Empty:
                return None
            if of in {request_id, None}:
                return answer

    def _report_exit(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        said = f"signal: {-code}" if code < 0 else f"exit status {code}"
        failure = _failure("exit", "Runtime.ExitError", f"Runtime exited with error: {said}")
        self.ended(None, "exit", failure.body)

    def _max_memory_mb(self) -> int:
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text("ascii", "replace")
        except OSError:
            return 0
        peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        return int(peaks[0]) >> 10 if peaks else 0

    def _variables(self, host: Host, scratch: Path) -> dict[str, str]:
        function = self.function
        path = [function.code]
        # Layers are laid over each other in their order: the last one wins.
        for layer in reversed(function.layers):
            path += [layer / "python/lib/python3.13/site-packages", layer / "python"]
        return {
            **host.variables,
            **function.variables,
            **host.clock.to_environment(),
            "_HANDLER": function.handler,
            # Whose request one is, is told by who has signed it.
            "AWS_ACCESS_KEY_ID": function.name,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{scratch.name}",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            "LAMBDA_RUNTIME_DIR": str(host.runtime),
            "LAMBDA_TASK_ROOT": str(function.code),
            "LANG": "en_US.UTF-8",
            "LOCAL_CLOUD_PATH": ":".join(map(str, [*path, host.runtime])),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TMPDIR": str(scratch),
            "TZ": ":UTC",
        }


def _failure(outcome: Outcome, error_type: str, message: str) -> Answer:
    body = {"errorType": error_type, "errorMessage": message}
    return Answer(outcome, json.dumps(body).encode())


def runtime_folder(folder: Path) -> Path:
    """Return a folder with Lambda's runtime client, and nothing else that is installed here."""
    folder.mkdir(exist_ok=True)
    for name in _RUNTIME_MODULES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        link = folder / source.name
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    return folder
