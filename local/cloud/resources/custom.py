"""Custom resources: a function is asked, and answers to a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloud.custom_resource import Request
from local.cloud.resources.resource_type import Existing, Made, Place, ResourceType, Wanted

if TYPE_CHECKING:
    from local.cloud.template import Json


def _create_custom(place: Place, wanted: Wanted) -> Made:
    return _ask(place, wanted, Request("Create", **_asked(wanted)))


def _update_custom(place: Place, wanted: Wanted, existing: Existing) -> Made:
    request = Request(
        "Update",
        **_asked(wanted),
        physical_id=existing.physical_id,
        old_properties=existing.wanted.properties,
    )
    return _ask(place, wanted, request)


def _delete_custom(place: Place, existing: Existing) -> None:
    request = Request("Delete", **_asked(existing.wanted), physical_id=existing.physical_id)
    _ask(place, existing.wanted, request)


def _ask(place: Place, wanted: Wanted, request: Request) -> Made:
    function = place.running.function(wanted.properties["ServiceToken"])
    return Made(*place.running.answers.ask(request, function.invoke))


def _asked(wanted: Wanted) -> dict[str, Json]:
    return {
        "stack_id": wanted.stack_id,
        "resource_type": wanted.type_name,
        "logical_id": wanted.logical_id,
        "properties": wanted.properties,
    }


CUSTOM = ResourceType(frozenset(), _create_custom, _delete_custom, _update_custom)
