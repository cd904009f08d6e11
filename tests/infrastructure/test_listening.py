"""The script of the operations page, with which somebody sees what a second websocket brings."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tools.artifacts import ROOT

RECEIPTS = [{"RecipientParticipantId": "a", "ReadTimestamp": "2026-11-02T10:00:00.000Z"}]
ITEMS: tuple[dict[str, Any], ...] = (
    {
        "Type": "MESSAGE",
        "ContentType": "text/plain",
        "ParticipantRole": "AGENT",
        "Content": "a secret",
        "DisplayName": "a name",
    },
    {"Type": "MESSAGEMETADATA", "MessageMetadata": {"MessageId": "m", "Receipts": RECEIPTS}},
)


def test_it_subscribes_and_tells_kinds_and_receipts_but_nothing_that_was_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    [script] = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    space: dict[str, Any] = {"__name__": "listen"}
    exec(script, space)
    heard: list[dict[str, Any]] = []

    async def answer(socket: ServerConnection) -> None:
        heard.append(json.loads(await socket.recv()))
        confirmed = {"statusCode": 200, "statusContent": "OK"}
        await socket.send(json.dumps({"topic": "aws/subscribe", **confirmed}))
        for item in ITEMS:
            content = json.dumps(item)
            await socket.send(json.dumps({"topic": "aws/chat", "content": content}))

    async def listen() -> None:
        async with serve(answer, "127.0.0.1", 0) as server:
            [address] = [where.getsockname() for where in server.sockets]
            await space["listen"](f"ws://127.0.0.1:{address[1]}/")

    asyncio.run(listen())
    assert heard == [{"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}}]
    assert capsys.readouterr().out.splitlines() == [
        "aws/subscribe 200  []",
        "aws/chat text/plain AGENT []",
        f"aws/chat MESSAGEMETADATA  {RECEIPTS}",
    ]
