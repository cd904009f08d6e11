"""What functions call in the worlds, beside what the template allows them and what is written down.

Whoever adds a call runs `python -m tests.policies.recorded FOLDER…` with the folders of the run, or
adds the line to `tests/policies/calls.json` by hand, and gives its role the permission.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from chatlake.capture.backfill import PastContact
from local.clock import Clock
from local.cloud.call_record import FILE_NAME
from local.participant_service import Behaviour
from local.participant_service.timeline import ExportObject
from local.world import EXPORT_BUCKET, EXPORT_PREFIX, Script, World
from tests.e2e.pipeline import dying, living, outdated, upgrading
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.once import folder_of, once
from tests.e2e.pipeline.running import until
from tests.policies.actions import requests
from tests.policies.compare import refused, unused
from tests.policies.granted import roles
from tests.policies.in_our_name import NOT_IN_THE_WORLDS
from tests.policies.recorded import Call, checked_in, of_file
from tools.artifacts import HOST, ROOT

pytestmark = [pytest.mark.timeout(1800), pytest.mark.world]

BROKEN = f"{EXPORT_PREFIX}/2026/08/01/broken_20260801T10:00_UTC.json"
CODE = """
import pathlib, sys
from local import demo
demo.TEMPLATE = pathlib.Path(sys.argv.pop())
sys.exit(demo.main())
"""


def hooked(folder: Path) -> int:
    """Let the demo run in which a flow and pages have chats read before their end."""
    template = deployable(folder / "build")
    command = [sys.executable, "-c", CODE, "--chats", "12", "--speed", "12", "--hooks"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    return subprocess.run(
        [*command, str(template)], check=True, cwd=folder, env=environment, capture_output=True
    ).returncode


def backfilled(folder: Path) -> None:
    """Let redacted exports of the past be taken in, one of which nobody can read."""
    chat = Casting().find(lambda chat: receipts(chat) > 2, started_s=0)
    with World(
        Script([chat], Behaviour(redacts=True)),
        Clock(DAY_MS / 1000 + 86_400, 20),
        template=deployable(folder / "project"),
        folder=folder,
        parameters={
            "PublishWindowSeconds": "1",
            "Architecture": HOST,
            "ContentPolicy": "redacted",
        },
    ) as world:
        exports = {one.key: one.body for one in (ExportObject(chat, leg) for leg in chat.legs)}
        exports[BROKEN] = b"{"
        for key, body in exports.items():
            world.client("s3").put_object(Bucket=EXPORT_BUCKET, Key=key, Body=body)
            world.client("sqs").send_message(
                QueueUrl=world.stack.outputs["BackfillQueueUrl"],
                MessageBody=PastContact("a run", export=key).to_body(),
            )
        until(lambda: chat.initial_contact_id in world.published(), "the chat is published")


WORLDS: dict[str, Callable[[Path], object]] = {
    "living": living.run,
    "dying-websocket": partial(dying.run, source="websocket"),
    "dying-polling": partial(dying.run, source="polling"),
    "upgrading": upgrading.run,
    "outdated": outdated.run,
    "hooked": hooked,
    "backfilled": backfilled,
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> set[Call]:
    found: set[Call] = set()
    for name, run in WORLDS.items():
        once(tmp_path_factory, name, run)
        records = list(folder_of(tmp_path_factory, name).rglob(FILE_NAME))
        assert records, name
        found.update(*map(of_file, records))
    return found


def test_every_function_was_at_work(calls: set[Call]) -> None:
    assert {call.function for call in calls} == roles().keys() - {"Optimizer"}


def test_every_call_is_allowed(calls: set[Call]) -> None:
    assert refused(roles(), calls) == []


def test_every_call_is_written_down(calls: set[Call]) -> None:
    # What a world meets by chance alone is there with its reason.
    by_chance = {
        name: {str(request) for request, _ in reasons}
        for name, reasons in NOT_IN_THE_WORLDS.items()
    }
    new = [
        str(call)
        for call in calls - checked_in()
        if not {str(one) for one in requests(call.service, call.operation, call.values)}
        <= by_chance.get(call.function, set())
    ]
    assert sorted(new) == []


def test_every_permission_is_needed(calls: set[Call]) -> None:
    assert unused(roles(), calls) == []


def test_a_planted_permission_and_a_planted_call_are_found(calls: set[Call]) -> None:
    planted = dict(roles())
    scan = {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": "arn:aws:dynamodb:::table/0"}
    planted["Track"] = [*planted["Track"], scan]
    assert [line.partition(":")[0] for line in unused(planted, calls)] == ["Track"]
    call = Call("Track", "s3", "GetObject", '{"bucket": "DocumentBucket", "key": "documents/0"}')
    assert refused(roles(), {*calls, call})
    assert call not in checked_in()
