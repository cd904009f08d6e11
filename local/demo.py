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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb
from rich.console import Console

from chatlake.analytics.duckdb_engine import run
from chatlake.analytics.sql_files import ALWAYS, load_named, to_duckdb
from chatlake.capture.reserve import BURST
from chatlake.cli.query_output import write_table
from chatlake.documents.store.s3 import S3Store
from chatlake.interrupts import end_on_ctrl_c
from local.chats import Chat, script
from local.clock import Clock
from local.deployed_tables import deployed_tables
from local.embedded_copy import copy_into_lake
from local.live_view import show_until_published
from local.participant_service import Behaviour
from local.participant_service.timeline import happenings, perturb
from local.scripted.ending import EndedBy
from local.scripted.rush import Rush
from local.verdict import Expected, show_verdict
from local.world import Hook, Origin, Script, World, usual_hook

FOLDER = Path("demo")
TEMPLATE = Path(".aws-sam/build/template.yaml")
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
RUSH_MINUTES = 6.5
LONGEST_MINUTES = 5
LAST_MINUTE = 14
"""By when chats have ended that end by themselves, which takes ten minutes of silence."""
CAPTURE_RATE = 4
# About as many chats as end with somebody who has them read, a second.
RESERVE = "0.5"
OLDER_PROCESSES = 2
"""Of Capture, that listen beside the newest: each may begin a call in the same second."""
LEAST_KEPT = {
    ("websocket", False): 0.995,
    ("websocket", True): 0.995,
    ("polling", False): 0.87,
    ("polling", True): 0.97,
}
"""Of the receipts that can be had: by how live chats are followed, and whether hooks read them."""
_FOREIGN_SHARE, _BACK_END_SHARE = 0.03, 0.25
_PATIENCE_S = 480
# Of an answer that is too wide for a terminal.
_SHOWN = (
    *("sender_role", "recipient_role", "messages", "share_known", "messages_known"),
    *("seen_p50_s", "seen_p90_s", "seen_within_30s", "reported_p50_s", "reported_p90_s"),
)
# Until the stack is deployed.
_SET_UP_S = 12
_CONSOLE = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def main() -> int:
    """Run the demo; return the exit code."""
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
    hook = _hooks(chats) if options.hooks else _no_hook
    sequence = Script(chats, behaviour, deliveries.happenings, _origin, hook)
    _CONSOLE.print(
        f"[bold]1. {len(chats)} chats of a busy half hour[/], {options.speed:g} times as fast as "
        f"the clock.\n   Of {len(deliveries.happenings):,} contact events and exports, "
        f"{len(deliveries.late)} come late, {len(deliveries.repeated)} twice, "
        f"{len(deliveries.lost)} never."
    )
    with _begun(sequence, options) as world:
        _CONSOLE.print("   The stack is deployed: tables, queues, functions, HTTP API.\n")
        show_until_published(world, _CONSOLE, _PATIENCE_S)
        return _review(world, _expected(options))


@contextmanager
def _begun(sequence: Script, options: argparse.Namespace) -> Iterator[World]:
    """Deploy the stack before the first chat starts.

    The clock goes on meanwhile, so a machine that is slow has to begin once more, with more time.
    """
    first_ms = sequence.chats[0].started_ms
    set_up_s = _SET_UP_S
    while True:
        world = World(
            sequence,
            Clock(first_ms / 1000 - set_up_s * options.speed, options.speed),
            template=TEMPLATE,
            folder=FOLDER / "cloud",
            parameters={
                "CaptureRate": str(CAPTURE_RATE),
                "LastReadReserve": RESERVE,
                "LastReads": "on" if options.hooks else "off",
                "LiveSource": "polling" if options.polling else "websocket",
                "PublishWindowSeconds": "60",
            },
        )
        with world:
            if world.clock.now_ms() < first_ms:
                yield world
                return
        set_up_s *= 2


