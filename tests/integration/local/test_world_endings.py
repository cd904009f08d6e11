"""Chats that end in a world: who is called while the customer is there, and what is told after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local import endings
from local.chats import Chat, scripts
from local.clock import Clock
from local.scripted.contact_center import epoch_ms
from local.scripted.ending import EndedBy
from local.scripted.moved import moved
from local.world import Hook, Origin, Script, World, usual_hook
from tests.integration.local.ending_stack import TEMPLATE

pytestmark = pytest.mark.world

SPEED = 60
START = datetime(2026, 9, 1, 10, tzinfo=UTC)
MANY = list(scripts(seed=7, count=400, start=START, days=3))
LEAD_S = 8
LEAST_MS = 400_000


def shortest(by: EndedBy, started_s: float, hook: Hook | None = None) -> Chat:
    """A chat that lasts until its start is surely answered, on a slow machine too."""
    fitting = (
        chat
        for chat in MANY
        if chat.ended_by is by and not chat.past_chats and len(chat.legs) == 1
        if chat.ended_ms - chat.started_ms > LEAST_MS
        if hook is None or usual_hook(chat, Origin.PAGE) is hook
    )
    found = min(fitting, key=lambda chat: chat.ended_ms - chat.started_ms)
    return moved(found, epoch_ms(START) + int(started_s * 1000))


BY_AGENT = shortest(EndedBy.AGENT, 0)
BY_PAGE_THAT_CALLS = shortest(EndedBy.CUSTOMER, 10, Hook.CLOSING)
BY_PAGE = shortest(EndedBy.CUSTOMER, 20, Hook.NONE)
BY_NOBODY = shortest(EndedBy.NOBODY, 0)
CHATS = [BY_AGENT, BY_PAGE_THAT_CALLS, BY_PAGE, BY_NOBODY]


@contextmanager
def lived(folder: Path, *chats: Chat, **parameters: str) -> Iterator[World]:
    """A world in which the chats have ended, each as is usual where all hooks are."""
    script = Script(chats, hook=lambda chat: usual_hook(chat, Origin.PAGE))
    clock = Clock(min(chat.started_ms for chat in chats) / 1000 - LEAD_S * SPEED, SPEED)
    with World(script, clock, template=TEMPLATE, folder=folder, parameters=parameters) as world:
        world.live()
        world.cloud.wait_idle(30)
        yield world


def told(world: World) -> list[dict[str, Any]]:
    """What the function that reads last told the bus."""
    sqs = world.cloud.client("sqs")
    found = []
    while messages := sqs.receive_message(
        QueueUrl=world.stack.outputs["Told"], MaxNumberOfMessages=10
    ).get("Messages"):
        found += [json.loads(message["Body"])["detail"] for message in messages]
    return found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait however slow the machine is."""
    for hook in (Hook.FLOW, Hook.CLOSING):
        monkeypatch.setitem(endings.LIMITS_S, hook, 60.0)


@pytest.mark.usefixtures("patient")
def test_who_reads_last_is_called_while_the_customer_is_there(tmp_path: Path) -> None:
    with lived(tmp_path, *CHATS) as world:
        found = {told["contact"]: told for told in told(world)}
        assert world.told.answers == {(Hook.FLOW, "answered"): 1, (Hook.CLOSING, "answered"): 1}
        assert found == {
            BY_AGENT.initial_contact_id: {
                "contact": BY_AGENT.initial_contact_id,
                "channel": "CHAT",
                "disconnected": "False",
            },
            BY_PAGE_THAT_CALLS.initial_contact_id: {
                "contact": BY_PAGE_THAT_CALLS.initial_contact_id,
                "opens": "True",
                "disconnected": "False",
            },
        }
        assert world.told.hooks == {
            BY_AGENT.initial_contact_id: Hook.FLOW,
            BY_PAGE_THAT_CALLS.initial_contact_id: Hook.CLOSING,
        }
        assert world.told.answers == {(Hook.FLOW, "answered"): 1, (Hook.CLOSING, "answered"): 1}
        assert world.told.ended == {chat.initial_contact_id for chat in CHATS}
        assert world.told.events["DISCONNECTED"] == len(CHATS)


def test_a_function_that_does_not_allow_it_is_not_run_and_the_chat_ends(tmp_path: Path) -> None:
    with lived(tmp_path, BY_AGENT, Permitted="off") as world:
        assert told(world) == []
        assert world.told.answers == {(Hook.FLOW, "refused"): 1}
        [failure] = world.told.failures
        assert "does not allow connect.amazonaws.com" in failure
        assert world.told.ended == {BY_AGENT.initial_contact_id}


def test_what_is_not_associated_is_in_no_flow(tmp_path: Path) -> None:
    with lived(tmp_path, BY_AGENT, Associated="off") as world:
        assert told(world) == []
        assert not world.told.hooks
        assert world.told.ended == {BY_AGENT.initial_contact_id}


def test_a_customer_waits_no_longer_than_the_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(endings.LIMITS_S, Hook.FLOW, 0.2)
    with lived(tmp_path, BY_AGENT, Seconds="120") as world:
        [found] = told(world)
        assert found["disconnected"] == "True"
        assert world.told.answers == {(Hook.FLOW, "late"): 1}


def test_the_usual_hooks_are_of_every_agents_end_and_of_most_pages() -> None:
    def hooks(by: EndedBy, origin: Origin) -> list[Hook]:
        return [usual_hook(chat, origin) for chat in MANY if chat.ended_by is by]

    for origin in Origin:
        assert set(hooks(EndedBy.AGENT, origin) + hooks(EndedBy.FLOW, origin)) == {Hook.FLOW}
        assert set(hooks(EndedBy.NOBODY, origin)) == {Hook.NONE}
    assert set(hooks(EndedBy.CUSTOMER, Origin.BACK_END)) == {Hook.NONE}
    pages = hooks(EndedBy.CUSTOMER, Origin.PAGE)
    assert set(pages) == {Hook.CLOSING, Hook.NONE}
    assert 0.7 < pages.count(Hook.CLOSING) / len(pages) < 0.9
    assert pages == hooks(EndedBy.CUSTOMER, Origin.PAGE)
