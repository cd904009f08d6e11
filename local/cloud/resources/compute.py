"""Functions, their layers, and what says how they are invoked."""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from typing import TYPE_CHECKING

from local.cloud.asynchronous import Policy
from local.cloud.environment import Configuration
from local.cloud.exceptions import DeploymentFailed, NotKnown
from local.cloud.queue_polling import Source
from local.cloud.resources.resource_type import (
    TAGS,
    Existing,
    Made,
    Place,
    ResourceType,
    Wanted,
    words,
)
from local.cloud.running import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.template import Json

_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
_VERSIONS = itertools.count(1)
_DEFAULT_CONCURRENCY = 2


# --- functions ------------------------------------------------------------------------------------


def _put_function(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made | None:
    properties = wanted.properties
    # Without the suffix that CloudFormation adds: the name is also that of the log file.
    name = properties.get("FunctionName") or f"{wanted.stack_name}-{wanted.logical_id}"
    if existing and existing.physical_id != name:
        return None
    if properties["Runtime"] != _RUNTIME:
        raise DeploymentFailed(f"{wanted.logical_id}: runs {properties['Runtime']}, not {_RUNTIME}")
    code = wanted.template.folder(properties["Code"], wanted.logical_id)
    reserved = properties.get("ReservedConcurrentExecutions")
    arn = place.running.function_arn(name)
    place.running.put_function(
        Configuration(
            name=name,
            arn=arn,
            handler=properties["Handler"],
            code=code,
            layers=tuple(place.running.layers[layer] for layer in properties.get("Layers", [])),
            variables=_variables(properties, name),
            memory_mb=int(properties.get("MemorySize", 128)),
            timeout_s=int(properties.get("Timeout", 3)),
            reserved_concurrency=None if reserved is None else int(reserved),
            version=hashlib.sha256(json.dumps(properties).encode()).hexdigest(),
        )
    )
    if target := properties.get("DeadLetterConfig", {}).get("TargetArn"):
        place.running.set_policy(arn, Policy(dead_letter_arn=target))
    return Made(name, {"Arn": arn})


def _create_function(place: Place, wanted: Wanted) -> Made:
    made = _put_function(place, wanted)
    assert made is not None
    return made


def _variables(properties: Mapping[str, Json], name: str) -> dict[str, str]:
    logging = properties.get("LoggingConfig", {})
    found = {
        key: str(value)
        for key, value in properties.get("Environment", {}).get("Variables", {}).items()
    }
    found["AWS_LAMBDA_LOG_FORMAT"] = logging.get("LogFormat", "Text")
    found["AWS_LAMBDA_LOG_GROUP_NAME"] = logging.get("LogGroup", f"/aws/lambda/{name}")
    if level := logging.get("ApplicationLogLevel"):
        found["AWS_LAMBDA_LOG_LEVEL"] = level
    return found


def _delete_function(place: Place, existing: Existing) -> None:
    place.running.remove_function(existing.made.attributes["Arn"])


def _create_layer(place: Place, wanted: Wanted) -> Made:
    name = wanted.properties.get("LayerName") or wanted.logical_id
    arn = place.arn("lambda", f"layer:{name}:{next(_VERSIONS)}")
    place.running.layers[arn] = wanted.template.folder(
        wanted.properties["Content"], wanted.logical_id
    )
    return Made(arn, {"LayerVersionArn": arn})


def _delete_layer(place: Place, existing: Existing) -> None:
    del place.running.layers[existing.physical_id]


def _create_version(place: Place, wanted: Wanted) -> Made:
    arn = place.running.function_arn(wanted.properties["FunctionName"])
    return Made(f"{arn}:{next(_VERSIONS)}", {"Version": "1", "FunctionArn": arn})


# --- what invokes them ----------------------------------------------------------------------------


def _put_permission(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    properties = wanted.properties
    permission_id = existing.physical_id if existing else wanted.name()
    place.running.permissions[permission_id] = Permission(
        place.running.function_arn(properties["FunctionName"]),
        properties["Principal"],
        properties.get("SourceArn"),
    )
    return Made(permission_id, {"Id": permission_id})


def _delete_permission(place: Place, existing: Existing) -> None:
    del place.running.permissions[existing.physical_id]


def _put_invoke_config(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    properties = wanted.properties
    destinations = properties.get("DestinationConfig", {})
    if unknown := set(destinations) - {"OnFailure", "OnSuccess"}:
        raise NotKnown(f"{wanted.logical_id}: DestinationConfig's {', '.join(unknown)}")
    function = properties["FunctionName"]
    policy = Policy(
        max_retries=int(properties.get("MaximumRetryAttempts", 2)),
        max_age_s=float(properties.get("MaximumEventAgeInSeconds", 21600)),
        on_failure_arn=destinations.get("OnFailure", {}).get("Destination"),
        on_success_arn=destinations.get("OnSuccess", {}).get("Destination"),
        dead_letter_arn=place.running.policy(function).dead_letter_arn,
    )
    place.running.set_policy(function, policy)
    return existing.made if existing else Made(wanted.name())


def _delete_invoke_config(place: Place, existing: Existing) -> None:
    place.running.set_policy(existing.wanted.properties["FunctionName"], Policy())


def _create_source(place: Place, wanted: Wanted) -> Made:
    properties = wanted.properties
    if not properties["EventSourceArn"].startswith("arn:aws:sqs:"):
        raise NotKnown(f"{wanted.logical_id}: only queues are polled here")
    batch_size = int(properties.get("BatchSize", 10))
    window_s = float(properties.get("MaximumBatchingWindowInSeconds", 0))
    if batch_size > 10 and window_s < 1:
        raise DeploymentFailed(f"{wanted.logical_id}: more than 10 messages need a window of 1 s")
    scaling = properties.get("ScalingConfig", {})
    place.running.poll(
        source_id := wanted.name(),
        properties["FunctionName"],
        Source(
            properties["EventSourceArn"],
            batch_size,
            window_s,
            int(scaling.get("MaximumConcurrency", _DEFAULT_CONCURRENCY)),
            "ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        ),
    )
    return Made(source_id, {"Id": source_id})


def _delete_source(place: Place, existing: Existing) -> None:
    place.running.stop_polling(existing.physical_id)


def _keep_version(_place: Place, _existing: Existing) -> None:
    """Versions are names only: what runs here is always the newest code."""


TYPES = {
    "AWS::Lambda::Function": ResourceType(
        words(
            "Code DeadLetterConfig Environment FunctionName Handler Layers LoggingConfig "
            "MemorySize PackageType ReservedConcurrentExecutions Runtime Timeout"
        ),
        _create_function,
        _delete_function,
        _put_function,
        TAGS
        | {
            "Architectures": "the processor is this machine's",
            "Description": "nobody reads it",
            "EphemeralStorage": "the scratch folder is on this machine's disk",
            "KmsKeyArn": "variables are not encrypted here",
            "RecursiveLoop": "loops are not looked for here",
            "Role": "permissions are not checked here",
            "TracingConfig": "there are no traces here",
            "VpcConfig": "functions are on this machine's network",
        },
    ),
    "AWS::Lambda::LayerVersion": ResourceType(
        words("Content LayerName"),
        _create_layer,
        _delete_layer,
        ignored={
            "CompatibleArchitectures": "the processor is this machine's",
            "CompatibleRuntimes": "the function's own runtime is checked",
            "Description": "nobody reads it",
            "LicenseInfo": "nobody reads it",
        },
    ),
    "AWS::Lambda::Version": ResourceType(words("FunctionName"), _create_version, _keep_version),
    "AWS::Lambda::Permission": ResourceType(
        words("FunctionName Principal SourceArn"),
        _put_permission,
        _delete_permission,
        _put_permission,
        {
            "Action": "invoking is the only thing that is done to functions here",
            "SourceAccount": "there is one account",
        },
    ),
    "AWS::Lambda::EventInvokeConfig": ResourceType(
        words(
            "DestinationConfig FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier"
        ),
        _put_invoke_config,
        _delete_invoke_config,
        _put_invoke_config,
    ),
    "AWS::Lambda::EventSourceMapping": ResourceType(
        words(
            "BatchSize EventSourceArn FunctionName FunctionResponseTypes "
            "MaximumBatchingWindowInSeconds ScalingConfig"
        ),
        _create_source,
        _delete_source,
        ignored=TAGS,
    ),
}
