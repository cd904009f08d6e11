"""What CloudFormation tells of a stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.cloud.query_protocol import elements, members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.change_set import ChangeSet
    from local.cloud.deployer import DeployedStack
    from local.cloud.template import Json


@dataclass
class Told:
    """What is told of a stack, be it there, under way, gone, or gone wrong."""

    name: str
    stack_id: str
    created_at: str
    status: str = "UPDATE_COMPLETE"
    tags: dict[str, str] = field(default_factory=dict)
    resources: Mapping[str, Json] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)
    change_sets: list[ChangeSet] = field(default_factory=list)

    def described(self, stack: DeployedStack | None) -> str:
        """Write it, and what there is of the stack itself."""
        outputs = stack.outputs.items() if stack else ()
        parameters = stack.parameters.items() if stack else ()
        return "".join(
            (
                elements(StackName=self.name, StackId=stack.stack_id if stack else self.stack_id),
                elements(CreationTime=self.created_at, StackStatus=self.status),
                members("Outputs", [{"OutputKey": k, "OutputValue": v} for k, v in outputs]),
                members(
                    "Parameters", [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters]
                ),
                members("Tags", [{"Key": k, "Value": v} for k, v in self.tags.items()]),
            )
        )


def resource(stack: DeployedStack, logical_id: str) -> dict[str, str]:
    """Return what is told of a resource that is there."""
    existing = stack.resources[logical_id]
    return {
        "StackName": stack.name,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": existing.physical_id,
        "ResourceType": existing.wanted.type_name,
        "ResourceStatus": "CREATE_COMPLETE",
        "Timestamp": stack.created_at,
    }
