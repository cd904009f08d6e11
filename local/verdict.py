"""The verdict on a world that is over: its tables beside the truth, and how late they were."""

from __future__ import annotations

from statistics import quantiles

import duckdb
from rich.console import Console
from rich.table import Table

from local.truth import Comparison, compare
from local.world import World


def show_verdict(
    world: World, tables: duckdb.DuckDBPyConnection, console: Console, capture_rate: int
) -> bool:
    """Show how right and how late the tables are; return whether all is as it should be."""
    found = compare(world.chats, list(world.service.calls), tables)
    busiest = world.service.busiest_second("GetTranscript")
    console.print(_table(found, busiest, capture_rate))
    right = found.is_right and busiest <= capture_rate
    console.print(
        "   [green]All is as it should be.[/]" if right else "   [red]Something is wrong.[/]"
    )
    _show_delays(world, tables, console)
    return right


def _table(found: Comparison, busiest: int, capture_rate: int) -> Table:
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
        table.add_row("", f"{found.receipts_late:,} came after the chat was last readable")
    table.add_row(
        "   readings",
        f"{found.not_seen:,} messages are told as not seen for 10 s or more: "
        f"{found.not_seen_read:,} had been read, as the",
    )
    table.add_row("", f"script knows, and {found.not_seen_wrong} had been reported so by then")
    table.add_row(
        "   rate",
        f"at most {busiest} GetTranscript calls in any second, {capture_rate} are allowed",
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
