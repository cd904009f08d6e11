"""What a live chat asks of Connect and costs: by its websocket, and by GetTranscript alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tools.cost_model import costs
from tools.workload import (
    DAYS,
    HOUR_S,
    LIVE_A_SHARD,
    interval_s,
    live_at_peak,
    shards_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stack_defaults import Stack
    from tools.workload import Chat

LIVE = (40, 500, 1_000, 5_000)
OFTEN_S = 5
"""So often each live chat is to be read, that its receipts are kept nearly as well."""
TRANSCRIPT_QUOTA = 8
CONNECTION_QUOTA = 6
# A ConnectionToken is good for a day.
_CONNECTIONS_ALONE = 1


def section(sizes: tuple[int, ...], chat: Chat, stack: Stack) -> Iterator[str]:
    """Return the lines of the section, sizes being chats a day."""
    often = chat.minutes * 60 / OFTEN_S
    yield "## Requests a chat\n"
    yield (
        f"A chat of {chat.minutes:g} minutes asks of Connect, which charges nothing for it but has "
        "a quota of it a second:\n"
    )
    few, many = 40, 1_000
    yield (
        f"| | by its websocket | by GetTranscript alone, one of {few} live chats "
        f"| the same, one of {many:,} | the same, every {OFTEN_S} s |"
    )
    yield "|---|---:|---:|---:|---:|"
    yield (
        f"| CreateParticipantConnection | {chat.connections:g} | {_CONNECTIONS_ALONE} "
        f"| {_CONNECTIONS_ALONE} | {_CONNECTIONS_ALONE} |"
    )
    alone = [_reads(chat, interval_s(live, stack)) for live in (few, many)]
    yield (
        f"| GetTranscript | {chat.transcript_calls:g} | {_few(alone[0])} | {_few(alone[1])} "
        f"| {_few(often)} |"
    )
    yield ""
    yield from _quotas(chat, stack)
    yield from _dollars(sizes, chat, stack)


def _few(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _reads(chat: Chat, every_s: float) -> float:
    return chat.minutes * 60 / every_s


def _quotas(chat: Chat, stack: Stack) -> Iterator[str]:
    yield (
        "Calls a second, beside so many live chats. Quotas are those that an instance has at "
        "first; customers' pages share them, so a stack may have half:\n"
    )
    yield (
        f"| live chats | CreateParticipantConnection with websockets (quota {CONNECTION_QUOTA}) "
        f"| GetTranscript with websockets (quota {TRANSCRIPT_QUOTA}) | GetTranscript alone, to "
        f"keep as much (quota {TRANSCRIPT_QUOTA}) | `CaptureShards` |"
    )
    yield "|---:|---:|---:|---:|---:|"
    for live in LIVE:
        begin_s = live / (chat.minutes * 60)
        yield (
            f"| {live:,} | {_few(begin_s * chat.connections)} "
            f"| {_few(begin_s * chat.transcript_calls)} | {live / OFTEN_S:,.0f} "
            f"| {shards_for(live)} |"
        )
    chat_s = chat.minutes * 60
    connected = stack.connection_rate / chat.connections * chat_s
    read = stack.own_rate / chat.transcript_calls * chat_s
    yield ""
    yield (
        f"Said plainly: by GetTranscript alone, 1,000 live chats would need {1_000 / OFTEN_S:,.0f} "
        f"calls a second, of a quota of {TRANSCRIPT_QUOTA}, to keep about as many receipts "
        f"(98.6 % on scripted chats, read every {OFTEN_S} s). With websockets `ConnectionRate` "
        f"{stack.connection_rate:g} is enough for {connected:,.0f} live chats that begin and end, "
        f"the {stack.own_rate:g} calls of GetTranscript that are Capture's own for {read:,.0f}, "
        f"and one shard for some {LIVE_A_SHARD:,}.\n"
    )


def _dollars(sizes: tuple[int, ...], chat: Chat, stack: Stack) -> Iterator[str]:
    yield (
        "In dollars of AWS's other services, for 1,000 chats; writes of documents and rows are "
        "the same but for what is read too seldom:\n"
    )
    yield "| | " + " | ".join(f"{size:,} chats a day" for size in sizes) + " |"
    yield "|---|" + "---:|" * len(sizes)
    for title, source in (
        ("by websockets", "websocket"),
        ("by GetTranscript alone", "polling"),
    ):
        other = replace(stack, live_source=source)
        told = [
            sum(line.dollars for line in costs(size, chat, other)) / (size * DAYS) * 1_000
            for size in sizes
        ]
        yield f"| {title} | " + " | ".join(f"{dollars:,.2f}" for dollars in told) + " |"
    yield ""
    yield (
        f"The difference is Lambda, {chat.processes:g} processes of Capture for each shard in the "
        "place of one, and what they note in DynamoDB to know of each other.\n"
    )


def pace(size: int, chat: Chat, stack: Stack) -> str:
    """Return what a stack of a size needs of Connect in its busiest hour."""
    live = live_at_peak(size, chat)
    told = f"In the busiest hour some {live:,.0f} chats live"
    if stack.live_source == "polling":
        every_s = interval_s(live, stack)
        return (
            f"{told}. `CaptureRate` less `LastReadReserve` is {stack.own_rate:g} calls a second, "
            f"so each is read about every {every_s:,.0f} s, and those in which something happens "
            "more often. What that keeps is in [performance](performance.md).\n"
        )
    begin_s = size * chat.peak_share / HOUR_S
    connections, transcripts = begin_s * chat.connections, begin_s * chat.transcript_calls
    told += (
        f", and {_few(begin_s)} begin a second: {_few(connections)} calls of "
        f"CreateParticipantConnection and {_few(transcripts)} of GetTranscript a second, if all "
        "have a token"
    )
    reserve = stack.capture_rate - stack.own_rate
    needed = [
        f"`{name}` {_few(calls)} at least and a quota of twice that"
        for name, rate, calls in (
            ("ConnectionRate", stack.connection_rate, connections),
            ("CaptureRate", stack.capture_rate, transcripts + reserve),
        )
        if calls > rate
    ]
    if (shards := shards_for(live)) > 1:
        needed.insert(0, f"`CaptureShards` {shards}")
    if not needed:
        return told + ". The defaults are enough.\n"
    return f"{told}. That needs {', '.join(needed)}; chats beyond are read in turn.\n"
