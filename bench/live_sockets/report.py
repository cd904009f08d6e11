"""What runs came to, side by side: a line for each figure, a column for each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.live_sockets.run import Outcome
from bench.report import notes, table

PROMISED = 0.995
"""The share of receipts that capture keeps of a running stack's chats."""

_TRANSCRIPTS, _CONNECTIONS = "GetTranscript", "CreateParticipantConnection"
_STORED = ("get_object", "put_object", "head_object")


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    value: Callable[[Outcome], str]


def show(outcomes: Sequence[Outcome]) -> None:
    """Print the figures, what was lost by kills, and what failed."""
    header = ["", *(_title(outcome) for outcome in outcomes)]
    table([header, *([line.name, *map(line.value, outcomes)] for line in _LINES)])
    print()
    notes(_told(outcomes))


def broken(outcome: Outcome) -> list[str]:
    """Return what of the promises a run did not keep; only those of the websocket are held.

    A run whose processes are killed, or that begins with nothing, promises nothing but that
    nothing fails.
    """
    of, kept = outcome.configuration, outcome.kept
    wrong = [f"{len(outcome.failures)} failures"] if outcome.failures else []
    wrong += [f"{kept.undocumented} chats without a document"] if kept.undocumented else []
    for operation, allowed in ((_TRANSCRIPTS, of.rate), (_CONNECTIONS, of.connections)):
        busiest = outcome.calls.busiest.get(operation, 0.0)
        # Ten seconds see up to the calls of one more, and those of a late thread.
        if busiest > 1.25 * allowed + 0.3:
            wrong.append(f"{operation} at {busiest:.1f}/s, {allowed:g} are allowed")
    if of.source == "websocket" and not of.kills and not of.from_nothing:
        if kept.share < PROMISED:
            wrong.append(f"{kept.share:.2%} of receipts, {PROMISED:.1%} are promised")
        if kept.messages_missing:
            wrong.append(f"{kept.messages_missing} messages are missing")
    return wrong


def _title(outcome: Outcome) -> str:
    of = outcome.configuration
    return of.source + (", killed" if of.kills else "") + (", from nothing" * of.from_nothing)


def _told(outcomes: Sequence[Outcome]) -> list[str]:
    told = []
    for outcome in outcomes:
        title = _title(outcome)
        told += [
            f"{title}: killed in minute {at_ms / 60_000:.0f}, {lost} receipts lost of the chats "
            "that ended from a minute before to five after"
            for at_ms, lost in outcome.kills
        ]
        told += [f"{title}: NOT KEPT: {wrong}" for wrong in broken(outcome)]
        told += [f"{title}: {failure.strip()[-400:]}" for failure in outcome.failures[:3]]
    return told


def _a_chat(operation: str) -> Callable[[Outcome], str]:
    return lambda outcome: f"{outcome.calls.of(operation) / max(1, outcome.kept.chats):.2f}"


def _busiest(operation: str) -> Callable[[Outcome], str]:
    return lambda outcome: f"{outcome.calls.busiest.get(operation, 0.0):.1f}"


def _counted(metric: str) -> Callable[[Outcome], str]:
    return lambda outcome: f"{outcome.counts[metric]:,}"


def _stored_a_chat(outcome: Outcome, *, objects: bool) -> str:
    count = sum(n for name, n in outcome.requests.items() if (name in _STORED) is objects)
    # The storage counts those before the run measured, too: of all chats that were begun.
    return f"{count / max(1, outcome.begun):.1f}"


def _memory_each(outcome: Outcome) -> str:
    """Return what each live chat, and its socket if it has one, adds to its process."""
    grown = [
        (process.peak_bytes - process.base_bytes) / process.peak_live
        for process in outcome.processes
        if process.peak_live >= outcome.configuration.chats / 20 and process.base_bytes
    ]
    return f"{sum(grown) / len(grown) / 1024:.0f}" if grown else "–"


def _cpu_s(outcome: Outcome) -> float:
    return sum(process.cpu_s for process in outcome.processes)


def _read(outcome: Outcome) -> int:
    """Return how many frames and pages were read."""
    return outcome.counts["FramesRead"] + outcome.counts["GetTranscriptCalls"]


_LINES = (
    _Line("chats that ended", lambda o: f"{o.kept.chats:,}"),
    _Line("receipts reported before the end", lambda o: f"{o.kept.receipts:,}"),
    _Line("share of receipts kept", lambda o: f"{o.kept.share:.3%}"),
    _Line("receipts lost", lambda o: f"{o.kept.receipts - o.kept.receipts_kept:,}"),
    _Line("messages", lambda o: f"{o.kept.messages:,}"),
    _Line("messages missing", lambda o: f"{o.kept.messages_missing:,}"),
    _Line("GetTranscript a chat", _a_chat(_TRANSCRIPTS)),
    _Line("CreateParticipantConnection a chat", _a_chat(_CONNECTIONS)),
    _Line("GetTranscript/s, busiest 10 s", _busiest(_TRANSCRIPTS)),
    _Line("CreateParticipantConnection/s, busiest 10 s", _busiest(_CONNECTIONS)),
    _Line("DynamoDB requests a chat", lambda o: _stored_a_chat(o, objects=False)),
    _Line("S3 requests a chat", lambda o: _stored_a_chat(o, objects=True)),
    _Line("sockets opened", _counted("SocketsOpened")),
    _Line("sockets lost", _counted("SocketsLost")),
    _Line("sockets refused", _counted("SocketsRefused")),
    _Line("live chats of which all is heard", lambda o: f"{o.by_socket:.1%}"),
    _Line("frames read", _counted("FramesRead")),
    _Line("gaps read", _counted("GapsRead")),
    _Line("processes", lambda o: f"{len(o.processes)}"),
    _Line("most sockets of a process", lambda o: f"{max(p.peak_sockets for p in o.processes)}"),
    _Line(
        "most memory of a process, MiB",
        lambda o: f"{max(p.peak_bytes for p in o.processes) / 2**20:.0f}",
    ),
    _Line("KiB a live chat of a process, its socket with it", _memory_each),
    _Line("processor of all, s", lambda o: f"{_cpu_s(o):.0f}"),
    _Line("processor, ms a frame or page", lambda o: f"{1000 * _cpu_s(o) / max(1, _read(o)):.2f}"),
    _Line("processor of the simulated service, s", lambda o: f"{o.service_cpu_s:.0f}"),
    _Line("longest stall of the machine, s", lambda o: f"{o.longest_stall_s:.2f}"),
    _Line("the run, s of the machine", lambda o: f"{o.wall_s:.0f}"),
)
