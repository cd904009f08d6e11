"""The verdict on a world: what it took."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from local.verdict import calls_table
from tests.unit.local.listening import listening, refused, url
from tests.unit.local.served import LONG, serving


def test_calls_are_told_by_operation_and_sockets_beside_them() -> None:
    shown = StringIO()
    with serving([LONG], at_ms=LONG.started_ms) as served:
        token = served.connection(LONG)
        for _ in range(3):
            served.pages(token)
        used = url(served, LONG)
        with listening(served, LONG, at=used):
            assert refused(served, LONG, used) == 403
        status, _ = served.raw("POST", "/participant/transcript", "{}", "no token")
        assert status == 403
        Console(file=shown, width=100).print(calls_table(served.service, chats=2))
    rows = [line.split("  ") for line in shown.getvalue().splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["calls of the service", "calls", "a chat", "refused"],
        ["CreateParticipantConnection", "2", "1.00", "0"],
        ["GetTranscript", "4", "2.00", "1"],
        ["websockets opened", "1", "0.50", "1"],
    ]
