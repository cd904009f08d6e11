"""A stack is deleted, its data adopted by another one and then destroyed: nothing is left over."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chatlake.documents.document import Document
from local.scripted.chat import Chat
from local.world import EXPORT_BUCKET, World
from tests.e2e.pipeline.drills import Operator, a_world, blocks, cast
from tests.e2e.pipeline.once import once
from tests.e2e.pipeline.running import archive, state
from tests.e2e.pipeline.tables import TABLES, Rows, comparable, of_chats, read_rows
from tests.e2e.pipeline.upgrading import ADOPTED

pytestmark = [pytest.mark.timeout(300), pytest.mark.world]

# What people save: under a name of theirs, and under one of ours.
SAVED = {"my own": "SELECT count(*) FROM messages", "read_states": "SELECT 1 -- mine"}

type Inventory = dict[str, set[str]]


@dataclass
class Deleted:
    """What was there at each step."""

    outputs: dict[str, str]
    chats: list[Chat]
    before: Inventory
    deployed: Inventory
    left: Inventory
    left_again: Inventory
    destroyed: Inventory
    documents: tuple[dict[str, bytes], dict[str, bytes]]
    states: tuple[Any, Any]
    rows: Rows
    rows_left: Rows
    rows_adopted: Rows
    saved: list[dict[str, dict[str, str]]]
    verified: str


def queries(world: World, workgroup: str) -> dict[str, dict[str, str]]:
    """The named queries of a workgroup by id."""
    athena = world.client("athena")
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
    ids = [one for page in pages for one in page["NamedQueryIds"]]
    found = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
    return {one["NamedQueryId"]: one for one in found}


def documents(world: World, bucket: str) -> dict[str, bytes]:
    s3 = world.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix="documents/").get("Contents", [])
    return {
        one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found
    }


def empty(world: World, bucket: str) -> None:
    """Do what *Empty* does in the console."""
    s3 = world.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


@pytest.fixture(scope="module")
def deleted(tmp_path_factory: pytest.TempPathFactory) -> Deleted:
    return once(tmp_path_factory, "deleted", run)


def run(folder: Path) -> Deleted:
    chats = cast(3)
    deleting, _, destroying = blocks("deployment.md", "Deleting")
    with a_world(folder, chats, AlarmEmail="a@example.com", SampleDisconnectFlow="on") as world:
        operator = Operator(world, folder / "operator")
        outputs, deployed = world.stack.outputs, world.cloud.inventory()
        workgroup, bucket = outputs["AthenaWorkgroup"], outputs["Documents"]
        for name, sql in SAVED.items():
            world.client("athena").create_named_query(
                Name=name, Database=outputs["GlueDatabase"], QueryString=sql, WorkGroup=workgroup
            )
        archive(world, *chats[:2])
        saved = [queries(world, workgroup)]
        stored, states = documents(world, bucket), state(world)
        rows, stack = read_rows(world.cloud, world.stack), world.stack

        operator.does(deleting)
        noted = json.loads((operator.folder / "chatlake-outputs.json").read_text())
        assert {one["OutputKey"]: one["OutputValue"] for one in noted} == outputs
        left, saved = world.cloud.inventory(), [*saved, queries(world, workgroup)]
        rows_left, states_left = read_rows(world.cloud, stack), state(world)
        stored_left = documents(world, bucket)

        world.deploy(**{parameter: outputs[output] for parameter, output in ADOPTED.items()})
        saved.append(queries(world, workgroup))
        archive(world, chats[2])
        rows_adopted = read_rows(world.cloud, world.stack)
        verified = operator.does("chatlake --stack chatlake verify --all").err
        operator.does(deleting)
        left_again = world.cloud.inventory()

        for emptied in (bucket, outputs["Lake"]):
            empty(world, emptied)
        operator.does(
            destroying,
            DATABASE=outputs["GlueDatabase"],
            DOCUMENTS=bucket,
            LAKE=outputs["Lake"],
            WORKGROUP=workgroup,
            CHATS_TABLE=outputs["ChatsTable"],
            SCHEDULE_TABLE=outputs["ScheduleTable"],
            KEY_ARN=outputs["KeyArn"],
        )
        return Deleted(
            outputs=outputs,
            chats=chats,
            before={"AWS::S3::Bucket": {EXPORT_BUCKET}},
            deployed=deployed,
            left=left,
            left_again=left_again,
            destroyed=world.cloud.inventory(),
            documents=(stored, stored_left),
            states=(states, states_left),
            rows=rows,
            rows_left=rows_left,
            rows_adopted=rows_adopted,
            saved=saved,
            verified=verified,
        )


def test_what_stays_is_what_the_page_lists(deleted: Deleted) -> None:
    outputs = deleted.outputs
    assert deleted.left == {
        "AWS::S3::Bucket": {EXPORT_BUCKET, outputs["Documents"], outputs["Lake"]},
        "AWS::DynamoDB::Table": {outputs["ChatsTable"], outputs["ScheduleTable"]},
        "AWS::KMS::Key": {outputs["KeyArn"].rpartition("/")[2]},
        "AWS::Glue::Database": {outputs["GlueDatabase"]},
        "AWS::Athena::WorkGroup": {outputs["AthenaWorkgroup"]},
    }
    # There was more of each kind that could stay.
    assert {
        "AWS::ApiGatewayV2::Api",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Connect::ContactFlowModule",
        "AWS::Connect::IntegrationAssociation",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    } <= deleted.deployed.keys()


def test_documents_and_state_are_as_they_were(deleted: Deleted) -> None:
    before, after = deleted.documents
    assert before == after
    assert {Document.from_bytes(data).initial_contact_id for data in after.values()} == {
        chat.initial_contact_id for chat in deleted.chats[:2]
    }
    assert deleted.states[0] == deleted.states[1]


@pytest.mark.parametrize("table", [table for table in TABLES if table != "attachments"])
def test_rows_are_read_between_two_stacks_and_by_the_next(deleted: Deleted, table: str) -> None:
    assert deleted.rows[table]
    assert deleted.rows_left[table] == deleted.rows[table]
    older = of_chats(deleted.rows_adopted, *(chat.initial_contact_id for chat in deleted.chats[:2]))
    assert comparable(older)[table] == comparable(deleted.rows)[table]
    newer = of_chats(deleted.rows_adopted, deleted.chats[2].initial_contact_id)
    assert newer[table]


def test_questions_that_people_saved_survive_it_all(deleted: Deleted) -> None:
    before, left, adopted = deleted.saved
    assert SAVED.items() <= {(one["Name"], one["QueryString"]) for one in before.values()}
    # Ours are beside them, the one of the same name, too.
    assert [one["Name"] for one in before.values()].count("read_states") == 2
    assert before == left == adopted


def test_all_rows_are_as_their_documents_say(deleted: Deleted) -> None:
    assert f"{len(deleted.chats)} chats compared" in deleted.verified


def test_a_stack_that_has_adopted_its_data_leaves_the_same(deleted: Deleted) -> None:
    assert deleted.left_again == deleted.left


def test_what_was_destroyed_for_good_is_gone(deleted: Deleted) -> None:
    assert deleted.destroyed == deleted.before
