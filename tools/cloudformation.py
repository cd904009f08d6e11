"""The template as CloudFormation gets it from SAM, for tools that look at its resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.cloud.template import translated
from local.template_source import read_source
from tools.artifacts import ROOT

TEMPLATE = ROOT / "template.yaml"

_REGION = "eu-west-1"
_INSTANCE = f"arn:aws:connect:{_REGION}:111122223333:instance/00000000-0000-4000-8000-000000000000"
_CODE = ("CodeUri", "ContentUri")


def as_cloudformation(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template after the transform; nothing of its code is looked at."""
    source: dict[str, Any] = read_source(path)
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        properties.update({name: "s3://bucket/key" for name in _CODE if name in properties})
    values = {name: told.get("Default", "") for name, told in source["Parameters"].items()}
    found: dict[str, Any] = translated(source, values | {"ConnectInstanceArn": _INSTANCE}, _REGION)
    return found
