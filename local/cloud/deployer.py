"""Stacks: made, updated and deleted resource by resource, as CloudFormation would."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed, NotKnown
from local.cloud.intrinsics import Scope, check_rules
from local.cloud.references import references
from local.cloud.resources import RESOURCE_TYPES
from local.cloud.resources.custom import CUSTOM
from local.cloud.resources.resource_type import Existing, Made, Place, ResourceType, Wanted
from local.cloud.schema_check import mistakes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.template import Json, Template

_ATTRIBUTES = {
    "Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type",
    "UpdateReplacePolicy",
}  # fmt: skip
_POLICIES = {"Delete", "Retain", "RetainExceptOnCreate"}


@dataclass
class DeployedStack:
    """What is remembered of a stack; resources are in the order in which they were made."""

    name: str
    stack_id: str
    created_at: str
    resources: dict[str, Existing] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


class Deployer:
    """Knows all stacks of a cloud."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.stacks: dict[str, DeployedStack] = {}

    def deploy(self, template: Template, name: str, stack_id: str | None = None) -> DeployedStack:
        """Make a stack, or bring the one of this name to what the template says now.

        A new one has the id that is given, or an id of its own.

        A creation that fails leaves nothing behind. An update that fails is not rolled back:
        what it changed stays changed, and the next update goes on from there.

        Raises
        ------
        NotKnown
            The template has something that would have no effect here. Nothing was made.
        DeploymentFailed
            Something could not be made.
        """
        stack = self.stacks.get(name)
        is_new = stack is None
        if stack is None:
            stack_id = stack_id or self._place.arn("cloudformation", f"stack/{name}/{uuid.uuid4()}")
            created_at = self._place.running.clock.now().isoformat(timespec="milliseconds")
            stack = DeployedStack(name, stack_id, created_at)
        deployment = _Deployment(self._place, stack, template)
        try:
            deployment.run()
        except Exception as error:
            if is_new:
                try:
                    deployment.unmake_begun()
                    self._delete_all(stack, rolling_back=True)
                except DeploymentFailed as failure:
                    # As with CloudFormation, what is left is less of a concern than the reason.
                    error.add_note(f"and it could not be rolled back: {failure}")
            if isinstance(error, DeploymentFailed):
                raise
            raise DeploymentFailed(f"{deployment.current}: {error}") from error
        self.stacks[name] = stack
        return stack

    def delete(self, name: str) -> None:
        """Delete a stack, except for what its template wants to be retained."""
        stack = self.stacks.get(name)
        if stack is None:
            raise DeploymentFailed(f"There is no stack {name}")
        self._delete_all(stack, rolling_back=False)
        del self.stacks[name]

    def _delete_all(self, stack: DeployedStack, *, rolling_back: bool) -> None:
        for logical_id, existing in reversed(list(stack.resources.items())):
            policy = existing.deletion_policy
            if policy == "Delete" or (rolling_back and policy == "RetainExceptOnCreate"):
                _delete(self._place, existing)
            del stack.resources[logical_id]


