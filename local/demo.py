"""The demo: a busy half hour in a contact center, archived by the deployed pipeline.

Everything that `sam deploy` would put into an account runs here: the built template, layers and
functions. Connect is a simulator, AWS is moto, and the clock runs fast.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import quantiles

import duckdb
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from chatlake.analytics.duckdb_engine import run
from chatlake.analytics.sql_files import ALWAYS, load_named, to_duckdb
from chatlake.cli.query_output import write_table
from chatlake.documents.document import Document
from chatlake.documents.store.s3 import S3Store
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.exceptions import UnreadableDocument
from chatlake.interrupts import end_on_ctrl_c
from chatlake.operations.rebuild import rebuild
from local.chats import Chat, script
from local.clock import Clock
from local.deployed_tables import deployed_tables
from local.participant_service import Behaviour
from local.participant_service.timeline import happenings, perturb
from local.scripted.rush import Rush
from local.truth import Comparison, compare
from local.world import Origin, Script, World

FOLDER = Path("demo")
TEMPLATE = Path(".aws-sam/build/template.yaml")
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
RUSH_MINUTES = 6.5
LONGEST_MINUTES = 5
CAPTURE_RATE = 4
_FOREIGN_SHARE, _BACK_END_SHARE = 0.03, 0.25
_PATIENCE_S = 240
# Each look at the state takes some of the machine from the pipeline.
_SHOWN_EVERY_S, _LINE_EVERY_S = 2.0, 8.0
# Until the stack is deployed.
_SET_UP_S = 12
_CONSOLE = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def main() -> int:
    """Run the demo; give the exit code."""
    options = _parser().parse_args()
    library = f"orjson/*-{platform.machine()}-*.so"
    if not any(TEMPLATE.parent.rglob(library, recurse_symlinks=True)):
        print(
            "There is no build for this machine: run `make build` first (`make demo` does).",
            file=sys.stderr,
        )
        return 2
    shutil.rmtree(FOLDER, ignore_errors=True)
    chats = _chats(options.chats, options.seed)
    behaviour = Behaviour(tokens_outlive_chat=options.tokens_outlive_chats)
    deliveries = perturb(happenings(chats, behaviour), options.seed)
    clock = Clock(chats[0].started_ms / 1000 - _SET_UP_S * options.speed, options.speed)
    sequence = Script(chats, behaviour, deliveries.happenings, _origin)
    _CONSOLE.print(
        f"[bold]1. {len(chats)} chats of a busy half hour[/], {options.speed:g} times as fast as "
        f"the clock.\n   Of {len(deliveries.happenings):,} contact events and exports, "
        f"{len(deliveries.late)} come late, {len(deliveries.repeated)} twice, "
        f"{len(deliveries.lost)} never."
    )
    with World(
        sequence,
        clock,
        template=TEMPLATE,
        folder=FOLDER / "cloud",
        parameters={"CaptureRate": str(CAPTURE_RATE), "PublishWindowSeconds": "60"},
    ) as world:
        _CONSOLE.print("   The stack is deployed: tables, queues, functions, HTTP API.\n")
        _live(world)
        return _look_back(world)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.demo",
        description="Chats go on in a simulated Amazon Connect while the pipeline archives them.",
    )
    parser.add_argument("--chats", type=int, default=300, metavar="N", help="how many (300)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="other chats (1)")
    parser.add_argument(
        "--speed", type=float, default=8, metavar="X", help="times as fast as the clock (8)"
    )
    parser.add_argument(
        "--tokens-outlive-chats",
        action="store_true",
        help="transcripts can be read after the end; by default tokens die with their chat",
    )
    return parser


def _chats(count: int, seed: int) -> list[Chat]:
    """Make chats that begin within the rush and are not too long to wait for."""
    calendar = Rush(START, RUSH_MINUTES)
    chats: list[Chat] = []
    index = 0
    while len(chats) < count:
        chat = script(seed, index, calendar)
        if chat.ended_ms - chat.started_ms <= LONGEST_MINUTES * 60_000:
            chats.append(chat)
        index += 1
    return sorted(chats, key=lambda chat: chat.started_ms)


def _origin(chat: Chat) -> Origin:
    drawn = Random(chat.initial_contact_id).random()
    if drawn < _FOREIGN_SHARE:
        return Origin.FOREIGN
    return Origin.BACK_END if drawn < _FOREIGN_SHARE + _BACK_END_SHARE else Origin.PAGE


# --- while it happens


def _live(world: World) -> None:
    """Show how it goes until every chat is published."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            world.live()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failures.append(error)

    events = threading.Thread(target=work, daemon=True)
    events.start()
    give_up_at = time.monotonic() + _PATIENCE_S
    try:
        with _view(world) as show:
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
def _view(world: World) -> Iterator[Callable[[], None]]:
    if _CONSOLE.is_terminal:
        with Live(console=_CONSOLE, auto_refresh=False) as live:
            yield lambda: live.update(_table(world), refresh=True)
        return
    shown_at = -_LINE_EVERY_S

    def line() -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= _LINE_EVERY_S:
            shown_at = time.monotonic()
            counts = ", ".join(f"{number} {name}" for name, number in _numbers(world).items())
            _CONSOLE.print(f"   {world.clock.now():%H:%M:%S}  {counts}")

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