def _expected(options: argparse.Namespace) -> Expected:
    source = "polling" if options.polling else "websocket"
    calls = CAPTURE_RATE + OLDER_PROCESSES + (BURST if options.hooks else 0)
    return Expected(calls, LEAST_KEPT[source, options.hooks])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.demo",
        description="Chats go on in a simulated Amazon Connect while the pipeline archives them.",
    )
    parser.add_argument("--chats", type=int, default=300, metavar="N", help="how many (300)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="other chats (1)")
    parser.add_argument(
        "--speed", type=float, default=4, metavar="X", help="times as fast as the clock (4)"
    )
    parser.add_argument(
        "--hooks",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="flows, and most pages, have a chat read right before it ends (they do not)",
    )
    parser.add_argument(
        "--polling",
        action="store_true",
        help="live chats are read in turn; by default their websockets are listened to",
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
        if _ends_soon(chat, calendar.start_ms):
            chats.append(chat)
        index += 1
    return sorted(chats, key=lambda chat: chat.started_ms)


def _ends_soon(chat: Chat, start_ms: int) -> bool:
    if chat.ended_by is EndedBy.NOBODY:
        return chat.ended_ms - start_ms <= LAST_MINUTE * 60_000
    return chat.ended_ms - chat.started_ms <= LONGEST_MINUTES * 60_000


def _origin(chat: Chat) -> Origin:
    drawn = Random(chat.initial_contact_id).random()
    if drawn < _FOREIGN_SHARE:
        return Origin.FOREIGN
    return Origin.BACK_END if drawn < _FOREIGN_SHARE + _BACK_END_SHARE else Origin.PAGE


def _hooks(chats: Sequence[Chat]) -> Callable[[Chat], Hook]:
    """Return what reads at each chat's end: every flow, and exactly four of five pages."""
    closed = [
        chat.initial_contact_id
        for chat in chats
        if chat.ended_by is EndedBy.CUSTOMER and _origin(chat) is Origin.PAGE
    ]
    silent = set(closed[4::5])

    def hook(chat: Chat) -> Hook:
        if chat.initial_contact_id in silent:
            return Hook.NONE
        if chat.initial_contact_id in closed:
            return Hook.CLOSING
        return usual_hook(chat, _origin(chat))

    return hook


def _no_hook(_: Chat) -> Hook:
    return Hook.NONE


def _review(world: World, expected: Expected) -> int:
    """Reconcile, ask, and compare with the truth; return the exit code."""
    print()
    _CONSOLE.print("[bold]2. What no event told of[/]: the hourly reconciliation, now")
    found = world.cloud.invoke(world.stack, "Reconcile", {})
    _CONSOLE.print(f"   {_said(found)}")
    _wait_for_publishing(world)
    with deployed_tables(world.cloud, world.stack) as tables:
        _CONSOLE.print(
            "\n[bold]3. How soon are messages seen?[/]  queries/named/read_latency_by_role.sql"
        )
        _ask(tables)
        _CONSOLE.print("\n[bold]4. The tables beside what really was said and read[/]")
        right = show_verdict(world, tables, _CONSOLE, expected)
    lake = FOLDER / "lake"
    copy_into_lake(S3Store(world.client("s3"), world.stack.outputs["Documents"]), lake)
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
    """Wait until no capture attempt is due for what was found, and it is published."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and world.due():
        time.sleep(0.5)
    world.cloud.wait_idle(_PATIENCE_S)


def _ask(tables: duckdb.DuckDBPyConnection) -> None:
    [query] = [query for query in load_named() if query.name == "read_latency_by_role"]
    shown = ", ".join(_SHOWN)
    sql = f"SELECT {shown} FROM ({to_duckdb(query.sql)})"
    answer = run(tables, sql, ALWAYS.parameters)
    write_table(answer.to_arrow_reader(), sys.stdout)


if __name__ == "__main__":
    end_on_ctrl_c("Interrupted: everything that the demo started has ended.")
    sys.exit(main())
