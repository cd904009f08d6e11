"""Parameters of a deployed stack are changed, and changed back: nothing is lost, nothing stray."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.participant_service.timeline import ContactEvent
from local.scripted.chat import Chat
from local.world import World
from tests.e2e.pipeline.drills import Operator, a_world, cast
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.running import archive, export, finish_attempt, tell, until
from tests.e2e.pipeline.tables import TABLES, Rows, comparable, of_chats, read_rows
from tests.lake_folder import Ran

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]

CHANGED = {
    "AlarmEmail": "a@example.com",
    "CaptureConcurrency": "12",
    "CaptureShards": "3",
    "ContentPolicy": "none",
    "DocumentRetentionDays": "400",
    "HistoryDays": "14",
    "LastReads": "off",
    "LeastReceiptShare": "0",
    "LiveSource": "polling",
    "LogRetentionDays": "7",
    "MessageWaitingSeconds": "600",
    "NoEventsHours": "0",
    "QueryLimitGigabytes": "7",
    "RolePath": "/service/chatlake/",
    "RowRetentionDays": "3000",
    "StartChatApi": "off",
    "TableMaintenance": "athena",
    "TokensApi": "off",
}
# Of these the stack keeps the very same, whatever is changed.
KEPT = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Glue::Database",
    "AWS::SQS::Queue",
)
LONGEST = timedelta(minutes=16)
"""No function runs for longer than Lambda lets it, 15 minutes."""
SQL = "SELECT count(*) FROM messages"

type Inventory = dict[str, set[str]]


@dataclass
class Changed:
    """What was there before the change, with it, and after it was taken back.

    Attributes
    ----------
    chats
        Archived before; under way at the change; archived with it; after it.
    """

    chats: list[Chat]
    inventories: list[Inventory]
    outputs: list[dict[str, str]]
    lifecycles: list[set[str]]
    rows: list[Rows]
    saved: list[Any]
    verified: list[Ran]


def saved(world: World) -> list[str]:
    """The text of the queries that people have saved."""
    athena, workgroup = world.client("athena"), world.stack.outputs["AthenaWorkgroup"]
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
    ids = [one for page in pages for one in page["NamedQueryIds"]]
    found = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
    return [one["QueryString"] for one in found if one["Name"] == "my own"]


def lifecycle(world: World) -> set[str]:
    bucket = world.stack.outputs["Documents"]
    rules = world.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return {rule["ID"] for rule in rules}


def let_processes_end(world: World) -> None:
    """Wait until no function runs that was started before, with the settings of then."""
    end = world.clock.now() + LONGEST
    until(lambda: world.clock.now() > end, "processes of before have ended")


def run(folder: Path) -> Changed:
    """Let it all happen."""
    chats = cast(4)
    ids = [chat.initial_contact_id for chat in chats]
    found = Changed(chats, [], [], [], [], [], [])
    with a_world(folder, chats) as world:
        operator = Operator(world, folder / "operator")

        def look(*archived: str) -> None:
            finish_attempt(world, archived)
            found.inventories.append(world.cloud.inventory())
            found.outputs.append(world.stack.outputs)
            found.lifecycles.append(lifecycle(world))
            found.rows.append(read_rows(world.cloud, world.stack))
            found.saved.append(saved(world))
            found.verified.append(operator.run("chatlake --stack chatlake verify --all"))

        world.client("athena").create_named_query(
            Name="my own",
            Database=world.stack.outputs["GlueDatabase"],
            QueryString=SQL,
            WorkGroup=world.stack.outputs["AthenaWorkgroup"],
        )
        archive(world, chats[0])
        look(ids[0])

        tell(world, chats[1])
        world.deploy(**CHANGED)
        export(world, chats[1])
        let_processes_end(world)
        # Nobody takes a token now.
        for event in chats[2].contact_events():
            world.deliver(ContactEvent(event))
        export(world, chats[2])
        look(*ids[:3])

        world.deploy()
        let_processes_end(world)
        archive(world, chats[3])
        look(*ids)
    return found


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    return once(tmp_path_factory, "changed", run)


def test_data_is_where_it_was(changed: Changed) -> None:
    before, during, after = changed.inventories
    for kind in KEPT:
        assert before[kind] <= during[kind]
        assert after[kind] == before[kind]
    assert all(
        outputs["Documents"] == changed.outputs[0]["Documents"] for outputs in changed.outputs
    )


def test_nothing_is_left_of_what_was_changed_back(changed: Changed) -> None:
    before, during, after = (
        {kind: len(names) for kind, names in found.items()} for found in changed.inventories
    )
    assert "AWS::ApiGatewayV2::Api" not in during
    assert during["AWS::SNS::Topic"] == 1
    assert during["AWS::Athena::WorkGroup"] == 2
    assert after == before


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_before_are_as_they_were(changed: Changed, table: str) -> None:
    first = changed.chats[0].initial_contact_id
    before, during, after = (comparable(of_chats(rows, first))[table] for rows in changed.rows)
    assert before == during == after


def test_a_chat_that_was_under_way_has_its_receipts(changed: Changed) -> None:
    chat = changed.chats[1].initial_contact_id
    assert of_chats(changed.rows[-1], chat)["receipts"]


def test_contents_are_kept_or_not_from_then_on(changed: Changed) -> None:
    first, _, third, fourth = (chat.initial_contact_id for chat in changed.chats)

    def contents(chat: str) -> set[bool]:
        rows = of_chats(changed.rows[-1], chat)["messages"]
        return {row["content"] is not None for row in rows if row["item_type"] == "MESSAGE"}

    assert (contents(first), contents(third), contents(fourth)) == ({True}, {False}, {True})


def test_documents_expire_only_as_long_as_that_is_wanted(changed: Changed) -> None:
    kept = {"ReplacedDocuments"}
    assert changed.lifecycles == [kept, {*kept, "ExpiredDocuments"}, kept]


def test_verify_finds_nothing_at_any_time(changed: Changed) -> None:
    for ran, count in zip(changed.verified, (1, 3, 4), strict=True):
        assert (ran.code, ran.out) == (0, ""), ran.err
        assert f"{count} chat" in ran.err


def test_questions_that_people_saved_are_there(changed: Changed) -> None:
    assert changed.saved == [[SQL]] * 3
