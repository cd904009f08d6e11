"""Stacks in the local cloud: deployed again, deleted, and what custom resources have to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.cloud import DeploymentFailed
from tests.integration.local.stack import (
    TEMPLATE,
    a_cloud,
    a_copy,
    contact_event,
    eventually,
    received,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud import LocalCloud

SEVERAL_TARGETS = """
  Several:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [several]}
      Targets:
        - {Id: First, Arn: !GetAtt DeadLetters.Arn, Input: '{"shard": 0}'}
        - !If
          - HasAudit
          - {Id: Second, Arn: !GetAtt DeadLetters.Arn, Input: '{"shard": 1}'}
          - !Ref AWS::NoValue
        - {Id: Third, Arn: !GetAtt DeadLetters.Arn, Input: '{"shard": 2}'}
"""

ROLE_WITH_POLICY = """
  Reader:
    Type: AWS::IAM::Role
    Properties:
      Path: /first/
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}
  Reads:
    Type: AWS::IAM::RolePolicy
    Properties:
      RoleName: !Ref Reader
      PolicyName: reads
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with a_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def buckets(cloud: LocalCloud) -> set[str]:
    return {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}


def tables(cloud: LocalCloud) -> set[str]:
    return set(cloud.client("dynamodb").list_tables()["TableNames"])


# --- deploying again, and deleting ----------------------------------------------------------------


