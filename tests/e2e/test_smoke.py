"""`chatlake smoke`: the installed command sends a chat through a stack that is deployed here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.participant_service import Behaviour
from local.participant_service.timeline import ContactEvent, happenings
from local.scripted.smoke import smoke_chat
from local.world import FLOW_ID, Script, World
from tests.command import outside, run_program
from tests.e2e.pipeline.casting import DAY_MS
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.running import begun
from tests.lake_folder import Ran

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]

COMMAND = Path(sys.executable).with_name("chatlake")
SPEED = 8
# By the clock: the page has to come, Capture to be asked, and all to be said.
LASTS_S = 420
CHAT = smoke_chat(1, DAY_MS, LASTS_S)

type Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("smoke")
    with begun(
        Script([CHAT], Behaviour()),
        speed=SPEED,
        template=deployable(folder / "project"),
        folder=folder,
        parameters={"PublishWindowSeconds": "1"},
    ) as world:
        yield world


@pytest.fixture
def run(world: World) -> Run:
    def run(*arguments: str) -> Ran:
        environment = {**outside(), **world.cloud.environment}
        stack = ("--stack", world.stack.name)
        return run_program(COMMAND, *stack, *arguments, environment=environment, timeout_s=400)

    return run


def happen(world: World) -> None:
    """Let Connect tell of the chat, and export it, each at its time."""
    for at_ms, thing in happenings([CHAT], Behaviour()):
        world.clock.sleep((at_ms - world.clock.now_ms()) / 1000)
        if isinstance(thing, ContactEvent):
            world.deliver(thing)
        else:
            world.export(thing)


def test_a_chat_goes_through_the_stack_by_its_token(world: World, run: Run) -> None:
    world.clock.sleep((CHAT.started_ms + 1000 - world.clock.now_ms()) / 1000)
    connect = threading.Thread(target=happen, args=(world,))
    connect.start()
    try:
        ran = run("smoke", "--flow", FLOW_ID, "--live-for", "1", "--timeout", "200", "--no-athena")
    finally:
        connect.join()
    assert ran.code == 0, ran.err + ran.out
    assert ran.out.startswith(f"Chat {CHAT.initial_contact_id} is in the tables:\n")
    rows = {line.split()[0]: line.split()[1] for line in ran.out.splitlines()[1:] if "row" in line}
    assert rows["contacts"] == "1"
    assert int(rows["messages"]) >= 4
    assert "read by its token" in ran.out
    assert "the customer has sent 2 messages" in ran.err
    assert "1 of others are reported as read" in ran.err


def test_no_further_chat_is_one_sentence(run: Run) -> None:
    # All scripted ones have begun.
    ran = run("smoke", "--flow", FLOW_ID)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: AWS refused StartChatContact (LimitExceededException)")
