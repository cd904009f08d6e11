"""Every type of resource that the local cloud makes."""

from __future__ import annotations

from local.cloud.resources import (
    access,
    compute,
    contact_center,
    invokers,
    lake,
    messaging,
    observation,
    storage,
)
from local.cloud.resources.resource_type import ResourceType

RESOURCE_TYPES: dict[str, ResourceType] = {
    **access.TYPES,
    **compute.TYPES,
    **contact_center.TYPES,
    **invokers.TYPES,
    **lake.TYPES,
    **messaging.TYPES,
    **observation.TYPES,
    **storage.TYPES,
}
