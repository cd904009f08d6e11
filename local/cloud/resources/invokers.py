"""Rules and schedules of EventBridge, and HTTP APIs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from local.cloud.api_definition import read_definition
from local.cloud.event_bus import Rule
from local.cloud.exceptions import NotKnown
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
from local.cloud.running import operation

if TYPE_CHECKING:
    from local.cloud.api_definition import Definition

# --- EventBridge ----------------------------------------------------------------------------------


def _put_rule(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made | None:
    properties = wanted.properties
    name = properties.get("Name") or (existing.physical_id if existing else wanted.name())
    if existing and existing.physical_id != name:
        return None
    if properties.get("EventBusName", "default") != "default":
        raise NotKnown(f"{wanted.logical_id}: there is only the default bus")
    arn = place.arn("events", f"rule/{name}")
    if properties.get("State", "ENABLED") == "ENABLED":
        rule = Rule(
            arn,
            properties.get("EventPattern"),
            properties.get("ScheduleExpression"),
            properties.get("Targets", []),
        )
        place.running.bus.put_rule(rule)
    else:
        place.running.bus.remove_rule(arn)
    return Made(name, {"Arn": arn})


def _create_rule(place: Place, wanted: Wanted) -> Made:
    made = _put_rule(place, wanted)
    assert made is not None
    return made


def _delete_rule(place: Place, existing: Existing) -> None:
    place.running.bus.remove_rule(existing.made.attributes["Arn"])


# --- EventBridge Scheduler ------------------------------------------------------------------------


def _put_schedule(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made | None:
    properties = wanted.properties
    name = properties.get("Name") or (existing.physical_id if existing else wanted.name())
    if existing and existing.physical_id != name:
        return None
    if properties["FlexibleTimeWindow"] != {"Mode": "OFF"}:
        raise NotKnown(f"{wanted.logical_id}: there are no flexible windows")
    # Its role is not looked at: permissions are not checked here.
    target = {name: told for name, told in properties["Target"].items() if name != "RoleArn"}
    operation(place.client, target["Arn"])
    arn = place.arn("scheduler", f"schedule/default/{name}")
    place.running.bus.put_rule(
        Rule(arn, None, properties["ScheduleExpression"], [{"Id": "target", **target}])
    )
    return Made(name, {"Arn": arn})


def _create_schedule(place: Place, wanted: Wanted) -> Made:
    made = _put_schedule(place, wanted)
    assert made is not None
    return made


# --- API Gateway ----------------------------------------------------------------------------------


def _definition(wanted: Wanted) -> Definition:
    return read_definition(
        wanted.properties["Body"], wanted.properties.get("CorsConfiguration", {})
    )


def _create_api(place: Place, wanted: Wanted) -> Made:
    api_id = uuid.uuid4().hex[:10]
    api = place.running.serve(api_id, _definition(wanted))
    return Made(api_id, {"ApiEndpoint": api.url, "ApiId": api_id})


def _update_api(place: Place, wanted: Wanted, existing: Existing) -> Made:
    place.running.serve(existing.physical_id, _definition(wanted))
    return existing.made


def _delete_api(place: Place, existing: Existing) -> None:
    place.running.stop_serving(existing.physical_id)


def _put_stage(_place: Place, wanted: Wanted, _existing: Existing | None = None) -> Made:
    # Another stage is part of the path, which routes here do not know.
    if wanted.properties["StageName"] != "$default":
        raise NotKnown(f"{wanted.logical_id}: the only stage is $default")
    return Made(wanted.properties["StageName"])


TYPES = {
    "AWS::Events::Rule": ResourceType(
        words("EventBusName EventPattern Name ScheduleExpression State Targets"),
        _create_rule,
        _delete_rule,
        _put_rule,
        TAGS | {"Description": "nobody reads it"},
    ),
    "AWS::Scheduler::Schedule": ResourceType(
        words("FlexibleTimeWindow Name ScheduleExpression Target"),
        _create_schedule,
        _delete_rule,
        _put_schedule,
        {"Description": "nobody reads it"},
    ),
    "AWS::ApiGatewayV2::Api": ResourceType(
        words("Body CorsConfiguration"),
        _create_api,
        _delete_api,
        _update_api,
        TAGS
        | {
            "Description": "nobody reads it",
            "FailOnWarnings": "what is not known fails in any case",
            "Name": "nobody reads it",
        },
    ),
    "AWS::ApiGatewayV2::Stage": ResourceType(
        words("ApiId AutoDeploy StageName"),
        _put_stage,
        keep,
        _put_stage,
        TAGS
        | {
            "AccessLogSettings": "there is no access log",
            "DefaultRouteSettings": "requests are not limited: the clock may be a fast one",
            "Description": "nobody reads it",
            "RouteSettings": "requests are not limited: the clock may be a fast one",
        },
    ),
}
