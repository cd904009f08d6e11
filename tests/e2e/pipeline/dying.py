"""A world in which tokens die with their chats and events come late, twice or never.

If it listens, one of the websockets breaks, and one is refused.
Then the reconciler comes, chats are erased and come again, and two publishers meet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from local.participant_service import Behaviour, Call
from local.participant_service.timeline import (
    ContactEvent,
    ExportObject,
    Happening,
    happenings,
    perturb,
)
from local.scripted.chat import Chat
from local.scripted.unattended import unattended
from local.world import EXPORT_BUCKET, Origin, Script, World
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.evidence import Evidence, gather
from tests.e2e.pipeline.happening import told_by
from tests.e2e.pipeline.running import Deed, begun, finish_attempt, live, scheduled, state, until
from tests.e2e.pipeline.tables import Rows, read_rows
from tests.oracle import Input

SPEEDS: Mapping[str, float] = {"websocket": 10, "polling": 30}
"""By how live chats are followed. Heartbeats and leases are of seconds of the clock."""
CAPTURE_RATE, CONNECTION_RATE = 4, 3

_PARAMETERS = {
    "PublishWindowSeconds": "1",
    "ShortestIntervalSeconds": "30",
    "CaptureRate": str(CAPTURE_RATE),
    "ConnectionRate": str(CONNECTION_RATE),
}
_SEED = 20
_USUAL_CHATS = 10
# So that each is read while it lives even where functions start slowly.
_LONGER_THAN_MIN = 6
_ENDS = {"DISCONNECTED", "COMPLETED"}


@dataclass(frozen=True)
class Cast:
    """The chats by what is special about them.

    Attributes
    ----------
    endless
        Nothing is heard of their ends but by their exports.
    unheard
        Nothing at all is heard of it; its export is there.
    foreign
        Its token is not known.
    unattended
        Its customer's page never comes.
    erased
        Are erased in the end.
    """

    usual: tuple[Chat, ...]
    endless: tuple[Chat, ...]
    unheard: Chat
    foreign: Chat
    unattended: Chat
    erased: tuple[Chat, ...]

    @property
    def broken(self) -> Chat:
        """Its websocket breaks while it goes on."""
        return self.usual[0]

    @property
    def refused(self) -> Chat:
        """It gets no websocket."""
        return self.usual[1]

    def chats(self) -> list[Chat]:
        """All that take place."""
        return [
            *self.usual,
            *self.endless,
            self.unheard,
            self.foreign,
            self.unattended,
            *self.erased,
        ]


@dataclass(frozen=True)
class Left:
    """What is left of erased chats: keys of documents, and of the state."""

    documents: list[str]
    state: list[str]


@dataclass(frozen=True)
class Died:
    """What came of it.

    Attributes
    ----------
    source
        How live chats were followed.
    told
        What events and exports told before the reconciler came.
    rows
        When the chats were over.
    rows_reconciled, rows_erased, rows_returned, rows_twice
        After the reconciler had been there; after chats were erased; after all of them had come
        again; and after two publishers had published everything again at once.
    left
        Of the erased chats, after all of them had come again.
    lost, late, repeated
        How many events were.
    together
        Whether two publishers were at work at once.
    """

    source: str
    cast: Cast
    told: list[Input]
    calls: list[Call]
    rows: Rows
    rows_reconciled: Rows
    rows_erased: Rows
    rows_returned: Rows
    rows_twice: Rows
    left: Left
    erase_answer: dict[str, list[str]]
    reconcile_answer: dict[str, int]
    lost: int
    late: int
    repeated: int
    together: bool
    evidence: Evidence


def _cast() -> Cast:
    casting = Casting()

    def some(number: int, started_s: float) -> tuple[Chat, ...]:
        return tuple(
            casting.find(
                lambda chat: receipts(chat) > 2,
                started_s=started_s + 5 * place,
                longer_than_min=_LONGER_THAN_MIN,
            )
            for place in range(number)
        )

    transferred = casting.find(lambda chat: len(chat.legs) == 3 and receipts(chat) > 3, started_s=2)
    return Cast(
        erased=(transferred, *some(1, 4)),
        usual=some(_USUAL_CHATS, 6),
        endless=some(2, 8),
        unheard=some(1, 9)[0],
        foreign=some(1, 10)[0],
        unattended=unattended(_SEED, DAY_MS + 12_000),
    )


def _break(chat: Chat) -> Deed:
    """Let the websocket of a chat break halfway, at the earliest."""

    def cut(world: World) -> None:
        until(lambda: world.service.sockets.cut(chat.initial_contact_id) > 0, "a socket broke")

    return (chat.started_ms + chat.ended_ms) // 2, cut


def _deliveries(cast: Cast, happened: Sequence[Happening]) -> list[Happening]:
    endless = {chat.initial_contact_id for chat in cast.endless}
    return [
        (at_ms, thing)
        for at_ms, thing in happened
        if thing.initial_contact_id != cast.unheard.initial_contact_id
        and not (
            isinstance(thing, ContactEvent)
            and thing.initial_contact_id in endless
            and thing.event_type in _ENDS
        )
    ]


def _ids(chats: Collection[Chat]) -> list[str]:
    return [chat.initial_contact_id for chat in chats]


def _bring_again(world: World, chats: Collection[Chat], happened: Sequence[Happening]) -> None:
    """Let all of some chats come once more: events, exports, messages of the queue, tokens."""
    ids = _ids(chats)
    for _, thing in happened:
        if thing.initial_contact_id in ids:
            if isinstance(thing, ContactEvent):
                world.deliver(thing)
            else:
                world.export(thing)
    for chat in ids:
        world.client("sqs").send_message(
            QueueUrl=world.stack.outputs["PublishQueueUrl"], MessageBody=_message(chat)
        )
        with suppress(HTTPError):
            world.register(chat, ParticipantToken=world.service.participant_token(chat))


def _message(chat: str) -> str:
    return f'{{"initial_contact_id": "{chat}", "revision": "of-before"}}'


def _publish_twice_at_once(world: World, chats: Sequence[str]) -> None:
    """Let two publishers publish all chats, as if none of the rows were known to be right."""
    for chat in chats:
        world.client("dynamodb").update_item(
            TableName=world.stack.outputs["ChatsTable"],
            Key={"key": {"S": f"chat#{chat}"}},
            UpdateExpression="REMOVE published_revision",
        )
    event = {
        "Records": [{"messageId": f"m-{chat}", "body": _message(chat)} for chat in sorted(chats)]
    }
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: world.cloud.invoke(world.stack, "Publish", event), "12"))
    assert answers == [{"batchItemFailures": []}] * 2


def _overlap(world: World) -> bool:
    found = world.cloud.invocations(world.stack.resources["Publish"])
    spans = sorted(
        (one.started_at, one.started_at + one.duration_s * world.clock.speed) for one in found
    )
    return any(second[0] < first[1] for first, second in pairwise(spans))


def _left(world: World, chats: Collection[Chat]) -> Left:
    contacts = {leg.contact_id for chat in chats for leg in chat.legs}
    pages = (
        world.client("s3")
        .get_paginator("list_object_versions")
        .paginate(Bucket=world.stack.outputs["Documents"])
    )
    versions = [
        found["Key"]
        for page in pages
        for kind in ("Versions", "DeleteMarkers")
        for found in page.get(kind, [])
    ]

    def named(texts: Collection[str]) -> list[str]:
        return sorted(text for text in texts if any(contact in text for contact in contacts))

    return Left(named(versions), named([*state(world), *scheduled(world)]))


def run(folder: Path, source: str) -> Died:
    """Let it all happen, with live chats followed by a source."""
    cast = _cast()
    chats, behaviour = cast.chats(), Behaviour()
    perturbed = perturb(
        happenings(chats, behaviour), _SEED, late=0.25, twice=0.2, lost=0.1, late_s=90
    )
    deliveries = _deliveries(cast, perturbed.happenings)
    foreign = _ids((cast.foreign, cast.unheard))
    script = Script(
        chats,
        behaviour,
        deliveries,
        lambda chat: Origin.FOREIGN if chat.initial_contact_id in foreign else Origin.PAGE,
    )
    ids = _ids(chats)
    heard_of = [chat for chat in ids if chat != cast.unheard.initial_contact_id]
    left_over = [chat for chat in ids if chat not in _ids(cast.erased)]
    template = deployable(folder / "project")
    parameters = _PARAMETERS | {"LiveSource": source}
    with begun(
        script, speed=SPEEDS[source], template=template, folder=folder, parameters=parameters
    ) as world:
        for leg in cast.unheard.legs:
            export = ExportObject(cast.unheard, leg)
            world.client("s3").put_object(Bucket=EXPORT_BUCKET, Key=export.key, Body=export.body)
        world.service.sockets.refuse(cast.refused.initial_contact_id)
        live(world, [_break(cast.broken)] if source == "websocket" else [])
        finish_attempt(world, heard_of)
        rows = read_rows(world.cloud, world.stack)
        found: Any = world.cloud.invoke(world.stack, "Reconcile", {})
        finish_attempt(world, ids)
        rows_reconciled = read_rows(world.cloud, world.stack)
        # One is named by a contact that it was transferred to.
        named = [chat.legs[-1].contact_id for chat in cast.erased]
        erased: Any = world.cloud.invoke(world.stack, "Erase", {"contact_ids": named})
        rows_erased = read_rows(world.cloud, world.stack)
        _bring_again(world, cast.erased, list(happenings(chats, behaviour)))
        finish_attempt(world, left_over)
        rows_returned = read_rows(world.cloud, world.stack)
        left = _left(world, cast.erased)
        _publish_twice_at_once(world, left_over)
        rows_twice = read_rows(world.cloud, world.stack)
        evidence = gather(world)
        together = _overlap(world)
    return Died(
        source=source,
        cast=cast,
        told=told_by(deliveries),
        calls=list(world.service.calls),
        rows=rows,
        rows_reconciled=rows_reconciled,
        rows_erased=rows_erased,
        rows_returned=rows_returned,
        rows_twice=rows_twice,
        left=left,
        erase_answer=erased,
        reconcile_answer=found,
        lost=len(perturbed.lost),
        late=len(perturbed.late),
        repeated=len(perturbed.repeated),
        together=together,
        evidence=evidence,
    )