def test_deploying_again_brings_new_code_and_settings_and_keeps_data(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    template = a_copy(tmp_path)
    first = cloud.deploy(template, stack_name="again")
    cloud.put_event(contact_event("c1"))
    cloud.wait_idle(60)

    layer = tmp_path / "layers/words/python/words.py"
    layer.write_text(layer.read_text().replace("{greeting} {name}", "{greeting}, {name}!"))
    second = cloud.deploy(template, {"Greeting": "moin"}, stack_name="again")
    cloud.put_event(contact_event("c1"))
    cloud.wait_idle(60)

    assert second.resources["Table"] == first.resources["Table"]
    rows = cloud.client("dynamodb").scan(TableName=second.outputs["Table"])["Items"]
    assert {row["key"]["S"] for row in rows} == {"hello c1", "moin, c1!"}
    cloud.delete("again")


def test_what_is_gone_from_the_template_is_deleted(cloud: LocalCloud, tmp_path: Path) -> None:
    first = cloud.deploy(TEMPLATE, {"WithAudit": "on"}, stack_name="gone")
    template = a_copy(
        tmp_path,
        ("rate(1 minute)", "rate(2 minutes)"),
        ("  Table:\n    Type: AWS::DynamoDB::Table", "  Rows:\n    Type: AWS::DynamoDB::Table"),
        ("!Ref Table", "!Ref Rows"),
    )
    second = cloud.deploy(template, stack_name="gone")
    assert first.resources["Table"] not in tables(cloud)
    assert second.resources["Rows"] in tables(cloud)


def test_what_needs_a_resource_that_is_replaced_goes_before_it(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    def deployed(path: str) -> str:
        role = ROLE_WITH_POLICY.replace("/first/", path)
        stack = cloud.deploy(
            a_copy(tmp_path / path.strip("/"), ("\nOutputs:", f"{role}\nOutputs:")),
            stack_name="replaced",
        )
        return stack.resources["Reader"]

    first, second = deployed("/first/"), deployed("/second/")
    roles = {role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"]}
    assert first not in roles
    assert second in roles
    policies = cloud.client("iam").list_role_policies(RoleName=second)["PolicyNames"]
    assert policies == ["reads"]
    cloud.delete("replaced")


def test_a_rule_of_its_own_takes_the_place_of_a_functions_schedule(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    first = cloud.deploy(TEMPLATE, stack_name="scheduled")
    schedule = """
      Events:
        EveryMinute:
          Type: Schedule
          Properties: {Schedule: rate(1 minute)}

  Probe:"""
    rule = """
  TickingRule:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 minute)
      Targets: [{Id: Shard0, Arn: !GetAtt Ticking.Arn, Input: '{"do": "exit"}'}]

  MayTick:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Ticking
      Action: lambda:InvokeFunction
      Principal: events.amazonaws.com
      SourceArn: !GetAtt TickingRule.Arn

  Probe:"""
    second = cloud.deploy(a_copy(tmp_path, (schedule, rule)), stack_name="scheduled")
    assert "TickingEveryMinute" in first.resources
    assert "TickingEveryMinute" not in second.resources
    ticking = second.resources["Ticking"]
    # What the old rule has begun ends first.
    eventually(lambda: [run.outcome for run in cloud.invocations(ticking)[-2:]] == ["exit"] * 2)
    cloud.delete("scheduled")


def test_deleting_a_stack_leaves_what_is_retained(cloud: LocalCloud) -> None:
    stack = cloud.deploy(TEMPLATE, stack_name="deleted")
    cloud.client("s3").put_object(Bucket=stack.outputs["Bucket"], Key="kept", Body=b"x")
    cloud.delete("deleted")

    assert stack.outputs["Bucket"] in buckets(cloud)
    assert stack.outputs["Table"] not in tables(cloud)
    queues = cloud.client("sqs").list_queues().get("QueueUrls", [])
    assert stack.outputs["Work"] not in queues
    with pytest.raises(DeploymentFailed, match="no stack deleted"):
        cloud.delete("deleted")


def test_what_is_left_of_a_stack_can_be_listed(tmp_path: Path) -> None:
    with a_cloud(tmp_path) as cloud:
        assert cloud.inventory() == {}
        stack = cloud.deploy(TEMPLATE, stack_name="listed")
        there = cloud.inventory()
        assert there["AWS::S3::Bucket"] == {stack.outputs["Bucket"]}
        assert stack.outputs["Work"] in there["AWS::SQS::Queue"]
        assert {"AWS::Lambda::Function", "AWS::Events::Rule", "AWS::IAM::Role"} <= there.keys()
        cloudformation = cloud.client("cloudformation")
        one = cloudformation.describe_stack_resource(StackName="listed", LogicalResourceId="Bucket")
        detail = one["StackResourceDetail"]
        assert detail["PhysicalResourceId"] == stack.outputs["Bucket"]
        cloudformation.delete_stack(StackName="listed")
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName="listed", WaiterConfig={"Delay": 1}
        )
        # There is none by now, and that is no error.
        cloudformation.delete_stack(StackName="listed")
        # SAM keeps layers unless it is told otherwise.
        [found] = there["AWS::Lambda::LayerVersion"]
        assert cloud.inventory() == {
            "AWS::S3::Bucket": {stack.outputs["Bucket"]},
            "AWS::Lambda::LayerVersion": {found},
        }


def test_a_rule_of_a_deleted_stack_matches_no_more(cloud: LocalCloud) -> None:
    before = cloud.put_event(contact_event("c1"))
    cloud.deploy(TEMPLATE, stack_name="matched")
    assert cloud.put_event(contact_event("c1")) == before + 1
    cloud.wait_idle(60)
    cloud.delete("matched")
    assert cloud.put_event(contact_event("c1")) == before
    cloud.wait_idle(60)


def test_a_creation_that_fails_leaves_nothing(cloud: LocalCloud) -> None:
    before = buckets(cloud), tables(cloud)
    with pytest.raises(DeploymentFailed):
        cloud.deploy(TEMPLATE, {"CustomBehavior": "fail"}, stack_name="failed")
    assert (buckets(cloud), tables(cloud)) == before
    cloud.deploy(TEMPLATE, stack_name="failed")
    cloud.delete("failed")


def test_a_custom_resource_that_was_not_made_is_deleted_all_the_same(cloud: LocalCloud) -> None:
    """It may have begun something; CloudFormation asks so, too."""
    with pytest.raises(DeploymentFailed):
        cloud.deploy(TEMPLATE, {"CustomBehavior": "fail"}, stack_name="begun")
    [log] = (cloud.folder / "logs").glob("begun-Answer*.log")
    assert log.read_text().splitlines() == ["Create first", "Delete first"]


def test_a_rule_without_permission_reaches_the_dead_letters_only(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    rule = """
  Unpermitted:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [nobody]}
      Targets:
        - {Id: Probe, Arn: !GetAtt Probe.Arn, DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}}

Outputs:"""
    stack = cloud.deploy(a_copy(tmp_path, ("\nOutputs:", rule)), stack_name="unpermitted")
    assert cloud.put_event({"source": "nobody"}) == 1
    assert '"source": "nobody"' in received(cloud, stack.outputs["DeadLetters"])[0]["Body"]
    assert not cloud.invocations(stack.resources["Probe"])


def test_a_rule_says_to_each_of_its_targets_what_the_template_says(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    stack = cloud.deploy(
        a_copy(tmp_path, ("\nOutputs:", f"{SEVERAL_TARGETS}\nOutputs:")), stack_name="targets"
    )
    assert cloud.put_event({"source": "several"}) == 1
    told: set[int] = set()

    def both() -> bool:
        for message in received(cloud, stack.outputs["DeadLetters"]):
            told.add(json.loads(message["Body"])["shard"])
        return len(told) > 1

    eventually(both)
    assert told == {0, 2}
    cloud.delete("targets")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("Id: Third", "Id: First", "two targets have the same Id"),
        ("""Input: '{"shard": 2}'""", """Input: '{"shard"'""", "is no JSON"),
        ("""Input: '{"shard": 2}'""", """Input: "1", InputPath: $.id""", "only one of"),
        (
            "        - {Id: Third,",
            "".join(
                f"        - {{Id: More{number}, Arn: !GetAtt DeadLetters.Arn}}\n"
                for number in range(4)
            )
            + "        - {Id: Third,",
            "5 targets at most",
        ),
    ],
)
def test_targets_that_eventbridge_would_refuse_fail(
    cloud: LocalCloud, tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in SEVERAL_TARGETS
    rule = SEVERAL_TARGETS.replace(old, new)
    template = a_copy(tmp_path, ("\nOutputs:", f"{rule}\nOutputs:"))
    with pytest.raises(DeploymentFailed, match=named):
        cloud.deploy(template, stack_name="refused")


# --- custom resources -----------------------------------------------------------------------------


def test_a_custom_resource_is_told_of_its_old_properties(cloud: LocalCloud) -> None:
    cloud.deploy(TEMPLATE, stack_name="custom")
    stack = cloud.deploy(TEMPLATE, {"Marker": "second"}, stack_name="custom")
    assert stack.outputs["Marker"] == "second after first with '3'"
    cloud.delete("custom")
    log = (cloud.folder / "logs" / f"{stack.resources['Answer']}.log").read_text()
    assert log.splitlines() == ["Create first", "Update second", "Delete second"]


@pytest.mark.parametrize(
    ("behavior", "said"),
    [
        ("fail", "Thing: there are no things left"),
        ("crash", "Thing: the function ended without an answer: RuntimeError: out of order"),
    ],
)
def test_a_custom_resource_that_does_not_succeed_fails_the_deployment(
    cloud: LocalCloud, behavior: str, said: str
) -> None:
    with pytest.raises(DeploymentFailed, match=said):
        cloud.deploy(TEMPLATE, {"CustomBehavior": behavior}, stack_name=behavior)


def test_a_custom_resource_that_stays_silent_fails_the_deployment_in_time(tmp_path: Path) -> None:
    with (
        a_cloud(tmp_path, least_timeout_s=2) as cloud,
        pytest.raises(DeploymentFailed, match="Thing: no answer came in time"),
    ):
        cloud.deploy(TEMPLATE, {"CustomBehavior": "silence"})
