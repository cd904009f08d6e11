"""A stack that is deployed before a column was thought of, then updated, deleted and adopted."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.clock import Clock
from local.participant_service import Behaviour
from local.scripted.chat import Chat
from local.world import Script, World
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import LAYERS, deployable, layer
from tests.e2e.pipeline.happening import all_that_happened
from tests.e2e.pipeline.running import export, finish_attempt, state, tell, until
from tests.e2e.pipeline.tables import Rows, read_rows
from tests.oracle import Input
from tools.artifacts import HOST

SPEED = 20
"""A process of Capture must be able to renew its lease within seconds of the clock."""

NEW_COLUMN = "queue_arn"
"""Of contacts; the older schema lacks it."""

_HOUR_MS = 3_600_000
PARAMETERS = {"PublishWindowSeconds": "1", "Architecture": HOST}
ADOPTED = {
    "ExistingDatabase": "GlueDatabase",
    "ExistingDocumentBucket": "Documents",
    "ExistingLakeBucket": "Lake",
    "ExistingWorkgroup": "AthenaWorkgroup",
    "ExistingChatsTable": "ChatsTable",
    "ExistingScheduleTable": "ScheduleTable",
    "ExistingKeyArn": "KeyArn",
}
"""The parameters that name what a new stack adopts, each with the older one's output."""


@dataclass(frozen=True)
class Upgraded:
    """What came of it.

    Attributes
    ----------
    changed, unchanged, new, newest
        Chats of the older stack, one of which gets its export only after the update; one of the
        updated stack; one of that which adopts the data.
    rows_old, rows_updated, rows_new, rows_adopted, rows_newest
        Before the update and just after it; with the chats of the updated stack; just after the
        adoption, and with its chat.
    rows_filled
        After the republication that the first update began.
    told
        All that was told in the end.
    """

    changed: Chat
    unchanged: Chat
    new: Chat
    newest: Chat
    rows_old: Rows
    rows_updated: Rows
    rows_new: Rows
    rows_adopted: Rows
    rows_newest: Rows
    rows_filled: Rows
    told: list[Input]


def _older_layer(folder: Path) -> Path:
    """Make the layer of chatlake as it was before there was the column."""
    older = shutil.copytree(layer("ChatlakeLayer"), folder)
    schema = older / "python" / "chatlake" / "tables" / "schema" / "contacts.py"
    lines = schema.read_text().splitlines(keepends=True)
    kept = [line for line in lines if f'Column("{NEW_COLUMN}"' not in line]
    assert len(kept) == len(lines) - 1
    schema.write_text("".join(kept))
    return older


def _archive(world: World, chats: Sequence[Chat]) -> Rows:
    finish_attempt(world, [chat.initial_contact_id for chat in chats])
    return read_rows(world.cloud, world.stack)


def run(folder: Path) -> Upgraded:
    """Let it all happen."""
    casting = Casting()
    changed, unchanged, new, newest = (
        casting.find(
            lambda chat: receipts(chat) > 2 and all(leg.queue for leg in chat.legs),
            started_s=10 * number,
        )
        for number in range(4)
    )
    chats = [changed, unchanged, new, newest]
    project = folder / "project"
    template = deployable(project, {"ChatlakeLayer": _older_layer(folder / "older")})
    with World(
        Script(chats, Behaviour(tokens_outlive_chat=True)),
        # All of the chats are over when the stack hears of them.
        Clock((DAY_MS + _HOUR_MS) / 1000, SPEED),
        template=template,
        folder=folder,
        parameters=PARAMETERS,
    ) as world:
        tell(world, changed)
        tell(world, unchanged)
        export(world, unchanged)
        rows_old = _archive(world, [changed, unchanged])

        place = project / "layers" / LAYERS["ChatlakeLayer"]
        place.unlink()
        place.symlink_to(layer("ChatlakeLayer"))
        world.deploy()
        rows_updated = read_rows(world.cloud, world.stack)
        export(world, changed)
        tell(world, new)
        export(world, new)
        rows_new = _archive(world, chats[:3])

        outputs = world.stack.outputs
        world.cloud.delete(world.stack.name)
        world.deploy(**{parameter: outputs[output] for parameter, output in ADOPTED.items()})
        rows_adopted = read_rows(world.cloud, world.stack)
        tell(world, newest)
        export(world, newest)
        rows_newest = _archive(world, chats)

        # The update has added a column: every chat is to be published again.
        world.cloud.invoke(world.stack, "Reconcile", {})
        until(lambda: "republication#all" not in state(world), "the republication is over")
        rows_filled = _archive(world, chats)
    return Upgraded(
        changed=changed,
        unchanged=unchanged,
        new=new,
        newest=newest,
        rows_old=rows_old,
        rows_updated=rows_updated,
        rows_new=rows_new,
        rows_adopted=rows_adopted,
        rows_newest=rows_newest,
        rows_filled=rows_filled,
        told=all_that_happened(chats),
    )
