"""The verdict on a world that is over: its tables beside the truth, and how late they were."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import quantiles

import duckdb
from rich.console import Console
from rich.table import Table

from local.participant_service import ParticipantService
from local.shares import End, Share, shares
from local.truth import Comparison, compare
from local.world import World

_LEAST_ERROR = 400
LEAST_JUDGED = 300
"""Receipts: the share of fewer says little."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is asked of a world.

    Attributes
    ----------
    calls_in_a_second
        The most calls of GetTranscript.
    share
        The least share of the receipts that can be had.
    """

    calls_in_a_second: int
    share: float


def show_verdict(
    world: World, tables: duckdb.DuckDBPyConnection, console: Console, expected: Expected
) -> bool:
    """Show how right and how late the tables are; return whether all is as it should be."""
    service = world.service
    found = compare(world.chats, list(service.calls), tables, service.sockets.pushed)
    busiest = service.busiest_second("GetTranscript")
    by_end = shares(world.chats, world.told, found.receipts_of)
    whole = sum(by_end.values(), Share())
    console.print(_table(found, busiest, expected.calls_in_a_second))
    console.print(calls_table(service, len(world.chats)))
    console.print(_ends(by_end, whole))
    _show_hooks(world, console)
    enough = whole.kept >= expected.share or whole.could_be_had < LEAST_JUDGED
    right = found.is_right and busiest <= expected.calls_in_a_second and enough
    if not enough:
        console.print(
            f"   [red]{expected.share:.0%} of the receipts that could be had were expected.[/]"
        )
    console.print(
        "   [green]All is as it should be.[/]" if right else "   [red]Something is wrong.[/]"
    )
    _show_delays(world, tables, console)
    return right


def calls_table(service: ParticipantService, chats: int) -> Table:
    """Tell what all that took of the service."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("   calls of the service")
    for name in ("calls", "a chat", "refused"):
        table.add_column(name, justify="right")
    calls = list(service.calls)
    counted = Counter(call.operation for call in calls)
    refused = Counter(call.operation for call in calls if call.status >= _LEAST_ERROR)
    for name, count in sorted(counted.items()):
        table.add_row(f"   {name}", f"{count:,}", f"{count / chats:.2f}", f"{refused[name]:,}")
    sockets = service.sockets
    opened, turned_away = sockets.opened.total(), sum(sockets.refused.values())
    table.add_row(
        "   websockets opened", f"{opened:,}", f"{opened / chats:.2f}", f"{turned_away:,}"
    )
    return table


def _ends(by_end: dict[End, Share], whole: Share) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("   chats that ended", "read then by"):
        table.add_column(name)
    for name in ("chats", "receipts", "could be had", "are there", "share"):
        table.add_column(name, justify="right")
    rows = [(by.value, hook.value, share) for (by, hook), share in by_end.items()]
    for by, hook, share in (*rows, ("all", "", whole)):
        numbers = (share.chats, share.reported, share.could_be_had, share.there)
        kept = f"{share.kept:.1%}" if share.could_be_had else "–"
        table.add_row(f"   {by}", hook, *(f"{number:,}" for number in numbers), kept)
    return table


def _show_hooks(world: World, console: Console) -> None:
    """Tell what became of the calls at the ends of chats."""
    said = ", ".join(
        f"{count} of {hook.value} {answer}"
        for (hook, answer), count in sorted(
            world.told.answers.items(), key=lambda told: (told[0][0].name, told[0][1])
        )
    )
    if said:
        console.print(f"   Calls at the end of a chat: {said}.")


def _table(found: Comparison, busiest: int, allowed: int) -> Table:
    there = found.messages - found.messages_missing
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
    if found.receipts_late:
        table.add_row("", f"{found.receipts_late:,} were in no answer and no frame")
    table.add_row(
        "   readings",
        f"{found.not_seen:,} messages are told as not seen for 10 s or more: "
        f"{found.not_seen_read:,} had been read, as the",
    )
    table.add_row("", f"script knows, and {found.not_seen_wrong} had been reported so by then")
    table.add_row(
        "   rate",
        f"at most {busiest} GetTranscript calls in any second, {allowed} are allowed",
    )
    return table


def _show_delays(world: World, tables: duckdb.DuckDBPyConnection, console: Console) -> None:
    """Tell how long after its end a chat was in the tables, by the fast clock."""
    rows = tables.execute(
        "SELECT initial_contact_id, epoch_ms(min(published_at)) FROM contacts GROUP BY 1"
    ).fetchall()
    ended = {chat.initial_contact_id: chat.ended_ms for chat in world.chats}
    first = world.first_published
    minutes = [(first.get(chat, at) - ended[chat]) / 60_000 for chat, at in rows if chat in ended]
    cuts = quantiles(minutes, n=20)
    console.print(
        f"   From a chat's end to its rows: {cuts[9]:.1f} minutes of the clock in the median, "
        f"{cuts[18]:.1f} at p95,\n   5 of them to see that no transfer follows."
    )
