"""What a world leaves behind for those who look at it afterwards: logs, counts, calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from local.participant_service import Push
from local.world import World


@dataclass(frozen=True)
class Listened:
    """What the service saw of websockets: all of them are the stack's.

    Attributes
    ----------
    pushed
        What was sent of each chat.
    opened, most_open
        How many each chat has had, and a participant of it at once.
    before_page, kept_alive
        The chats whose socket came before the page, and those that went on because of it.
    refused
        Handshakes, by the status of the answer.
    """

    pushed: dict[str, list[Push]]
    opened: Counter[str]
    most_open: dict[str, int]
    before_page: set[str]
    kept_alive: set[str]
    refused: dict[int, int]


@dataclass(frozen=True)
class Evidence:
    """Of one world.

    Attributes
    ----------
    logs
        All that was written, by the name of the file.
    counted
        The metrics that each function counted, by its logical id.
    warned
        The chats that capture had something to say about, by what it was.
    dead_letters
        Messages in queues of what was given up.
    busiest_second, busiest_connecting
        GetTranscript and CreateParticipantConnection calls at most, within any second of the clock.
    """

    logs: dict[str, str]
    counted: dict[str, Counter[str]]
    warned: dict[str, list[str]]
    dead_letters: int
    failures: list[str]
    busiest_second: int
    busiest_connecting: int
    listened: Listened


FUNCTIONS = (
    "StartChat",
    "TakeToken",
    "LastRead",
    "Track",
    "Capture",
    "Publish",
    "Reconcile",
    "Erase",
    "MakeTables",
)


def gather(world: World) -> Evidence:
    """Look at a world while it is still there."""
    logs = {
        path.name: path.read_text("utf-8", "replace")
        for path in sorted(world.cloud.folder.rglob("*.log*"))
    } | {
        path.name: path.read_text("utf-8", "replace")
        for path in sorted(world.cloud.folder.rglob("*.jsonl"))
    }
    return Evidence(
        logs=logs,
        counted={
            name: counts(logs.get(f"{world.stack.resources[name]}.log", "")) for name in FUNCTIONS
        },
        warned=warnings(logs.get(f"{world.stack.resources['Capture']}.log", "")),
        dead_letters=sum(
            _messages(world, world.stack.outputs[queue])
            for queue in ("TrackDeadLettersUrl", "PublishDeadLettersUrl")
        ),
        failures=[
            f"{name}: {one.outcome} {one.error_type}"
            for name in FUNCTIONS
            for one in world.cloud.invocations(world.stack.resources[name])
            if one.outcome not in {"ok", "throttled"}
        ],
        busiest_second=world.service.busiest_second("GetTranscript"),
        busiest_connecting=world.service.busiest_second("CreateParticipantConnection"),
        listened=_listened(world),
    )


def _listened(world: World) -> Listened:
    sockets = world.service.sockets
    return Listened(
        pushed={chat: list(pushed) for chat, pushed in sockets.pushed.items()},
        opened=Counter(sockets.opened),
        most_open=dict(sockets.most_open),
        before_page=set(sockets.before_page),
        kept_alive=set(sockets.kept_alive),
        refused=dict(sockets.refused),
    )


def counts(log: str) -> Counter[str]:
    """Add up what a function counted in its log."""
    counted: Counter[str] = Counter()
    for line in _lines(log):
        found = line.get("counts")
        if isinstance(found, dict):
            counted.update(found)
    return counted


def warnings(log: str) -> dict[str, list[str]]:
    """Collect the chats of a log's warnings, by the metrics that count them."""
    found: dict[str, list[str]] = {}
    for line in _lines(log):
        if line.get("level") == "WARNING":
            found.setdefault(str(line["message"]), []).append(str(line["chat"]))
    return found


def _lines(log: str) -> Iterator[dict[str, object]]:
    for line in log.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _messages(world: World, url: str) -> int:
    answer = world.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])
