"""A SAM template as CloudFormation would get it, with its parameters checked."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import boto3

from local.cloud.exceptions import DeploymentFailed, NotKnown
from local.template_source import parse_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.cloud.resources.resource_type import Place

type Json = Any
"""A JSON value."""

_SECTIONS = {
    "AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata", "Outputs",
    "Parameters", "Resources", "Rules", "Transform",
}  # fmt: skip
_CODE_PROPERTIES = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
_LISTS = {"CommaDelimitedList", "List<Number>", "List<String>"}
_PARAMETER_ATTRIBUTES = {
    "AllowedPattern", "AllowedValues", "ConstraintDescription", "Default", "Description",
    "MaxLength", "MaxValue", "MinLength", "MinValue", "NoEcho", "Type",
}  # fmt: skip
_BUCKET = "local-artifacts"


@dataclass(frozen=True)
class Template:
    """What is to be deployed.

    Attributes
    ----------
    body
        The translated template; every resource is one that CloudFormation knows.
    artifacts
        Folders by the S3 key that stands for them. A key is the digest of what is in the folder,
        so that new code is a changed resource, as it is after `sam package`.
    parameters
        The value of every parameter.
    """

    body: Mapping[str, Json]
    artifacts: Mapping[str, Path]
    parameters: Mapping[str, str | list[str]]

    @property
    def texts(self) -> dict[str, str]:
        """The values of parameters as CloudFormation tells them: a list is one text."""
        return {
            name: value if isinstance(value, str) else ",".join(value)
            for name, value in self.parameters.items()
        }

    def folder(self, location: Mapping[str, Json], what: str) -> Path:
        """Return the folder that a function's `Code` or a layer's `Content` stands for."""
        if location.get("S3Bucket") != _BUCKET or set(location) != {"S3Bucket", "S3Key"}:
            raise NotKnown(f"{what}: code can be a folder beside the template, and nothing else")
        return self.artifacts[location["S3Key"]]


def read_template(path: Path, region: str, parameters: Mapping[str, str]) -> Template:
    """Translate the template; folders of code are taken relative to it.

    Raises
    ------
    DeploymentFailed
        A parameter has no value, or one that the template does not allow.
    """
    artifacts: dict[str, Path] = {}

    def code(logical_id: str, place: str) -> str:
        folder = path.parent / place
        if not folder.is_dir():
            raise DeploymentFailed(f"{logical_id}: there is no folder {folder}")
        digest = _digest(folder)
        artifacts[digest] = folder.resolve()
        return digest

    return _template(path.read_text("utf-8"), region, parameters, code, artifacts)


def packaged_template(
    text: str, place: Place, parameters: Mapping[str, str], folder: Path
) -> Template:
    """Translate a template whose code was uploaded to S3; unpack the code into a folder.

    Raises
    ------
    DeploymentFailed
        A parameter has no value, or one that the template does not allow, or there is no such code.
    """
    artifacts: dict[str, Path] = {}

    def code(logical_id: str, uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not key:
            raise DeploymentFailed(f"{logical_id}: {uri} is no object on S3")
        # SAM names what it uploads by its digest.
        artifacts[key] = folder / key
        if not artifacts[key].is_dir():
            found = place.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            with ZipFile(BytesIO(found)) as archive:
                archive.extractall(artifacts[key])
        return key

    return _template(text, place.region, parameters, code, artifacts)


def _template(
    text: str,
    region: str,
    parameters: Mapping[str, str],
    code: Callable[[str, str], str],
    artifacts: Mapping[str, Path],
) -> Template:
    source = parse_source(text)
    if unknown := set(source) - _SECTIONS - {"Globals"}:
        raise NotKnown(f"The template has sections that are not known: {', '.join(unknown)}")
    values = _parameter_values(source.get("Parameters", {}), parameters)
    for logical_id, resource in source["Resources"].items():
        if name := _CODE_PROPERTIES.get(resource["Type"]):
            properties = resource.setdefault("Properties", {})
            properties[name] = f"s3://{_BUCKET}/{code(logical_id, properties.get(name, ''))}"
    return Template(translated(source, values, region), artifacts, values)


def translated(source: Json, values: Mapping[str, Json], region: str) -> Json:
    """Return a template of SAM as one of CloudFormation; its code is on S3."""
    from samtranslator.metrics.metrics import (  # type: ignore[import-untyped]
        DummyMetricsPublisher,
        Metrics,
    )
    from samtranslator.model.exceptions import (  # type: ignore[import-untyped]
        InvalidDocumentException,
    )
    from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
    from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

    metrics = Metrics("translation", DummyMetricsPublisher())
    session = boto3.Session(region_name=region)
    translator = Translator({}, Parser(), boto_session=session, metrics=metrics)
    # SAM puts values in the place of some references, and would put defaults there.
    try:
        return json.loads(json.dumps(translator.translate(source, dict(values))))
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise DeploymentFailed(f"{error.message} {causes}") from error
    finally:
        metrics.publish()  # to nowhere, but the translator complains of what is not


def _parameter_values(
    declared: Mapping[str, Json], given: Mapping[str, str]
) -> dict[str, str | list[str]]:
    if unknown := set(given) - set(declared):
        raise DeploymentFailed(f"The template has no parameters {', '.join(sorted(unknown))}")
    values: dict[str, str | list[str]] = {}
    for name, attributes in declared.items():
        if unknown := set(attributes) - _PARAMETER_ATTRIBUTES:
            raise NotKnown(f"Parameter {name}: {', '.join(sorted(unknown))}")
        if name not in given and "Default" not in attributes:
            raise DeploymentFailed(f"Parameter {name} has no value")
        text = str(given.get(name, attributes.get("Default")))
        if attributes["Type"] in _LISTS:
            values[name] = [part.strip() for part in text.split(",")]
            parts = values[name]
        elif attributes["Type"] in {"String", "Number"}:
            values[name] = text
            parts = [text]
        else:
            raise NotKnown(f"Parameter {name}: type {attributes['Type']}")
        for part in parts:
            _check(name, part, attributes)
    return values


def _check(name: str, value: str, attributes: Mapping[str, Json]) -> None:
    number = _number(value) if "Number" in attributes["Type"] else None
    allowed = [str(allowed) for allowed in attributes.get("AllowedValues", [value])]
    size = len(value) if number is None else number
    low, high = ("MinLength", "MaxLength") if number is None else ("MinValue", "MaxValue")
    fits = (
        (number is not None or "Number" not in attributes["Type"])
        and value in allowed
        and re.fullmatch(attributes.get("AllowedPattern", r"[\s\S]*"), value)
        and float(attributes.get(low, "-inf")) <= size <= float(attributes.get(high, "inf"))
    )
    if not fits:
        reason = attributes.get("ConstraintDescription", "does not fit what the template allows")
        raise DeploymentFailed(f"Parameter {name} {reason}: {value!r}")


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _digest(folder: Path) -> str:
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(folder)).encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]
