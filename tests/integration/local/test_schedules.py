"""Schedules of EventBridge Scheduler in the local cloud: operations that are called in time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.cloud import DeploymentFailed
from tests.integration.local.stack import a_cloud, eventually, received

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud import LocalCloud

STACK = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Asked: {Type: String}
Resources:
  Results:
    Type: AWS::S3::Bucket
  Workgroup:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: !Sub ${AWS::StackName}-maintenance
      WorkGroupConfiguration:
        ResultConfiguration: {OutputLocation: !Sub "s3://${Results}/"}
  DeadLetters:
    Type: AWS::SQS::Queue
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: scheduler.amazonaws.com}
            Action: sts:AssumeRole
  Vacuum:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(33 * * * ? *)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        Arn: arn:aws:scheduler:::aws-sdk:athena:startQueryExecution
        RoleArn: !GetAtt Role.Arn
        Input: !Sub '{"QueryString": "VACUUM messages", "WorkGroup": "${Asked}"}'
        DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}
Outputs:
  Workgroup: {Value: !Ref Workgroup}
  DeadLetters: {Value: !Ref DeadLetters}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with a_cloud(tmp_path_factory.mktemp("cloud"), 3600) as running:
        yield running


def written(folder: Path, text: str = STACK) -> Path:
    path = folder / "template.yaml"
    path.write_text(text)
    return path


def test_a_schedule_calls_an_operation(cloud: LocalCloud, tmp_path: Path) -> None:
    stack = cloud.deploy(written(tmp_path), {"Asked": "a-maintenance"}, stack_name="a")
    athena = cloud.client("athena")

    def run() -> list[str]:
        return athena.list_query_executions(WorkGroup="a-maintenance")["QueryExecutionIds"]

    [execution, *_] = eventually(run)
    found = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
    assert found["Query"] == "VACUUM messages"
    cloud.delete("a")
    assert stack.outputs["Workgroup"] == "a-maintenance"


def test_a_call_that_is_refused_becomes_a_dead_letter(cloud: LocalCloud, tmp_path: Path) -> None:
    without_sql = STACK.replace('"QueryString": "VACUUM messages", ', "")
    stack = cloud.deploy(written(tmp_path, without_sql), {"Asked": "nobodys"}, stack_name="b")
    [letter, *_] = received(cloud, stack.outputs["DeadLetters"])
    assert json.loads(letter["Body"]) == {"WorkGroup": "nobodys"}
    cloud.delete("b")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("athena:startQueryExecution", "athena:startQuery", "athena:startQuery is no operation"),
        ('Mode: "OFF"', "Mode: FLEXIBLE, MaximumWindowInMinutes: 5", "no flexible windows"),
        ("cron(33 * * * ? *)", "at(noon)", "at.noon"),
    ],
)
def test_what_is_not_known_of_a_schedule_fails_by_name(
    cloud: LocalCloud, tmp_path: Path, old: str, new: str, named: str
) -> None:
    template = written(tmp_path, STACK.replace(old, new))
    with pytest.raises(DeploymentFailed, match=named):
        cloud.deploy(template, {"Asked": "c"}, stack_name="c")
