"""Properties held against the resource schemas of CloudFormation, which cfn-lint carries."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from local.cloud.template import Json

_EVERYTHING = "us-east-1"
"""A Region that has every type."""
_KINDS: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "object": (dict,),
    # CloudFormation takes texts for scalars, and the other way round.
    "boolean": (bool, str),
    "integer": (int, str),
    "number": (int, float, str),
    "string": (str, int, float, bool),
}


def mistakes(resource_type: str, properties: Json, region: str) -> list[str]:
    """Return what the schema does not allow, each with the path of the property.

    Names, required members, kinds and enumerations are looked at, at any depth.
    """
    schema = _schema(resource_type, region)
    found: list[str] = []
    if schema is not None:
        _look(properties, schema, schema.get("definitions", {}), "", found)
    return found


def handlers(resource_type: str, names: Collection[str]) -> set[str]:
    """Return the permissions that CloudFormation needs to create, read, update or delete a type."""
    schema = _schema(resource_type, _EVERYTHING) or {}
    return {
        permission
        for name, handler in schema.get("handlers", {}).items()
        if name in names
        for permission in handler["permissions"]
    }


@cache
def _schemas() -> Path:
    found = importlib.util.find_spec("cfnlint")  # not imported: that takes longer than deploying
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "data" / "schemas"


@cache
def _schema(resource_type: str, region: str) -> Json:
    providers = json.loads((_schemas() / "providers" / f"{region}.json").read_text("utf-8"))
    if resource_type not in providers and region != _EVERYTHING:
        # Amazon Connect is not in every Region, and the local cloud may be in any.
        return _schema(resource_type, _EVERYTHING)
    if resource_type not in providers:
        return None
    return json.loads(
        (_schemas() / "resources" / f"{providers[resource_type]}.json").read_text("utf-8")
    )


def _look(value: Json, schema: Json, definitions: Json, path: str, found: list[str]) -> None:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    kinds = schema.get("type", [])
    allowed = [kinds] if isinstance(kinds, str) else kinds
    if allowed and not any(isinstance(value, _KINDS.get(kind, (object,))) for kind in allowed):
        found.append(f"{path}: expected {' or '.join(allowed)}")
        return
    if "enum" in schema and str(value) not in map(str, schema["enum"]):
        found.append(f"{path}: {value!r} is none of the allowed values")
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        patterns = schema.get("patternProperties", {})
        for name, inner in value.items():
            if name in known:
                _look(inner, known[name], definitions, f"{path}/{name}", found)
            elif not patterns and schema.get("additionalProperties") is False:
                found.append(f"{path}/{name}: there is no such property")
        found.extend(
            f"{path}/{name}: is missing" for name in schema.get("required", []) if name not in value
        )
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, inner in enumerate(value):
            _look(inner, schema["items"], definitions, f"{path}/{index}", found)
