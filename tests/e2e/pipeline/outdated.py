"""A stack with the tables of version 0.1: times with a zone, a view read_latency, fewer columns."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatlake.capture.token_cipher import TokenCipher
from local.clock import Clock
from local.cloud import LocalCloud, Stack
from local.participant_service import Behaviour
from local.participant_service.timeline import ContactEvent
from local.scripted.chat import Chat
from local.world import Script, World
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import LAYERS, deployable, layer
from tests.e2e.pipeline.happening import all_that_happened
from tests.e2e.pipeline.running import archive, export, finish_attempt, state, tell, until
from tests.e2e.pipeline.tables import Rows, metadata, read_rows
from tests.oracle import Input
from tools.artifacts import HOST

SPEED = 20
"""A process of Capture must be able to renew its lease within seconds of the clock."""

NEW_COLUMNS = (
    "enqueued_at",
    "customer_id",
    "subtype",
    "hierarchy_groups",
    "tags",
    "segment_attributes",
    "chat_metrics",
    "receipts_observed_until",
    "row_format",
)
OLDER_TABLES = ("messages", "receipts", "attachments", "contacts")

# What version 0.1 did otherwise, put behind the modules of today.
_OTHERWISE = {
    "tables/schema/__init__.py": f"""
from dataclasses import replace
CONTACTS = replace(
    CONTACTS, columns=tuple(c for c in CONTACTS.columns if c.name not in {NEW_COLUMNS!r})
)
TABLES = (MESSAGES, RECEIPTS, ATTACHMENTS, CONTACTS)
""",
    "tables/lake/definition.py": """
from pyiceberg.types import TimestamptzType
_TYPES["timestamp"] = TimestamptzType()
""",
    "tables/lake/older_tables.py": """
def check_kind(table, loaded):
    pass
""",
    "documents/revision.py": """
ROW_FORMAT = 1
def revision(document):
    return content_revision(document)
""",
}


@dataclass(frozen=True)
class Outdated:
    """What came of it.

    Attributes
    ----------
    chats
        Archived by version 0.1, all but the last two, which the updated stack has archived: one as
        any other, of one what an older function noted that was under way.
    older_types, older_files
        Of the columns of times before the update, and the keys of all tables' files.
    rows_between
        Just after the update: none of the older chats.
    files_between
        The older files that were still there then.
    rows
        In the end.
    told
        All that was told in the end.
    left
        The republication's item in the end.
    """

    chats: list[Chat]
    older_types: set[str]
    older_files: set[str]
    rows_between: Rows
    files_between: set[str]
    rows: Rows
    told: list[Input]
    left: dict[str, Any] | None


def _older_layer(folder: Path) -> Path:
    older = shutil.copytree(layer("ChatlakeLayer"), folder)
    for name, lines in _OTHERWISE.items():
        with (older / "python" / "chatlake" / name).open("a") as module:
            module.write(lines)
    return older


def _without_optimizers_of_the_new_table(template: Path) -> None:
    text = template.read_text()
    kept = re.sub(r"  ReadLatency(?:Compaction|Retention|Orphans):\n(?:    .*\n|\n)+", "", text)
    assert kept.count("AWS::Glue::TableOptimizer") == text.count("AWS::Glue::TableOptimizer") - 3
    template.write_text(kept)


def _types_of_times(cloud: LocalCloud, stack: Stack) -> set[str]:
    bucket, _, key = metadata(cloud, stack, "messages").removeprefix("s3://").partition("/")
    found = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return set(re.findall(r'"type":\s*"(timestamp\w*)"', found))


def _files(world: World) -> set[str]:
    bucket = world.stack.outputs["Lake"]
    pages = world.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {found["Key"] for page in pages for found in page.get("Contents", [])}


def _make_view(world: World) -> None:
    """Make the view that Athena has made of version 0.1's statement."""
    view: dict[str, Any] = {"Name": "read_latency", "TableType": "VIRTUAL_VIEW"}
    view["Parameters"] = {"presto_view": "true"}
    database = world.stack.outputs["GlueDatabase"]
    world.client("glue").create_table(DatabaseName=database, TableInput=view)


def _republication(world: World) -> dict[str, Any] | None:
    return state(world).get("republication#all")


def _watch(world: World, chat: Chat) -> None:
    """Note a live chat as version 0.2 does, in the table of chats, and then what came since."""
    name = chat.initial_contact_id
    cipher = TokenCipher(world.client("kms"), world.stack.outputs["KeyArn"])
    sealed = cipher.seal(world.service.participant_token(name), name)
    first, *others = chat.contact_events()
    world.client("dynamodb").put_item(
        TableName=world.stack.outputs["ChatsTable"],
        Item={
            "key": {"S": f"watch#{name}"},
            "version": {"N": "2"},
            "phase": {"S": "live"},
            "due_at": {"N": str(world.clock.now_ms() + 120_000)},
            "memory": {"S": json.dumps({"first_seen_at": world.clock.now_ms()})},
            "event:0123456789abcdef": {"B": json.dumps(first).encode()},
            "token:0123456789abcdef": {
                "M": {"kind": {"S": "participant"}, "sealed": {"B": sealed}},
            },
        },
    )
    for event in others:
        world.deliver(ContactEvent(event))


def run(folder: Path) -> Outdated:
    """Let it all happen."""
    casting = Casting()
    chats = [
        casting.find(lambda chat: receipts(chat) > 2, started_s=10 * number) for number in range(5)
    ]
    project = folder / "project"
    template = deployable(project, {"ChatlakeLayer": _older_layer(folder / "older")})
    newer = template.read_text()
    _without_optimizers_of_the_new_table(template)
    with World(
        Script(chats, Behaviour(tokens_outlive_chat=True)),
        Clock((DAY_MS + 3_600_000) / 1000, SPEED),
        template=template,
        folder=folder,
        parameters={"PublishWindowSeconds": "1", "Architecture": HOST},
    ) as world:
        _make_view(world)
        archive(world, *chats[:3])
        types, older = _types_of_times(world.cloud, world.stack), _files(world)

        place = project / "layers" / LAYERS["ChatlakeLayer"]
        place.unlink()
        place.symlink_to(layer("ChatlakeLayer"))
        template.write_text(newer)
        world.deploy()
        between, files_between = read_rows(world.cloud, world.stack), older & _files(world)
        tell(world, chats[3])
        export(world, chats[3])
        _watch(world, chats[4])
        export(world, chats[4])
        world.cloud.invoke(world.stack, "Reconcile", {})
        until(lambda: _republication(world) is None, "the republication is over")
        finish_attempt(world, [chat.initial_contact_id for chat in chats])
        rows, left = read_rows(world.cloud, world.stack), _republication(world)
    return Outdated(
        chats=chats,
        older_types=types,
        older_files=older,
        rows_between=between,
        files_between=files_between,
        rows=rows,
        told=all_that_happened(chats),
        left=left,
    )
