"""AWS itself, as far as there is one here: a moto server in a process of its own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.cloud.call_record import FILE_NAME as CALLS_NAME
from local.cloud.call_record import FILE_VARIABLE as CALLS_VARIABLE
from local.cloud.lifeline import end
from local.trino.installation import required

if TYPE_CHECKING:
    from local.clock import Clock
    from local.cloud.lifeline import Spawner

_CHECKOUT = Path(__file__).parents[2]
FOLDER_VARIABLE = "LOCAL_CLOUD_TRINO"
"""Where Trino has its log; without it Athena runs nothing."""
_READY_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class MotoOptions:
    """How moto is run.

    Attributes
    ----------
    module
        That its process runs.
    trino
        Whether Athena runs what it is asked; the first query starts a Trino. Else it takes
        every query, and none of them has rows.
    """

    module: str = "local.cloud.moto_process"
    trino: bool = False


MOTO = MotoOptions()


class MotoServer:
    """A running server; `endpoint_url` speaks for every service that moto knows."""

    def __init__(
        self,
        spawner: Spawner,
        log: Path,
        account_id: str,
        clock: Clock | None = None,
        options: MotoOptions = MOTO,
    ) -> None:
        """Start a server whose objects on S3 are of the time that a clock shows.

        Raises
        ------
        TrinoMissing
            Trino is wanted and not installed.
        """
        variables = clock.to_environment() if clock else {}
        variables[CALLS_VARIABLE] = str(log.with_name(CALLS_NAME))
        if options.trino:
            required()
            variables[FOLDER_VARIABLE] = str(log.parent / "trino")
        environment = {**os.environ, "MOTO_ACCOUNT_ID": account_id, **variables}
        with log.open("ab") as output:
            self._process = spawner.start(
                [sys.executable, "-m", options.module],
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
