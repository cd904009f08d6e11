"""What the template makes of the number of shards, and of the concurrency of Capture."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from local.cloud.deployer import check_known
from local.cloud.exceptions import DeploymentFailed
from local.cloud.intrinsics import Scope, check_rules
from local.cloud.schema_check import mistakes
from local.cloud.template import Template
from tests.rendered_template import template_of

REGION = "eu-west-1"
NAMES = {"AWS::Region": REGION, "AWS::AccountId": "111122223333", "AWS::Partition": "aws"}
MOST_SHARDS = 5


def a_template(**parameters: str) -> tuple[Template, Scope]:
    template = template_of(REGION, **parameters)
    names = {**NAMES, "AWS::StackName": "a-stack", **template.parameters}

    def named(logical_id: str, attribute: str | None) -> str:
        return f"{logical_id}.{attribute}" if attribute else logical_id

    return template, Scope(names, {}, template.body["Conditions"], named)


def properties(logical_id: str, **parameters: str) -> Any:
    """The properties of a resource as they are deployed."""
    template, scope = a_template(**parameters)
    return scope.value(template.body["Resources"][logical_id]["Properties"])


@pytest.mark.parametrize("shards", range(1, MOST_SHARDS + 1))
def test_every_shard_is_asked_each_minute_and_no_other(shards: int) -> None:
    rule = properties("CaptureRule", CaptureShards=str(shards))
    assert mistakes("AWS::Events::Rule", rule, REGION) == []
    check_known("CaptureRule", {"Type": "AWS::Events::Rule", "Properties": rule})
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    asked = [json.loads(target["Input"]) for target in rule["Targets"]]
    assert asked == [{"shard": shard} for shard in range(shards)]
    for target in rule["Targets"]:
        assert target["Arn"] == "Capture.Arn"
        # The next minute's takes its place.
        assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 60


def test_nothing_but_the_rule_of_shards_runs_capture() -> None:
    template, _ = a_template()
    runs = [
        name
        for name, resource in template.body["Resources"].items()
        if resource["Type"] == "AWS::Events::Rule"
        and any(
            target.get("Arn") == {"Fn::GetAtt": ["Capture", "Arn"]}
            for target in resource["Properties"]["Targets"]
        )
    ]
    assert runs == ["CaptureRule"]
    permission = properties("CaptureRuleMayInvokeCapture")
    assert permission["SourceArn"] == "CaptureRule.Arn"


def test_capture_reserves_no_concurrency_unless_it_is_told_to() -> None:
    """Accounts with ten concurrent executions refuse every reservation."""
    template, scope = a_template()
    for name, resource in template.body["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            assert "ReservedConcurrentExecutions" not in scope.value(resource["Properties"]), name
    assert "ReservedConcurrentExecutions" not in properties("Capture")
    reserved = properties("Capture", CaptureConcurrency="4")["ReservedConcurrentExecutions"]
    assert reserved == "4"


def test_capture_is_told_how_live_chats_are_followed() -> None:
    told = properties("Capture", LiveSource="polling", ConnectionRate="1.5", CaptureShards="3")[
        "Environment"
    ]["Variables"]
    assert told["LIVE_SOURCE"] == "polling"
    assert told["CONNECTION_RATE"] == "1.5"
    assert told["CAPTURE_SHARDS"] == "3"


def test_what_is_reserved_has_room_for_every_shard() -> None:
    template, scope = a_template()
    for shards, concurrency in product(range(1, MOST_SHARDS + 1), range(4 * MOST_SHARDS + 2)):
        given = {"CaptureShards": str(shards), "CaptureConcurrency": str(concurrency)}
        told = replace(scope, names={**scope.names, **given}, _decided={})
        if 0 < concurrency < 4 * shards:
            with pytest.raises(DeploymentFailed, match="CaptureConcurrency"):
                check_rules(template.body["Rules"], told)
        else:
            check_rules(template.body["Rules"], told)
