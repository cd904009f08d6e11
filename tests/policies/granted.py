"""The roles as the template has them, each value resolved: resources have their logical ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local.cloud.intrinsics import NO_VALUE, Scope
from local.scripted.contact_center import ACCOUNT_ID, INSTANCE_ARN, REGION
from local.template_source import read_source
from local.world import EXPORT_BUCKET, EXPORT_PREFIX, FLOW_ID
from tests.policies.evaluator import Statement, several
from tools.artifacts import ROOT

EXPORT_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/exports"
EVERYTHING = MappingProxyType(
    {
        "ConnectInstanceArn": INSTANCE_ARN,
        "ExportBucketName": EXPORT_BUCKET,
        "ExportPrefix": EXPORT_PREFIX,
        "ExportKeyArn": EXPORT_KEY,
        "ContentPolicy": "redacted",
        "StartChatApi": "on",
        "ContactFlowId": FLOW_ID,
        "LastReads": "on",
        "MessageWaitingSeconds": "60",
        "SubnetIds": "subnet-0",
        "SecurityGroupIds": "sg-0",
    }
)
"""Parameters with which nothing of a role is left out."""

_LEADING_KEYS = "dynamodb:LeadingKeys"


@dataclass(frozen=True)
class Grant:
    """The smallest part of a policy: one action on one resource, and of items one kind."""

    action: str
    resource: str
    leading: str = "*"

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}" + (
            "" if self.leading == "*" else f" {self.leading}"
        )


def arn(service: str, resource: str) -> str:
    """Return the ARN of something in the account and Region of the tests."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


def roles(
    template: Path = ROOT / "template.yaml", parameters: Mapping[str, str] = EVERYTHING
) -> dict[str, list[Statement]]:
    """Return the statements of each role, by what it is the role of."""
    body = read_source(template)
    resources = body["Resources"]
    scope = Scope(
        {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": "chatlake",
            "AWS::URLSuffix": "amazonaws.com",
            **{name: told.get("Default", "") for name, told in body["Parameters"].items()},
            **parameters,
        },
        body.get("Mappings", {}),
        body["Conditions"],
        lambda name, attribute: _value_of(resources[name]["Type"], name, attribute),
    )
    found: dict[str, list[Statement]] = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role" and scope.holds(resource.get("Condition")):
            # That of a role which the key's policy names stands apart.
            apart = resources.get(f"{name}Policy")
            written = [apart["Properties"]] if apart else resource["Properties"]["Policies"]
            policies = scope.value(written)
            found[name.removesuffix("Role")] = [
                statement
                for policy in policies
                for statement in policy["PolicyDocument"]["Statement"]
                if statement is not NO_VALUE
            ]
    return found


def _value_of(type_name: str, name: str, attribute: str | None) -> Any:
    if attribute is None:
        return name
    match type_name:
        case "AWS::KMS::Key":
            return arn("kms", f"key/{name}")
        case "AWS::Logs::LogGroup":
            return arn("logs", f"log-group:{name}:*")
        case "AWS::SQS::Queue":
            return arn("sqs", name)
    raise LookupError(f"{attribute} of {name}")


def grants(statement: Statement) -> Iterator[Grant]:
    """Yield what a statement allows, piece by piece."""
    kinds = [
        kind
        for operator, keys in statement.get("Condition", {}).items()
        # Those of a negated one are not allowed.
        if "Not" not in operator
        for kind in several(keys.get(_LEADING_KEYS, ()))
    ]
    for action in several(statement["Action"]):
        for resource in several(statement["Resource"]):
            yield from (Grant(action, resource, kind) for kind in kinds or ["*"])


def only(statement: Statement, grant: Grant) -> Statement:
    """Return a statement that allows this grant alone, under the same conditions."""
    condition = {
        operator: {
            key: [grant.leading] if key == _LEADING_KEYS and "Not" not in operator else wanted
            for key, wanted in keys.items()
        }
        for operator, keys in statement.get("Condition", {}).items()
    }
    return {
        "Effect": statement["Effect"],
        "Action": grant.action,
        "Resource": grant.resource,
        "Condition": condition,
    }
