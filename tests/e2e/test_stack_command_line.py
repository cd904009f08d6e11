"""The installed command on a stack that the local cloud has deployed, as an operator runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import chatlake
from local.clock import Clock
from local.participant_service import Behaviour
from local.scripted.chat import Chat
from local.world import Script, World
from tests.command import outside, run_program
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.running import archive, finish_attempt, state, until
from tests.lake_folder import Ran
from tools.artifacts import HOST, ROOT

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]

COMMAND = Path(sys.executable).with_name("chatlake")
SPEED = 8
CHATS = 4

type Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def chats() -> list[Chat]:
    casting = Casting()
    return [
        casting.find(lambda chat: receipts(chat) > 2, started_s=10 * number)
        for number in range(CHATS)
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, chats: list[Chat]) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("operated")
    with World(
        Script(chats, Behaviour(tokens_outlive_chat=True)),
        Clock(DAY_MS / 1000 + 3600, SPEED),
        template=deployable(folder / "project"),
        folder=folder,
        parameters={"PublishWindowSeconds": "1", "Architecture": HOST},
    ) as world:
        archive(world, *chats)
        yield world


@pytest.fixture
def run(world: World) -> Run:
    def run(*arguments: str, **variables: str) -> Ran:
        environment = {**outside(), **world.cloud.environment, **variables}
        return run_program(
            COMMAND, "--stack", world.stack.name, *arguments, environment=environment
        )

    return run


def test_status_shows_the_stack(run: Run, world: World) -> None:
    ran = run("status")
    assert ran.code == 0, ran.err
    first, *lines = ran.out.splitlines()
    version = chatlake.__version__
    assert first.startswith(f"Stack {world.stack.name} in {world.cloud.region}, chatlake {version}")
    assert any(line.split()[0] == "messages" and line.split()[1] != "0" for line in lines)
    assert "  events could not be tracked: 0" in lines


def test_all_rows_are_as_the_documents_say(run: Run) -> None:
    ran = run("verify", "--all")
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert f"{CHATS} chats compared: every row is as its document says." in ran.err


def test_a_document_is_found_by_any_leg(run: Run, chats: list[Chat]) -> None:
    chat = chats[0]
    ran = run("document", chat.legs[-1].contact_id)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["initial_contact_id"] == chat.initial_contact_id


def test_republished_chats_are_published_again(run: Run, world: World, chats: list[Chat]) -> None:
    ids = [chat.initial_contact_id for chat in chats]

    def counts() -> list[int]:
        items = state(world)
        return [int(items[f"chat#{chat}"]["attempts"]["N"]) for chat in ids]

    before = counts()
    ran = run("republish")
    assert ran.code == 0, ran.err
    until(
        lambda: all(now > then for now, then in zip(counts(), before, strict=True)), "republished"
    )
    finish_attempt(world, ids)


def test_dead_letters_go_back_to_work(run: Run, world: World, chats: list[Chat]) -> None:
    sqs, outputs = world.client("sqs"), world.stack.outputs
    body = json.dumps({"initial_contact_id": chats[0].initial_contact_id})
    sqs.send_message(QueueUrl=outputs["PublishDeadLettersUrl"], MessageBody=body)
    # Of a call: Track takes it, and no chat becomes live by it.
    event = json.loads((ROOT / "events/track.voice.json").read_text())
    sqs.send_message(
        QueueUrl=outputs["TrackDeadLettersUrl"], MessageBody=json.dumps({"requestPayload": event})
    )
    before = len(world.cloud.invocations("Track"))
    ran = run("redrive")
    assert ran.code == 0, ran.err
    assert "1 event tracked." in ran.err
    assert len(world.cloud.invocations("Track")) == before + 1
    assert "1 chat could not be published, 1 event could not be tracked." in ran.out
    finish_attempt(world, [chat.initial_contact_id for chat in chats])
    assert "0 chats could not be published, 0 events could" in run("redrive", "--dry-run").out


def test_a_stack_that_is_not_there_is_one_sentence(run: Run, world: World) -> None:
    ran = run("status", "--stack", "nobody")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"Error: there is no stack nobody in {world.cloud.region} of this account: check its name, "
        "name its Region with --region and its account with --profile, or deploy it: sam deploy "
        f"--stack-name nobody --region {world.cloud.region}\n"
    )
    without = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}
    ran = run("status", **without, AWS_EC2_METADATA_DISABLED="true", HOME="/nowhere")
    assert ran.code == 1
    assert ran.err.startswith("Error: there are no AWS credentials: sign in")


def test_an_erased_chat_is_gone_and_the_record_says_so(
    run: Run, world: World, chats: list[Chat]
) -> None:
    chat = chats[-1].initial_contact_id
    ran = run("erase", chat)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"1 chat erased.\n  {chat}\n")
    assert "only older snapshots of the tables need" in ran.out
    assert f"contact {chat}: its chat was erased" in run("document", chat).err
    ran = run("verify", "--all")
    assert (ran.code, ran.out) == (0, "")
    assert f"{CHATS - 1} chats compared" in ran.err
