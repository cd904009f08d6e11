"""What the websockets of a process cost: memory a socket, CPU a heartbeat and a frame.

The other end is a process of its own on loopback. Usage:

    python -m bench.socket_costs [--sockets 500] [--frames 40000] [--idle 30] [--tls]
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from chatlake.capture import chat_socket
from chatlake.capture.sockets import Sockets
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

_ANSWERS = {
    "aws/subscribe": b'{"topic":"aws/subscribe","content":{"status":"success"}}',
    "aws/heartbeat": b'{"topic":"aws/heartbeat"}',
    "aws/ping": b'{"topic":"aws/ping","statusCode":200,"statusContent":"OK"}',
}
_WARM = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line each."""
    parser = argparse.ArgumentParser(prog="python -m bench.socket_costs", description=__doc__)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--frames", type=int, default=40_000)
    parser.add_argument("--idle", type=int, default=30, help="seconds in which nothing but hearts")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        asyncio.run(_serve(options.serve if options.tls else None, options.frames))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        certificate = Path(folder) / "server.pem"
        if options.tls:
            make_certificate(certificate)
            chat_socket._tls().load_verify_locations(certificate)
        command = [sys.executable, "-m", "bench.socket_costs", "--serve", str(certificate)]
        command += ["--frames", str(options.frames), *(["--tls"] if options.tls else [])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            try:
                _measure(url, options.sockets, options.frames, options.idle)
            finally:
                server.terminate()
    return 0


def _measure(url: str, count: int, frames: int, idle_s: int) -> None:
    with Sockets(most=count + _WARM + 1) as sockets:
        _open(sockets, url, range(_WARM))
        before_kib, cpu_s = _resident_kib(), time.process_time()
        _open(sockets, url, range(_WARM, _WARM + count))
        opened_ms = (time.process_time() - cpu_s) * 1000 / count
        each_kib = (_resident_kib() - before_kib) / count
        print(f"{count} more sockets: {each_kib:.1f} KiB and {opened_ms:.2f} ms CPU each to open")
        cpu_s = time.process_time()
        time.sleep(idle_s)
        idle = (time.process_time() - cpu_s) / idle_s
        print(f"idle, both heartbeats every 10 s: {idle * 100:.2f} % of a core")
        cpu_s, began = time.process_time(), time.monotonic()
        assert sockets.open("begin", f"{url}begin")
        heard = 0
        while heard < frames:
            sockets.wait(60)
            heard += sum(len(event.items) for event in sockets.take())
        took_s = time.monotonic() - began
        each_us = (time.process_time() - cpu_s) * 1e6 / heard
        print(f"{heard} frames in {took_s:.1f} s: {each_us:.0f} µs CPU each")
        print(f"resident at the end: {_resident_kib() / 1024:.0f} MiB")
        cpu_s, began = time.process_time(), time.monotonic()
    print(f"shut in {time.monotonic() - began:.2f} s")


def _open(sockets: Sockets, url: str, numbers: range) -> None:
    opened = 0
    for number in numbers:
        assert sockets.open(f"chat-{number}", f"{url}{number}")
        if number % 50 == 0:
            time.sleep(0.2)
    while opened < len(numbers):
        sockets.wait(60)
        for event in sockets.take():
            assert event.kind == "opened", event
            opened += 1


def _resident_kib() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0])


async def _serve(certificate: Path | None, frames: int) -> None:
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    connections: list[ServerConnection] = []
    told: set[asyncio.Task[None]] = set()

    async def listen(connection: ServerConnection) -> None:
        assert connection.request is not None
        if connection.request.path == "/begin":
            told.add(asyncio.create_task(_tell(connections, frames)))
        else:
            connections.append(connection)
        with suppress(ConnectionClosed):
            async for message in connection:
                topic = str(message).split('"')[3]
                await connection.send(_ANSWERS[topic], text=True)

    server = await serve(listen, "127.0.0.1", 0, compression=None, ping_interval=None, ssl=tls)
    host, port = server.sockets[0].getsockname()
    print(f"{'wss' if tls else 'ws'}://{host}:{port}/", flush=True)
    await server.serve_forever()


async def _tell(connections: list[ServerConnection], frames: int) -> None:
    for number in range(frames):
        item = {
            "Id": f"00000000-0000-4000-8000-{number:012}",
            "Type": "MESSAGE",
            "ContentType": "text/plain",
            "Content": f"This is the message number {number}, and it is of an ordinary length.",
            "ContactId": "11111111-0000-4000-8000-000000000001",
            "ParticipantId": "22222222-0000-4000-8000-000000000002",
            "ParticipantRole": "AGENT",
            "DisplayName": "An agent",
            "AbsoluteTime": "2026-11-27T12:00:00.123Z",
        }
        frame = {
            "topic": "aws/chat",
            "contentType": "application/json",
            "content": dumps(item).decode(),
        }
        await connections[number % len(connections)].send(dumps(frame), text=True)


def make_certificate(path: Path) -> None:
    """Write a key and a certificate of 127.0.0.1 that vouches for itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )


if __name__ == "__main__":
    sys.exit(main())
