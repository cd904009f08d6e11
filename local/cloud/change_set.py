"""A change set: what a request would make of a stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.cloud.query_protocol import pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.template import Json, Template


@dataclass
class ChangeSet:
    """What was asked for, and what it would change; `why_not` if it cannot be executed."""

    name: str
    arn: str
    tags: dict[str, str]
    template: Template | None = None
    changes: list[dict[str, str]] = field(default_factory=list)
    why_not: str = ""


def given(asked: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Return the values of parameters: those of the request, and those that are to stay."""
    kept = pairs(asked, "Parameters", "ParameterKey", "UsePreviousValue")
    said = pairs(asked, "Parameters", "ParameterKey", "ParameterValue")
    return {**{name: before[name] for name in kept if name in before}, **said}


def changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[dict[str, str]]:
    """Say which resources of a translated template come, change and go."""
    found = [
        ("Modify" if name in before else "Add", name, resource["Type"])
        for name, resource in after.items()
        if resource != before.get(name)
    ]
    found += [("Remove", name, before[name]["Type"]) for name in before if name not in after]
    return [
        {"Action": action, "LogicalResourceId": name, "ResourceType": kind}
        for action, name, kind in found
    ]
