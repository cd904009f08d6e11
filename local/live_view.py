"""A world while it lives: how many chats have begun, ended, been captured and been published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from local.world import World

# Asking for the state takes some of the machine from the pipeline.
_SHOWN_EVERY_S, _LINE_EVERY_S = 2.0, 8.0


def show_until_published(world: World, console: Console, patience_s: float) -> None:
    """Let a world live, and show how it goes until every chat is published or patience ends."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            world.live()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failures.append(error)

    events = threading.Thread(target=work, daemon=True)
    events.start()
    give_up_at = time.monotonic() + patience_s
    try:
        with _view(world, console) as show:
            while events.is_alive() or len(world.published()) < len(world.chats):
                show()
                if failures:
                    raise failures[0]
                if time.monotonic() > give_up_at:
                    break
                events.join(_SHOWN_EVERY_S) if events.is_alive() else time.sleep(_SHOWN_EVERY_S)
            show()
    finally:
        world.stop()
        events.join()


@contextmanager
def _view(world: World, console: Console) -> Iterator[Callable[[], None]]:
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda: live.update(_table(world), refresh=True)
        return
    shown_at = -_LINE_EVERY_S

    def line() -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= _LINE_EVERY_S:
            shown_at = time.monotonic()
            counts = ", ".join(f"{number} {name}" for name, number in _numbers(world).items())
            console.print(f"   {world.clock.now():%H:%M:%S}  {counts}")

    yield line


def _numbers(world: World) -> dict[str, int]:
    now = world.clock.now_ms()
    started = len(world.told.started)
    ended = sum(1 for chat in world.chats if chat.ended_ms <= now)
    documents = world.documents()
    return {
        "started": started,
        "live": max(0, started - ended),
        "captured": documents,
        "ended": ended,
        "published": len(world.published()),
    }


def _table(world: World) -> Table:
    table = Table.grid(padding=(0, 2))
    total = len(world.chats)
    for name, number in _numbers(world).items():
        table.add_row(f"   {name}", f"{number:>4}", ProgressBar(total, number, width=50))
    calls = sum(1 for call in list(world.service.calls) if call.operation == "GetTranscript")
    table.add_row("   clock", "", f"{world.clock.now():%H:%M:%S}   {calls:,} GetTranscript calls")
    return table
