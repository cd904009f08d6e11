"""A world that has begun: its first chat is still to come when the stack is deployed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chatlake.capture.schedule import PHASES, CaptureSchedule
from local.clock import Clock
from local.participant_service.timeline import ContactEvent, ExportObject
from local.scripted.chat import Chat
from local.world import Script, World
from tools.artifacts import HOST

type Deed = tuple[int, Callable[[World], object]]
"""Something to be done, and when, in epoch milliseconds of the clock."""

_DEADLINE_S = 150.0
_POLL_S = 0.2
_LEAD_S = 16.0

ASKED_FOR_MORE = {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "POWERTOOLS_LOGGER_LOG_EVENT": "true"}
"""Whoever looks for a mistake may set these; nothing private is in a log for that."""


@contextmanager
def begun(
    script: Script,
    *,
    speed: float,
    template: Path,
    folder: Path,
    parameters: Mapping[str, str],
) -> Iterator[World]:
    """Deploy a stack just before the first chat starts.

    The clock cannot be stopped while that lasts, so a machine that is slower than expected has to
    begin once more, with more time.
    """
    first_ms = min(chat.started_ms for chat in script.chats)
    lead_s = _LEAD_S
    while True:
        clock = Clock(first_ms / 1000 - lead_s * speed, speed)
        world = World(
            script,
            clock,
            template=template,
            folder=folder / f"{lead_s:.0f}",
            parameters={"Architecture": HOST, **parameters},
            variables=ASKED_FOR_MORE,
        )
        with world:
            if clock.now_ms() < first_ms:
                yield world
                return
        lead_s *= 2


def live(world: World, deeds: Sequence[Deed] = ()) -> None:
    """Let everything of the script happen, and the deeds besides, each at its time."""
    failures: list[BaseException] = []

    def happen() -> None:
        try:
            world.live()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    living = threading.Thread(target=happen)
    living.start()
    try:
        for at_ms, deed in sorted(deeds, key=lambda deed: deed[0]):
            world.clock.sleep((at_ms - world.clock.now_ms()) / 1000)
            deed(world)
    except BaseException:
        world.stop()
        raise
    finally:
        living.join()
    if failures:
        raise failures[0]


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail if that takes very long."""
    end = time.monotonic() + _DEADLINE_S
    while not condition():
        if time.monotonic() > end:
            message = f"still not, after {_DEADLINE_S:.0f} s: {what}"
            raise AssertionError(message)
        time.sleep(_POLL_S)


def tell(world: World, chat: Chat) -> None:
    """Hand the stack the token of a chat that is over, and its events."""
    token = world.service.participant_token(chat.initial_contact_id)
    world.register(chat.initial_contact_id, ParticipantToken=token)
    for event in chat.contact_events():
        world.deliver(ContactEvent(event))


def export(world: World, chat: Chat) -> None:
    """Write the exports of a chat, as Connect does."""
    for leg in chat.legs:
        world.export(ExportObject(chat, leg))


def archive(world: World, *chats: Chat) -> None:
    """Let the stack hear of chats that are over, and wait until their rows are there."""
    for chat in chats:
        tell(world, chat)
        export(world, chat)
    finish_attempt(world, [chat.initial_contact_id for chat in chats])


def state(world: World) -> dict[str, dict[str, Any]]:
    """The items of the chats table by key."""
    pages = (
        world.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=world.stack.outputs["ChatsTable"], ConsistentRead=True)
    )
    return {item["key"]["S"]: item for page in pages for item in page["Items"]}


def scheduled(world: World) -> list[str]:
    """The items of the capture schedule, each by its chat and what it is."""
    table = world.stack.outputs["ScheduleTable"]
    pages = world.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    return [f"schedule#{item['chat']['S']}#{item['item']['S']}" for item in items]


def is_due(world: World) -> bool:
    """Whether any chat is due, now or later."""
    schedule = CaptureSchedule(world.client("dynamodb"), world.stack.outputs["ScheduleTable"])
    older = any("due_at" in item for item in state(world).values())
    return older or schedule.any(*PHASES)


def all_done(world: World, chats: Sequence[str]) -> bool:
    """Whether nothing is due any more, and the rows of these chats are of a newest revision."""
    if is_due(world):
        return False
    world.cloud.wait_idle(_DEADLINE_S)
    items = state(world)
    published = {chat for chat in chats if "published_revision" in items.get(f"chat#{chat}", {})}
    return published == set(chats) and not is_due(world)


def finish_attempt(world: World, chats: Sequence[str]) -> None:
    """Wait until all has come to rest."""
    until(lambda: all_done(world, chats), "every chat is published, and none is due")
