"""AWS itself, as far as there is one here: a moto server in a process of its own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.cloud.lifeline import end

if TYPE_CHECKING:
    from local.clock import Clock
    from local.cloud.lifeline import Spawner

_CHECKOUT = Path(__file__).parents[2]
MOTO_MODULE = "local.cloud.moto_process"
_READY_TIMEOUT_S = 60


class MotoServer:
    """A running server; `endpoint_url` speaks for every service that moto knows."""

    def __init__(
        self,
        spawner: Spawner,
        log: Path,
        account_id: str,
        clock: Clock | None = None,
        module: str = MOTO_MODULE,
    ) -> None:
        """Start a server whose objects on S3 are of the time that a clock shows."""
        time = clock.to_environment() if clock else {}
        environment = {**os.environ, "MOTO_ACCOUNT_ID": account_id, **time}
        with log.open("ab") as output:
            self._process = spawner.start(
                [sys.executable, "-m", module],
                environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=_CHECKOUT,
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _READY_TIMEOUT_S)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self.close()
            raise RuntimeError(f"The moto server did not start; {log} says why.")
        self.endpoint_url = f"http://127.0.0.1:{int(line)}"

    def close(self) -> None:
        """End the server, and everything on it."""
        end(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