# --- afterwards


def _look_back(world: World) -> int:
    print()
    _CONSOLE.print("[bold]2. What no event told of[/]: the hourly reconciliation, now")
    found = world.cloud.invoke(world.stack, "Reconcile", {})
    _CONSOLE.print(f"   {_said(found)}")
    _wait_for_publishing(world)
    with deployed_tables(world.cloud, world.stack) as tables:
        _CONSOLE.print(
            "\n[bold]3. How long do messages lie unread?[/]  queries/named/read_latency_by_role.sql"
        )
        _ask(tables)
        _CONSOLE.print("\n[bold]4. The tables beside what really was said and read[/]")
        right = _judge(world, compare(world.chats, list(world.service.calls), tables))
        _delays(world, tables)
    lake = _take_home(world)
    folder = os.path.relpath(Path(sys.executable).parent)
    print(f"""
What to try next, on a copy of the documents in an embedded lake:
  export PATH="$PWD/{folder}:$PATH" CHATLAKE_LAKE={lake}
  chatlake query                           # what can be asked
  chatlake query "SELECT * FROM receipts WHERE read_latency_ms > 60000"
  chatlake report                          # a page to look at in a browser
  chatlake verify                          # every row against its document
  less {FOLDER}/cloud/logs/*.log               # what the functions logged""")
    return 0 if right else 1


def _said(found: object) -> str:
    words = {
        "ContactsFound": "contacts whose end no event told of",
        "ExportsFound": "exports that no event told of",
        "ChatsUnpublished": "chats announced again",
        "ChatsOverdue": "chats overdue",
    }
    counts = found if isinstance(found, dict) else {}
    said = [f"{counts[name]} {word}" for name, word in words.items() if counts.get(name)]
    return ", ".join(said) or "nothing was missing"


def _wait_for_publishing(world: World) -> None:
    """Wait until capture has looked at what was found, and it is published."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and world.due():
        time.sleep(0.5)
    world.cloud.wait_idle(_PATIENCE_S)


def _ask(tables: duckdb.DuckDBPyConnection) -> None:
    [query] = [query for query in load_named() if query.name == "read_latency_by_role"]
    answer = run(tables, to_duckdb(query.sql), ALWAYS.parameters)
    write_table(answer.to_arrow_reader(), sys.stdout)


def _judge(world: World, found: Comparison) -> bool:
    there = found.messages - found.messages_missing
    busiest = world.service.busiest_second("GetTranscript")
    table = Table.grid(padding=(0, 2))
    table.add_row(
        "   messages",
        f"{there:,} of {found.messages:,} are there, {found.messages_wrong} wrong or duplicated",
    )
    table.add_row(
        "   receipts",
        f"{found.receipts_archived:,} of {found.receipts:,} are there, {found.receipts_wrong} "
        f"wrong or duplicated, {found.receipts_missing} missing that could be read",
    )
    if found.receipts_unread:
        table.add_row("", f"{found.receipts_unread:,} came after the chat was last readable")
    table.add_row(
        "   pace",
        f"at most {busiest} GetTranscript calls in any second, {CAPTURE_RATE} are allowed",
    )
    _CONSOLE.print(table)
    right = found.is_right and busiest <= CAPTURE_RATE
    _CONSOLE.print(
        "   [green]All is as it should be.[/]" if right else "   [red]Something is wrong.[/]"
    )
    return right


def _delays(world: World, tables: duckdb.DuckDBPyConnection) -> None:
    """Tell how long after its end a chat was in the tables, by the fast clock."""
    rows = tables.execute(
        "SELECT initial_contact_id, epoch_ms(min(published_at)) FROM contacts GROUP BY 1"
    ).fetchall()
    ended = {chat.initial_contact_id: chat.ended_ms for chat in world.chats}
    first = world.first_published
    minutes = [(first.get(chat, at) - ended[chat]) / 60_000 for chat, at in rows if chat in ended]
    cuts = quantiles(minutes, n=20)
    _CONSOLE.print(
        f"   From a chat's end to its rows: {cuts[9]:.1f} minutes of the clock in the median, "
        f"{cuts[18]:.1f} at p95,\n   5 of them to see that no transfer follows."
    )


def _take_home(world: World) -> Path:
    """Copy the documents into an embedded lake, to play with when the cloud is gone."""
    folder = FOLDER / "lake"
    with EmbeddedArchive(folder, create=True) as archive:
        for stored in S3Store(world.client("s3"), world.stack.outputs["Documents"]):
            if not isinstance(stored, UnreadableDocument):
                archive.store.update(stored.document.initial_contact_id, _as_it_is(stored.document))
    with EmbeddedArchive(folder, rebuilding=True) as archive:
        rebuild(archive, _Silent())
    return folder


def _as_it_is(document: Document) -> Callable[[Document | None], Document]:
    return lambda _: document


class _Silent:
    """Shows no progress: a few hundred chats are done at once."""

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG002
        yield lambda _: None


if __name__ == "__main__":
    end_on_ctrl_c("Interrupted: everything that the demo started has ended.")
    sys.exit(main())
