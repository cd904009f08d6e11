"""The storage in a process of its own: what capture has written outlives whoever has written it."""

from __future__ import annotations

import asyncio
import pickle
import signal
import struct
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.live_sockets.storage import Refused, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = struct.Struct("!I")
"""Before each message: how many bytes it has."""

REQUESTS = "requests"
"""The operation that returns how many requests of each there were."""


def serve(address: str) -> None:
    """Answer requests at a path of the file system until the process is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(asyncio.CancelledError):
        asyncio.run(_serve(address))


async def _serve(address: str) -> None:
    storage = Storage()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                [size] = HEAD.unpack(await reader.readexactly(HEAD.size))
                answer = _answer(storage, await reader.readexactly(size))
                writer.write(HEAD.pack(len(answer)) + answer)
        writer.close()

    server = await asyncio.start_unix_server(converse, address, backlog=1024)
    async with server:
        await server.serve_forever()


def _answer(storage: Storage, data: bytes) -> bytes:
    operation, request = pickle.loads(data)  # nosec B301 # of the process that started this one
    if operation == REQUESTS:
        return pickle.dumps((dict(storage.requests), None))
    try:
        return pickle.dumps((storage.answer(operation, request), None))
    except Refused as refused:
        return pickle.dumps((None, (refused.code, refused.status, refused.more)))


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a storage while the block lasts; its value is the address."""
    address = str(folder / "storage")
    process = subprocess.Popen([sys.executable, "-m", __spec__.name, address])
    try:
        _wait_for(Path(address), process)
        yield address
    finally:
        process.kill()
        process.wait()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        time.sleep(0.01)
        if process.poll() is not None:
            message = "the storage did not start"
            raise RuntimeError(message)


if __name__ == "__main__":
    serve(sys.argv[1])
