"""The template as CloudFormation gets it from SAM, for tools that look at its resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped, unused-ignore]

from local.cloud.template import translated
from tools.artifacts import ROOT

TEMPLATE = ROOT / "template.yaml"

_REGION = "eu-west-1"
_INSTANCE = f"arn:aws:connect:{_REGION}:111122223333:instance/00000000-0000-4000-8000-000000000000"
_CODE = ("CodeUri", "ContentUri")


def as_cloudformation(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template after the transform; nothing of its code is looked at."""
    source: dict[str, Any] = yaml_parse(path.read_text(encoding="utf-8"))
    for resource in source["Resources"].values():
        properties = resource.get("Properties", {})
        properties.update({name: "s3://bucket/key" for name in _CODE if name in properties})
    values = {name: told.get("Default", "") for name, told in source["Parameters"].items()}
    found: dict[str, Any] = translated(source, values | {"ConnectInstanceArn": _INSTANCE}, _REGION)
    return found