class _Deployment:
    def __init__(
        self,
        place: Place,
        stack: DeployedStack,
        template: Template,
    ) -> None:
        self.current = stack.name
        self._place = place
        self._stack = stack
        self._template = template
        self._scope = Scope(
            {
                "AWS::AccountId": place.account_id,
                "AWS::NotificationARNs": [],
                "AWS::Partition": "aws",
                "AWS::Region": place.region,
                "AWS::StackId": stack.stack_id,
                "AWS::StackName": stack.name,
                "AWS::URLSuffix": "amazonaws.com",
                **template.parameters,
            },
            template.body.get("Mappings", {}),
            template.body.get("Conditions", {}),
            self._of_resource,
        )
        self._described = {
            logical_id: resource
            for logical_id, resource in template.body["Resources"].items()
            if self._scope.holds(resource.get("Condition"))
        }
        self._outdated: list[Existing] = []
        self._begun: Existing | None = None

    def run(self) -> None:
        check_rules(self._template.body.get("Rules", {}), self._scope)
        for logical_id, resource in self._described.items():
            check_known(logical_id, resource)
        before = list(self._stack.resources)
        made: dict[str, Existing] = {}
        for logical_id in self._order():
            self.current = logical_id
            self._bring_about(logical_id)
            made[logical_id] = self._stack.resources[logical_id]
        for logical_id, existing in self._stack.resources.items():
            if logical_id not in made and existing.deletion_policy == "Delete":
                self._outdated.append(existing)
        self._stack.resources = made
        # What needs another goes before it.
        self._outdated.sort(key=lambda existing: -before.index(existing.wanted.logical_id))
        for existing in self._outdated:
            self.current = existing.wanted.logical_id
            _delete(self._place, existing)
        self.current = "Outputs"
        self._stack.outputs = self._outputs()
        self._stack.parameters = self._template.texts

    def unmake_begun(self) -> None:
        """Ask to delete the custom resource that was not made: CloudFormation does it, too."""
        if self._begun is not None:
            # What has failed to make it may fail once more.
            with suppress(DeploymentFailed):
                _delete(self._place, self._begun)

    def _order(self) -> list[str]:
        names = set(self._described)
        waits_for: dict[str, set[str]] = {}
        for logical_id, resource in self._described.items():
            told = resource.get("DependsOn", [])
            told = {told} if isinstance(told, str) else set(told)
            needed = references(resource.get("Properties", {}), self._scope, names)
            waits_for[logical_id] = needed | (told & names)
        return list(TopologicalSorter(waits_for).static_order())

    def _bring_about(self, logical_id: str) -> None:
        resource = self._described[logical_id]
        properties = self._scope.value(resource.get("Properties", {}))
        type_name = resource["Type"]
        stack, template = self._stack, self._template
        wanted = Wanted(stack.name, stack.stack_id, type_name, logical_id, properties, template)
        if found := mistakes(type_name, properties, self._place.region):
            raise DeploymentFailed(f"{logical_id}: {'; '.join(found)}")
        existing = self._stack.resources.get(logical_id)
        if existing and existing.wanted.type_name != type_name:
            raise DeploymentFailed(f"{logical_id}: a resource cannot change its type")
        made = self._made(wanted, existing)
        replaced = existing is not None and existing.physical_id != made.physical_id
        if existing and replaced and existing.update_replace_policy == "Delete":
            self._outdated.append(existing)
        self._stack.resources[logical_id] = Existing(
            wanted,
            made,
            resource.get("DeletionPolicy", "Delete"),
            resource.get("UpdateReplacePolicy", "Delete"),
        )

    def _made(self, wanted: Wanted, existing: Existing | None) -> Made:
        kind = _resource_type(wanted.type_name)
        if existing is None:
            if kind is CUSTOM:
                self._begun = Existing(wanted, Made(wanted.name()))
            made = kind.create(self._place, wanted)
            self._begun = None
            return made
        if wanted.properties == existing.wanted.properties:
            return existing.made
        updated = kind.update(self._place, wanted, existing) if kind.update else None
        return updated or kind.create(self._place, wanted)

    def _of_resource(self, logical_id: str, attribute: str | None) -> Json:
        existing = self._stack.resources.get(logical_id)
        if existing is None:
            raise DeploymentFailed(f"{self.current}: there is no resource or name {logical_id}")
        if attribute is None:
            return existing.physical_id
        if attribute not in existing.made.attributes:
            raise DeploymentFailed(f"{self.current}: {logical_id} has no attribute {attribute}")
        return existing.made.attributes[attribute]

    def _outputs(self) -> dict[str, str]:
        return {
            name: self._reachable(str(self._scope.value(output["Value"])))
            for name, output in self._template.body.get("Outputs", {}).items()
            if self._scope.holds(output.get("Condition"))
        }

    def _reachable(self, text: str) -> str:
        """Return an output with the loopback address of the API that it names, if it names one."""
        for api in self._place.running.apis.values():
            host = f"https://{api.api_id}.execute-api.{self._place.region}.amazonaws.com"
            text = text.replace(host, api.url)
        return text


def check_known(logical_id: str, resource: Mapping[str, Json]) -> None:
    """Fail if a resource of a translated template has anything that would be left out here."""
    if unknown := set(resource) - _ATTRIBUTES:
        raise NotKnown(f"{logical_id}: {', '.join(sorted(unknown))}")
    kind = _resource_type(resource["Type"])
    for name in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(name, "Delete") not in _POLICIES:
            raise NotKnown(f"{logical_id}: {name} {resource[name]}")
    if kind is CUSTOM:
        return
    if unknown := set(resource.get("Properties", {})) - kind.handled - set(kind.ignored):
        names = ", ".join(sorted(unknown))
        raise NotKnown(f"{logical_id}: the local cloud does not know {resource['Type']}'s {names}")


def _resource_type(name: str) -> ResourceType:
    if name.startswith("Custom::") or name == "AWS::CloudFormation::CustomResource":
        return CUSTOM
    if name not in RESOURCE_TYPES:
        raise NotKnown(f"The local cloud does not know {name}")
    return RESOURCE_TYPES[name]


def _delete(place: Place, existing: Existing) -> None:
    try:
        _resource_type(existing.wanted.type_name).delete(place, existing)
    except DeploymentFailed:
        raise
    except Exception as error:
        raise DeploymentFailed(f"{existing.wanted.logical_id}: {error}") from error
