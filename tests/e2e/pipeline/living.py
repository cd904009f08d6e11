"""A world in which tokens outlive their chats, with a chat of every sort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.participant_service import Behaviour, Call, Fault
from local.participant_service.timeline import (
    ContactEvent,
    ExportObject,
    Happening,
    happenings,
)
from local.scripted.chat import Chat
from local.world import Origin, Script, World
from tests.e2e.pipeline.casting import Casting, long_one, receipts, roles, without
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.evidence import Evidence, gather
from tests.e2e.pipeline.happening import (
    changed,
    events_of,
    exported,
    in_pascal_case,
    read_after_all,
    told_by,
    unnamed,
)
from tests.e2e.pipeline.running import Deed, begun, finish_attempt, live
from tests.e2e.pipeline.tables import Rows, read_rows
from tests.oracle import Input

SPEED = 15
"""A process of Capture must be able to renew its lease within seconds of the clock."""

CAPTURE_RATE = 4

_PARAMETERS = {
    "PublishWindowSeconds": "30",
    "ShortestIntervalSeconds": "60",
    "CaptureRate": str(CAPTURE_RATE),
}


@dataclass(frozen=True)
class Cast:
    """The chats by what is special about them; `hidden` is `as_exported` with an item left out."""

    transferred: Chat
    crowded: Chat
    with_bot: Chat
    first: Chat
    second: Chat
    third: Chat
    long: Chat
    silent: Chat
    with_file: Chat
    pascal: Chat
    late_token: Chat
    sourceless: Chat
    hidden: Chat
    as_exported: Chat
    unnamed_later: Chat
    unnamed_first: Chat

    def chats(self) -> list[Chat]:
        """All that take place."""
        return [chat for name, chat in vars(self).items() if name != "as_exported"]


@dataclass(frozen=True)
class Lived:
    """What came of it.

    Attributes
    ----------
    rows
        After all.
    rows_before
        Before the exports came that tell of the hidden item, and of the chat that no event named.
    told
        All that was to be known.
    voice_targets
        How many rules a voice contact's event matched.
    voice_tracked
        What the tracker said when it was given that event anyway.
    """

    cast: Cast
    rows: Rows
    rows_before: Rows
    told: list[Input]
    calls: list[Call]
    evidence: Evidence
    voice_targets: int
    voice_tracked: str


def _cast() -> Cast:
    casting = Casting()
    find = casting.find
    first, second, third = casting.returning(started_s=0, after_s=70)
    as_exported = find(
        lambda chat: any(item.type == "MESSAGEMETADATA" for item in chat.items), started_s=20
    )
    reported = {item.message_id for item in as_exported.items if item.type == "MESSAGEMETADATA"}
    hidden = next(item for item in as_exported.items if item.item_id in reported)
    return Cast(
        first=first,
        second=second,
        third=third,
        transferred=find(lambda chat: len(chat.legs) == 3 and receipts(chat) > 3, started_s=5),
        crowded=find(
            lambda chat: (
                len(chat.legs) == 1
                and roles(chat).count("AGENT") + roles(chat).count("SUPERVISOR") == 2
            ),
            started_s=10,
        ),
        with_bot=find(lambda chat: {"AGENT", "CUSTOM_BOT"} <= set(roles(chat)), started_s=15),
        hidden=without(as_exported, hidden),
        as_exported=as_exported,
        silent=find(lambda chat: all(i.type != "MESSAGE" for i in chat.items), started_s=0),
        long=long_one(started_s=25, lasts_s=240),
        with_file=find(lambda chat: any(i.attachments for i in chat.own_items), started_s=30),
        pascal=find(lambda chat: receipts(chat) > 3, started_s=35),
        late_token=find(lambda chat: receipts(chat) > 3, started_s=40, longer_than_min=5),
        sourceless=find(lambda chat: len(chat.legs) == 2, started_s=45),
        unnamed_later=find(lambda chat: len(chat.legs) == 3, started_s=50),
        unnamed_first=find(lambda chat: len(chat.legs) == 2, started_s=55),
    )


def _origin(cast: Cast) -> dict[str, Origin]:
    return {
        cast.late_token.initial_contact_id: Origin.FOREIGN,
        cast.sourceless.initial_contact_id: Origin.FOREIGN,
        cast.unnamed_first.initial_contact_id: Origin.FOREIGN,
        cast.hidden.initial_contact_id: Origin.BACK_END,
    }


def _strange_events(cast: Cast) -> list[tuple[int, ContactEvent]]:
    """The events that do not come as usual, with the time of their delivery."""
    later, first = cast.unnamed_later, cast.unnamed_first
    strange = [(at_ms, in_pascal_case(event)) for at_ms, event in events_of(cast.pascal)]
    strange += events_of(later, later.legs[0].contact_id)
    for leg in later.legs[1:]:
        strange += [(at_ms, unnamed(event)) for at_ms, event in events_of(later, leg.contact_id)]
    # The second leg's begin before anything is heard of the first.
    begin_ms = min(at_ms for at_ms, _ in events_of(first, first.legs[1].contact_id))
    for leg, after_ms in zip(first.legs, (60_000, 0), strict=True):
        strange += [
            (max(at_ms, begin_ms) + after_ms, unnamed(event))
            for at_ms, event in events_of(first, leg.contact_id)
        ]
    return [(at_ms, ContactEvent(event)) for at_ms, event in strange]


def _deliveries(cast: Cast, behaviour: Behaviour) -> list[Happening]:
    """What is delivered by the world itself: all that comes as usual."""
    strange = {
        chat.initial_contact_id for chat in (cast.pascal, cast.unnamed_later, cast.unnamed_first)
    }
    silent = {
        chat.initial_contact_id for chat in (cast.sourceless, cast.hidden, cast.unnamed_first)
    }
    return [
        (at_ms, thing)
        for at_ms, thing in happenings(cast.chats(), behaviour)
        if thing.initial_contact_id not in (strange if isinstance(thing, ContactEvent) else silent)
    ]


def _deeds(cast: Cast, strange: list[tuple[int, ContactEvent]]) -> list[Deed]:
    def deliver(event: ContactEvent) -> Callable[[World], object]:
        return lambda world: world.cloud.put_event(event.event)

    deeds: list[Deed] = [(at_ms, deliver(event)) for at_ms, event in strange]

    def give_token(world: World) -> None:
        chat = cast.late_token.initial_contact_id
        world.register(chat, ParticipantToken=world.service.participant_token(chat))

    def know_nothing(world: World) -> None:
        for leg in cast.unnamed_first.legs:
            fault = Fault(status=500)
            world.service.fail_next("DescribeContact", fault, times=1000, contact=leg.contact_id)

    deeds.append((cast.late_token.started_ms + 150_000, give_token))
    deeds.append((cast.unnamed_first.started_ms - 10_000, know_nothing))
    unheard = changed(events_of(cast.crowded)[0][1], eventType="CONTACT_WAS_ADMIRED")
    deeds.append((cast.crowded.started_ms + 60_000, lambda world: world.cloud.put_event(unheard)))
    return deeds


def run(folder: Path) -> Lived:
    """Let it all happen."""
    cast = _cast()
    behaviour = Behaviour(tokens_outlive_chat=True)
    deliveries = _deliveries(cast, behaviour)
    strange = _strange_events(cast)
    origins = _origin(cast)
    script = Script(
        cast.chats(),
        behaviour,
        deliveries,
        lambda chat: origins.get(chat.initial_contact_id, Origin.PAGE),
    )
    late = [
        ExportObject(chat, leg)
        for chat in (cast.as_exported, cast.unnamed_first)
        for leg in chat.legs
    ]
    unread = (cast.sourceless, cast.unnamed_first)
    told = [
        *told_by(deliveries),
        *told_by(strange),
        *(read_after_all(chat) for chat in cast.chats() if chat not in unread),
    ]
    ids = [chat.initial_contact_id for chat in cast.chats()]
    template = deployable(folder / "project")
    with begun(
        script, speed=SPEED, template=template, folder=folder, parameters=_PARAMETERS
    ) as world:
        voice = changed(events_of(cast.crowded)[0][1], contactId="a-call", channel="VOICE")
        voice_targets = world.cloud.put_event(voice)
        voice_tracked: Any = world.cloud.invoke(world.stack, "Track", voice)
        live(world, _deeds(cast, strange))
        finish_attempt(world, ids)
        rows_before = read_rows(world.cloud, world.stack)
        for export in late:
            world.export(export)
        finish_attempt(world, ids)
        rows = read_rows(world.cloud, world.stack)
        evidence = gather(world)
    return Lived(
        cast=cast,
        rows=rows,
        rows_before=rows_before,
        told=[*told, *map(exported, late)],
        calls=list(world.service.calls),
        evidence=evidence,
        voice_targets=voice_targets,
        voice_tracked=voice_tracked,
    )
