"""The policy of the role that deploys covers what CloudFormation does for the template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.cloud.schema_check import handlers
from tests.policies.evaluator import Request, is_allowed, several
from tools import deploy_role
from tools.artifacts import ROOT
from tools.cloudformation import TEMPLATE, as_cloudformation
from tools.deploy_role import HANDLERS, LEFT_OUT, PAGE

POLICY: dict[str, Any] = json.loads(PAGE.read_text(encoding="utf-8"))
STATEMENTS: list[dict[str, Any]] = POLICY["Statement"]
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LONGEST_POLICIES = 10_240


def types_of(template: Path) -> set[str]:
    resources = as_cloudformation(template)["Resources"].values()
    return {resource["Type"] for resource in resources}


def uncovered(types: set[str]) -> dict[str, list[str]]:
    """Return what CloudFormation does for types of resources that the policy does not allow."""
    allowed = {action.lower() for one in STATEMENTS for action in several(one["Action"])}
    found = {}
    for one in types:
        if one.startswith("Custom::"):
            continue
        asked = handlers(one, HANDLERS)
        assert asked, one
        missing = sorted(
            action
            for action in asked
            if action.lower() not in allowed and not action.startswith(tuple(LEFT_OUT))
        )
        if missing:
            found[one] = missing
    return found


def test_it_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == deploy_role.text(), "run: make docs"


def test_it_covers_every_type_of_resource() -> None:
    assert uncovered(types_of(TEMPLATE)) == {}


def test_a_type_that_it_does_not_cover_is_found(tmp_path: Path) -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    planted = "Resources:\n  Planted:\n    Type: AWS::SecretsManager::Secret\n"
    changed = tmp_path / "template.yaml"
    changed.write_text(text.replace("\nResources:\n", f"\n{planted}", 1), encoding="utf-8")
    found = uncovered(types_of(changed))
    assert "secretsmanager:CreateSecret" in found["AWS::SecretsManager::Secret"]


def test_the_custom_resource_is_invoked() -> None:
    function = "arn:aws:lambda:REGION:ACCOUNT:function:STACK-MakeTables-0"
    assert is_allowed(STATEMENTS, Request("lambda:InvokeFunction", function))


def test_whatever_is_left_out_is_something_that_would_be_done() -> None:
    asked = {action for one in types_of(TEMPLATE) for action in handlers(one, HANDLERS)}
    assert [one for one in LEFT_OUT if not any(action.startswith(one) for action in asked)] == []


def test_it_is_not_too_large_for_iam() -> None:
    assert len(json.dumps(POLICY, separators=(",", ":"))) < LONGEST_POLICIES


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("s3:GetObject", "arn:aws:s3:::STACK-documentbucket-0/documents/00/0.json", {}),
        ("s3:PutObject", "arn:aws:s3:::STACK-lakebucket-0/tables/0", {}),
        ("dynamodb:GetItem", "arn:aws:dynamodb:REGION:ACCOUNT:table/STACK-Chats-0", {}),
        ("kms:Decrypt", "arn:aws:kms:REGION:ACCOUNT:key/0", {}),
        ("iam:PutRolePolicy", "arn:aws:iam::ACCOUNT:role/another", {}),
        (
            "iam:PassRole",
            "arn:aws:iam::ACCOUNT:role/STACK-EraseRole-0",
            {"iam:PassedToService": ("ec2.amazonaws.com",)},
        ),
    ],
)
def test_it_does_not_allow(action: str, resource: str, context: dict[str, tuple[str, ...]]) -> None:
    assert not is_allowed(STATEMENTS, Request(action, resource, context))


def test_no_action_is_a_pattern() -> None:
    actions = [action for one in STATEMENTS for action in several(one["Action"])]
    assert not [action for action in actions if "*" in action]
