"""template.yaml as CloudFormation would get it with some parameters, every value in its place."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from local.cloud.intrinsics import Scope, check_rules
from local.cloud.template import read_template
from tools.artifacts import ROOT

if TYPE_CHECKING:
    from local.cloud.template import Template

ACCOUNT_ID = "111122223333"
REGION = "eu-west-1"
STACK = "a-stack"
FLOW_ID = "f0000000-0000-4000-8000-000000000001"
PAGES = {"StartChatApi": "on", "ContactFlowId": FLOW_ID}


class Rendered:
    """A stack's resources and outputs; the names and attributes of resources are their own names.

    `AWS::NoValue` is gone, and so is what has a condition that does not hold.
    """

    def __init__(self, **parameters: str) -> None:
        template = template_of(REGION, **parameters)
        names = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{STACK}/1",
            "AWS::StackName": STACK,
            "AWS::URLSuffix": "amazonaws.com",
            **template.parameters,
        }
        body = template.body
        scope = Scope(names, body.get("Mappings", {}), body["Conditions"], self._named)
        check_rules(body.get("Rules", {}), scope)
        there = {
            name: resource
            for name, resource in body["Resources"].items()
            if scope.holds(resource.get("Condition"))
        }
        self._there = there.keys()
        self.resources: dict[str, Any] = {
            name: {
                **resource,
                "Properties": scope.value(resource.get("Properties", {})),
            }
            for name, resource in there.items()
        }
        self.outputs: dict[str, Any] = {
            name: scope.value(output["Value"])
            for name, output in body["Outputs"].items()
            if scope.holds(output.get("Condition"))
        }

    def _named(self, logical_id: str, attribute: str | None) -> str:
        assert logical_id in self._there, f"{logical_id} is not there"
        return f"{logical_id}.{attribute}" if attribute else logical_id

    def of_type(self, name: str) -> dict[str, Any]:
        """Return the properties of the resources of a type, by logical id."""
        return {
            logical_id: resource["Properties"]
            for logical_id, resource in self.resources.items()
            if resource["Type"] == name
        }

    def properties(self, logical_id: str) -> Any:
        """Return the properties of a resource."""
        return self.resources[logical_id]["Properties"]


def template_of(region: str, **parameters: str) -> Template:
    """Return the template as it is translated with some parameters, once for all who ask."""
    partition = "aws-us-gov" if region.startswith("us-gov-") else "aws"
    instance = f"arn:{partition}:connect:{region}:{ACCOUNT_ID}:instance/{'0' * 36}"
    given = {"ConnectInstanceArn": instance, **parameters}
    return _template(region, tuple(sorted(given.items())))


@cache
def _template(region: str, parameters: tuple[tuple[str, str], ...]) -> Template:
    return read_template(ROOT / "template.yaml", region, dict(parameters))
