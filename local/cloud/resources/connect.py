"""What an instance of Amazon Connect gets: functions that its flows may invoke, flows and modules.

Nothing runs them here: the simulated contact center knows which function it is to invoke.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed
from local.cloud.resources.resource_type import (
    TAGS,
    Existing,
    Made,
    Place,
    ResourceType,
    Wanted,
    keep,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud.template import Json


def _associate(_place: Place, wanted: Wanted) -> Made:
    return Made(str(uuid.uuid4()), {"IntegrationAssociationId": wanted.logical_id})


def _put_flow(_place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    if found := list(mistakes_of_flow(json.loads(wanted.properties["Content"]))):
        raise DeploymentFailed(f"{wanted.logical_id}: {'; '.join(found)}")
    kind = "flow-module" if "Type" not in wanted.properties else "contact-flow"
    arn = f"{wanted.properties['InstanceArn']}/{kind}/{uuid.uuid4()}"
    return existing.made if existing else Made(arn, {"ContactFlowArn": arn})


def mistakes_of_flow(content: Json) -> Iterator[str]:
    """Say what is wrong with the content of a flow or a module: steps that lead nowhere."""
    steps = {action["Identifier"]: action for action in content["Actions"]}
    if content["Version"] != "2019-10-30":
        yield "Version is that of the flow language"
    named = [content["StartAction"]]
    for action in steps.values():
        transitions = action["Transitions"]
        named += [error["NextAction"] for error in transitions.get("Errors", [])]
        named += [transitions["NextAction"]] if "NextAction" in transitions else []
    if unknown := set(named) - steps.keys():
        yield f"no action {', '.join(sorted(unknown))}"
    if unreached := steps.keys() - set(named):
        yield f"nothing leads to {', '.join(sorted(unreached))}"


_FLOW_IGNORED = TAGS | {
    "Description": "nobody reads it",
    "Name": "nobody looks for flows by name",
    "State": "no flow runs here",
}

TYPES = {
    "AWS::Connect::IntegrationAssociation": ResourceType(
        words("InstanceId IntegrationArn IntegrationType"), _associate, keep
    ),
    "AWS::Connect::ContactFlowModule": ResourceType(
        words("Content InstanceArn"), _put_flow, keep, _put_flow, _FLOW_IGNORED
    ),
    "AWS::Connect::ContactFlow": ResourceType(
        words("Content InstanceArn Type"), _put_flow, keep, _put_flow, _FLOW_IGNORED
    ),
}
