"""The websocket of a participant (RFC 6455): subscriptions and heartbeats, and nothing is pushed.

ChatJS calls a session connected once its topics are subscribed; it reads by GetTranscript.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1
from io import BufferedIOBase
from itertools import cycle

from local.scripted.items import JsonObject

_KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # the RFC's own
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_FINAL = 0x80
_MASKED = 0x80
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_LONGEST = 1 << 20


def handshake(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return the headers that accept a websocket; None if the request, by lower case, is none."""
    key = headers.get("sec-websocket-key")
    if headers.get("upgrade", "").lower() != "websocket" or key is None:
        return None
    # SHA-1 is the protocol's: it proves that the server understood, and protects nothing.
    accept = b64encode(sha1(key.encode() + _KEY_SUFFIX, usedforsecurity=False).digest())
    return {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": accept.decode(),
    }


def converse(incoming: BufferedIOBase, outgoing: BufferedIOBase) -> None:
    """Answer the frames of a client until it closes or is gone."""
    while (frame := _read_frame(incoming)) is not None:
        opcode, payload = frame
        if opcode == _TEXT:
            answer = _answer(payload)
            if answer is not None:
                _write_frame(outgoing, _TEXT, json.dumps(answer).encode())
        elif opcode == _PING:
            _write_frame(outgoing, _PONG, payload)
        elif opcode == _CLOSE:
            _write_frame(outgoing, _CLOSE, payload)
            return


def _answer(payload: bytes) -> JsonObject | None:
    """Return what the service answers to a client's message."""
    try:
        message = json.loads(payload)
    except ValueError:
        return None
    match message:
        case {"topic": "aws/subscribe", "content": {"topics": [*topics]}}:
            return {"topic": "aws/subscribe", "content": {"status": "success", "topics": topics}}
        case {"topic": "aws/heartbeat"}:
            return {"topic": "aws/heartbeat"}
        case {"topic": "aws/ping"}:
            return {"topic": "aws/ping", "statusCode": 200, "statusContent": "OK"}
    return None


def _read_frame(incoming: BufferedIOBase) -> tuple[int, bytes] | None:
    """Return the opcode and the payload of a frame; None if there is no whole one.

    Clients of this service send short messages, which come in one frame each.
    """
    head = incoming.read(2)
    if len(head) < 2:
        return None
    length = head[1] & ~_MASKED
    if length in {_TWO_BYTES, _EIGHT_BYTES}:
        length = int.from_bytes(incoming.read(2 if length == _TWO_BYTES else 8))
    if length > _LONGEST:
        return None
    mask = incoming.read(4) if head[1] & _MASKED else bytes(4)
    payload = incoming.read(length)
    if len(payload) < length:
        return None
    return head[0] & 0x0F, bytes(
        byte ^ key for byte, key in zip(payload, cycle(mask), strict=False)
    )


def _write_frame(outgoing: BufferedIOBase, opcode: int, payload: bytes) -> None:
    size = len(payload)
    if size < _TWO_BYTES:
        head = bytes([_FINAL | opcode, size])
    else:
        head = bytes([_FINAL | opcode, _EIGHT_BYTES]) + size.to_bytes(8)
    outgoing.write(head + payload)
    outgoing.flush()
