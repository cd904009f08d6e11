"""What a stack makes in an Amazon Connect instance: functions for its flows, flows and modules."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed, NotKnown
from local.cloud.flow_language import read_flow
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
    from collections.abc import Mapping

    from local.cloud.template import Json

_INSTANCE = re.compile(r"arn:aws:connect:[-a-z0-9]+:\d{12}:instance/[-a-zA-Z0-9]+")


def _instance_arn(wanted: Wanted, name: str) -> str:
    arn = str(wanted.properties[name])
    if not _INSTANCE.fullmatch(arn):
        raise DeploymentFailed(f"{wanted.logical_id}: {name} is not the ARN of an instance")
    return arn


# --- functions for flows --------------------------------------------------------------------------


def _create_association(place: Place, wanted: Wanted) -> Made:
    properties = wanted.properties
    if properties["IntegrationType"] != "LAMBDA_FUNCTION":
        raise NotKnown(f"{wanted.logical_id}: IntegrationType {properties['IntegrationType']}")
    instance = _instance_arn(wanted, "InstanceId")
    function = place.running.function(properties["IntegrationArn"]).configuration.arn
    if place.running.flows.has(instance, function):
        raise DeploymentFailed(f"{wanted.logical_id}: {function} is associated already")
    association_id = str(uuid.uuid4())
    place.running.flows.associations[association_id] = (instance, function)
    return Made(f"{instance}|{association_id}", {"IntegrationAssociationId": association_id})


def _delete_association(place: Place, existing: Existing) -> None:
    del place.running.flows.associations[existing.made.attributes["IntegrationAssociationId"]]


# --- flows and their modules ----------------------------------------------------------------------


def _put_flow(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made | None:
    if existing and wanted.properties["Type"] != existing.wanted.properties["Type"]:
        return None
    arn = _checked(place, wanted, existing, is_module=False)
    return Made(arn, {"ContactFlowArn": arn})


def _create_flow(place: Place, wanted: Wanted) -> Made:
    made = _put_flow(place, wanted)
    assert made is not None
    return made


def _put_module(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    arn = _checked(place, wanted, existing, is_module=True)
    place.running.flows.modules.add(arn)
    return Made(arn, {"ContactFlowModuleArn": arn, "Status": "published"})


def _delete_module(place: Place, existing: Existing) -> None:
    place.running.flows.modules.remove(existing.physical_id)


def _checked(place: Place, wanted: Wanted, existing: Existing | None, *, is_module: bool) -> str:
    """Return the ARN of a flow or module whose content Connect would take."""
    instance = _instance_arn(wanted, "InstanceArn")
    content = wanted.properties["Content"]
    for action in read_flow(content, wanted.logical_id, is_module=is_module):
        _check_named(place, wanted, action)
    kind = "flow-module" if is_module else "contact-flow"
    return existing.physical_id if existing else f"{instance}/{kind}/{uuid.uuid4()}"


def _check_named(place: Place, wanted: Wanted, action: Mapping[str, Json]) -> None:
    """Fail if an action names a function or a module that is not there."""
    match action:
        case {"Parameters": {"LambdaFunctionARN": str(arn)}} if not arn.startswith("$."):
            place.running.function(arn)
        case {"Parameters": {"FlowModuleId": str(module)}}:
            known = place.running.flows.modules
            if module not in known | {arn.rpartition("/")[2] for arn in known}:
                raise DeploymentFailed(f"{wanted.logical_id}: there is no flow module {module}")


_IGNORED = TAGS | {
    "Description": "nobody reads it",
    "Name": "nobody looks for flows by name",
    "State": "nobody starts flows but who is given their ARN",
}

TYPES = {
    "AWS::Connect::ContactFlow": ResourceType(
        words("Content InstanceArn Type"), _create_flow, keep, _put_flow, _IGNORED
    ),
    "AWS::Connect::ContactFlowModule": ResourceType(
        words("Content InstanceArn"), _put_module, _delete_module, _put_module, _IGNORED
    ),
    "AWS::Connect::IntegrationAssociation": ResourceType(
        words("InstanceId IntegrationArn IntegrationType"),
        _create_association,
        _delete_association,
    ),
}
