"""What the websockets of the simulated service take, without which no bench of sockets says much.

python -m bench.simulator_sockets --sockets 2000 --seconds 30
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from websockets.asyncio.client import connect

from bench import report
from local.clock import Clock
from local.participant_service import Behaviour, ParticipantService
from local.scripted.marathon import marathon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.asyncio.client import ClientConnection

    from local.scripted.chat import Chat

_START_MS = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp() * 1000)
_LASTS_S = 600
_SUBSCRIBE = json.dumps({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})
_HEARTBEATS = [json.dumps({"topic": topic}) for topic in ("aws/heartbeat", "aws/ping")]
_BEAT_S = 10
_AT_ONCE = 50
_SCRIPTS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or be the clients' process if the URLs come by stdin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=2_000, help="one for each chat")
    parser.add_argument("--seconds", type=float, default=30, help="how long frames are counted")
    parser.add_argument("--messages", type=int, default=80, help="of each chat in ten minutes")
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.client:
        asyncio.run(_listen(sys.stdin.read().split()))
        return 0
    _measure(options.sockets, options.seconds, options.messages)
    return 0


def _measure(sockets: int, seconds: float, messages: int) -> None:
    """Open the sockets, and compare before and after."""
    report.progress(f"writing {sockets:,} chats of {messages} messages")
    scripts = [marathon(seed, messages, _START_MS, _LASTS_S) for seed in range(_SCRIPTS)]
    chats = [_another(scripts[number % _SCRIPTS], number) for number in range(sockets)]
    clock = Clock(_START_MS / 1000 + 5)
    with ExitStack() as stack:
        service = stack.enter_context(ParticipantService(chats, clock, Behaviour(exports=False)))
        urls = "\n".join(service.websocket_url(chat.initial_contact_id) for chat in chats)
        gc.collect()
        before = _resident_bytes()
        client = subprocess.Popen(
            [sys.executable, "-m", "bench.simulator_sockets", "--client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(client.wait)
        stack.callback(client.terminate)
        assert client.stdin
        assert client.stdout
        with client.stdin as stdin:
            stdin.write(urls)
        rows = []
        for step in ("open", "subscribed"):
            assert client.stdout.readline().strip() == step
            taken = (_resident_bytes() - before) / service.sockets.open_now()
            rows.append([f"memory a socket, {step}", f"{taken / 1024:.1f} KiB"])
        rows += _frames(service, clock, seconds)
    report.heading(f"simulator: {sockets:,} websockets")
    report.table([["", ""], *rows])


def _another(chat: Chat, number: int) -> Chat:
    """Return the same chat of other people: to write thousands would take longer than to run."""
    name = str(uuid5(UUID(chat.initial_contact_id), str(number)))
    return replace(
        chat,
        initial_contact_id=name,
        legs=tuple(replace(leg, contact_id=name) for leg in chat.legs),
        participants=tuple(
            replace(one, participant_id=str(uuid5(UUID(one.participant_id), str(number))))
            for one in chat.participants
        ),
    )


def _frames(service: ParticipantService, clock: Clock, seconds: float) -> list[list[str]]:
    """Count frames and this process's CPU time, which is the service's alone."""
    began_frames, began_cpu_s, began_s = _count(service), time.process_time(), time.monotonic()
    began_ms = clock.now_ms()
    time.sleep(seconds)
    frames, cpu_s = _count(service) - began_frames, time.process_time() - began_cpu_s
    wall_s = time.monotonic() - began_s
    late_ms = sorted(
        push.at_ms - push.frame.due_ms
        for pushes in service.sockets.pushed.values()
        for push in pushes
        if push.at_ms >= began_ms
    )
    return [
        ["frames a second", f"{frames / wall_s:,.0f}"],
        ["heartbeats answered a second", f"{service.sockets.open_now() / _BEAT_S * 2:,.0f}"],
        ["CPU", f"{cpu_s / wall_s:.1%} of a core"],
        ["CPU a frame, heartbeats included", f"{cpu_s / max(1, frames) * 1000:.3f} ms"],
        ["frames late by, p99", f"{late_ms[len(late_ms) * 99 // 100] if late_ms else 0} ms"],
    ]


def _count(service: ParticipantService) -> int:
    return sum(len(pushes) for pushes in list(service.sockets.pushed.values()))


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def _listen(urls: list[str]) -> None:
    """Open them all, subscribe, and take what comes, with the heartbeats of a client."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def opened(url: str) -> ClientConnection:
        async with gate:
            return await connect(url, compression=None, ping_interval=None)

    connections = await asyncio.gather(*map(opened, urls))
    print("open", flush=True)
    await asyncio.sleep(2)
    for connection in connections:
        await connection.send(_SUBSCRIBE)
        await connection.recv()
    print("subscribed", flush=True)
    await asyncio.gather(*map(_take, connections), *map(_beat, connections))


async def _take(connection: ClientConnection) -> None:
    async for _ in connection:
        pass


async def _beat(connection: ClientConnection) -> None:
    await asyncio.sleep(hash(connection) % 1000 / 1000 * _BEAT_S)
    while True:
        for heartbeat in _HEARTBEATS:
            await connection.send(heartbeat)
        await asyncio.sleep(_BEAT_S)


if __name__ == "__main__":
    sys.exit(main())
