"""One Trino, on a Glue and an S3 that are on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from local.cloud import lifeline
from local.trino.client import StatementFailed, TrinoClient

if TYPE_CHECKING:
    from pathlib import Path

    from local.trino.installation import Installation

CATALOG = "awsdatacatalog"
_READY_TIMEOUT_S = 180
_POLL_S = 0.1
_END_TIMEOUT_S = 60
# The class data of the JVM and its quick compiler alone: ready in 8 s rather than 17, with a third
# of the work. What runs long runs slower so, and nothing here runs long.
_JVM = (
    "-Xmx3G",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Djdk.attach.allowAttachSelf=true",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
)


class TrinoNotStarted(Exception):
    """The server ended before it was ready, or was not ready in time."""


@dataclass(frozen=True, slots=True)
class Lake:
    """Where catalog and files are."""

    endpoint_url: str
    region: str
    account_id: str


class TrinoServer:
    """A running server; a context manager, and it ends with the process that started it.

    Parameters
    ----------
    folder
        For its configuration, and its log `trino.log`.
    make_class_data
        Write the archive of loaded classes when the server is closed.

    Raises
    ------
    TrinoNotStarted
        The message says where its log is.
    """

    def __init__(
        self,
        installation: Installation,
        lake: Lake,
        folder: Path,
        *,
        make_class_data: bool = False,
    ) -> None:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "trino.log"
        self._ends_by_itself = make_class_data
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = _configure(installation, lake, folder, port)
        self._spawner = lifeline.Spawner()
        with self._log.open("ab") as log:
            self._process = self._spawner.start(
                [
                    *(sys.executable, lifeline.__file__),
                    *_command(installation, config, make_class_data=make_class_data),
                ],
                {**os.environ, "TZ": "UTC"},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self, schema: str | None = None) -> TrinoClient:
        """Return a client that asks about a schema of the catalog."""
        return TrinoClient(self.url, CATALOG, schema)

    def close(self) -> None:
        """End the server."""
        if self._ends_by_itself:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_END_TIMEOUT_S)
        lifeline.end(self._process)
        self._spawner.close()

    def _wait_until_ready(self) -> None:
        """Wait until a query finds a node to run on: "SERVER STARTED" is said before that."""
        until = time.monotonic() + _READY_TIMEOUT_S
        client = TrinoClient(self.url, "system", "runtime")
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise TrinoNotStarted(f"Trino ended with {self._process.returncode}: {self._log}")
            try:
                if client.run("SELECT count(*) FROM nodes WHERE state = 'active'").rows == [[1]]:
                    return
            except (OSError, StatementFailed):
                pass
            time.sleep(_POLL_S)
        raise TrinoNotStarted(f"Trino was not ready in {_READY_TIMEOUT_S} s: {self._log}")


def _command(installation: Installation, config: Path, *, make_class_data: bool) -> tuple[str, ...]:
    # In one order: class data is of this class path.
    jars = ":".join(map(str, sorted(installation.libraries.glob("*.jar"))))
    class_data = [f"-XX:SharedArchiveFile={installation.class_data}"]
    if make_class_data:
        class_data = [f"-XX:ArchiveClassesAtExit={installation.class_data}"]
    return (
        str(installation.java),
        *class_data,
        *_JVM,
        f"-Dconfig={config}",
        *("-cp", jars),
        "io.trino.server.TrinoServer",
    )


def _configure(installation: Installation, lake: Lake, folder: Path, port: int) -> Path:
    catalogs = folder / "catalog"
    catalogs.mkdir(exist_ok=True)
    keys = ("aws-access-key", "aws-secret-key")
    _write(
        catalogs / f"{CATALOG}.properties",
        {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "glue",
            # Tables are written by others.
            "iceberg.metadata-cache.enabled": "false",
            # Not only after a week, as Athena's VACUUM can be told by properties of a table.
            "iceberg.expire-snapshots.min-retention": "0s",
            "iceberg.remove-orphan-files.min-retention": "0s",
            # Local files are small: one read for columns a megabyte apart would be of all of them,
            # and what is counted would tell nothing of files as large as deployed ones.
            "parquet.max-merge-distance": "0B",
            "hive.metastore.glue.endpoint-url": lake.endpoint_url,
            "hive.metastore.glue.region": lake.region,
            "hive.metastore.glue.catalogid": lake.account_id,
            **{f"hive.metastore.glue.{key}": "local" for key in keys},
            "fs.native-s3.enabled": "true",
            "s3.endpoint": lake.endpoint_url,
            "s3.region": lake.region,
            "s3.path-style-access": "true",
            **{f"s3.{key}": "local" for key in keys},
        },
    )
    config = folder / "config.properties"
    _write(
        config,
        {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "node.environment": "local",
            "node.id": "local",
            "node.bind-ip": "127.0.0.1",
            "node.internal-address": "127.0.0.1",
            "http-server.http.port": str(port),
            "discovery.uri": f"http://127.0.0.1:{port}",
            "plugin.dir": str(installation.plugins),
            "catalog.config-dir": str(catalogs),
            "catalog.management": "static",
        },
    )
    return config


def _write(path: Path, properties: dict[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
