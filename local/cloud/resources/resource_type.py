"""What a kind of resource is to the deployer: its properties, and how it is made and removed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.cloud.running import Running
    from local.cloud.template import Json, Template

TAGS = {"Tags": "nobody looks for resources by tag"}


@dataclass(frozen=True)
class Place:
    """Where resources are made."""

    client: Callable[[str], Any]
    running: Running
    region: str
    account_id: str

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN of this account and Region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


@dataclass(frozen=True)
class Wanted:
    """A resource as the template describes it, every value resolved."""

    stack_name: str
    stack_id: str
    type_name: str
    logical_id: str
    properties: Mapping[str, Json]
    template: Template

    def name(self) -> str:
        """Return a name as CloudFormation makes one for what the template gives none."""
        return f"{self.stack_name}-{self.logical_id}-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Made:
    """A resource that is there: what Ref and GetAtt give."""

    physical_id: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Existing:
    """What a stack remembers of a resource."""

    wanted: Wanted
    made: Made
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"

    @property
    def physical_id(self) -> str:
        """What Ref gives."""
        return self.made.physical_id


@dataclass(frozen=True)
class ResourceType:
    """How resources of a type are dealt with.

    Attributes
    ----------
    handled
        Top-level properties that have an effect here.
    ignored
        Those that have none, each with the reason; all others fail the deployment.
    update
        Returns None if the resource has to be replaced; so is what has no update at all.
    """

    handled: frozenset[str]
    create: Callable[[Place, Wanted], Made]
    delete: Callable[[Place, Existing], None]
    update: Callable[[Place, Wanted, Existing], Made | None] | None = None
    ignored: Mapping[str, str] = field(default_factory=dict)


def words(text: str) -> frozenset[str]:
    """Return the words of a text: names of properties, to be read without quotes."""
    return frozenset(text.split())


def is_true(value: Json) -> bool:
    """Return whether a boolean property is; CloudFormation takes texts, too."""
    return str(value).lower() == "true"


def picked(properties: Mapping[str, Json], *names: str) -> dict[str, Json]:
    """Return those of the named properties that are given."""
    return {name: properties[name] for name in names if name in properties}


def keep(_place: Place, _existing: Existing) -> None:
    """Do nothing: the resource goes with another one."""
