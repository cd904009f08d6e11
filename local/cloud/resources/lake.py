"""Glue databases, table optimizers, Lake Formation's grants, Athena's workgroups and queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed
from local.cloud.resources.resource_type import (
    TAGS,
    Existing,
    Made,
    Place,
    ResourceType,
    Wanted,
    is_true,
    keep,
    picked,
    words,
)

if TYPE_CHECKING:
    from local.cloud.template import Json


def _create_database(place: Place, wanted: Wanted) -> Made:
    given = {"Name": wanted.name().lower(), **wanted.properties["DatabaseInput"]}
    place.client("glue").create_database(DatabaseInput=given)
    return Made(given["Name"])


def _update_database(place: Place, wanted: Wanted, existing: Existing) -> Made | None:
    given = {"Name": existing.physical_id, **wanted.properties["DatabaseInput"]}
    if given["Name"] != existing.physical_id:
        return None
    place.client("glue").update_database(Name=given["Name"], DatabaseInput=given)
    return existing.made


def _delete_database(place: Place, existing: Existing) -> None:
    place.client("glue").delete_database(Name=existing.physical_id)


def _create_optimizer(place: Place, wanted: Wanted) -> Made:
    """Find the table, as Glue does; moto has no optimizers, and nothing is optimized here."""
    properties = wanted.properties
    tables = place.client("glue").get_tables(DatabaseName=properties["DatabaseName"])["TableList"]
    if properties["TableName"] not in {table["Name"] for table in tables}:
        raise DeploymentFailed(f"{wanted.logical_id}: there is no table {properties['TableName']}")
    return Made(wanted.name())


def _granted(wanted: Wanted) -> dict[str, Json]:
    return picked(
        wanted.properties, "Permissions", "PermissionsWithGrantOption", "Principal", "Resource"
    )


def _create_grant(place: Place, wanted: Wanted) -> Made:
    """Grant it, so that it can be listed; nothing is checked against it."""
    place.client("lakeformation").grant_permissions(**_granted(wanted))
    return Made(wanted.name())


def _delete_grant(place: Place, existing: Existing) -> None:
    place.client("lakeformation").revoke_permissions(**_granted(existing.wanted))


def _configuration(wanted: Wanted) -> dict[str, object]:
    found = dict(wanted.properties.get("WorkGroupConfiguration", {}))
    for name, value in found.items():
        if name.endswith(("Enabled", "Configuration")) and isinstance(value, str):
            found[name] = is_true(value)
    if "BytesScannedCutoffPerQuery" in found:
        found["BytesScannedCutoffPerQuery"] = int(found["BytesScannedCutoffPerQuery"])
    return found


def _create_workgroup(place: Place, wanted: Wanted) -> Made:
    place.client("athena").create_work_group(
        Name=wanted.properties["Name"],
        Configuration=_configuration(wanted),
        Description=wanted.properties.get("Description", ""),
    )
    return Made(wanted.properties["Name"])


def _delete_workgroup(place: Place, existing: Existing) -> None:
    place.client("athena").delete_work_group(
        WorkGroup=existing.physical_id,
        RecursiveDeleteOption=is_true(
            existing.wanted.properties.get("RecursiveDeleteOption", False)
        ),
    )


def _update_workgroup(place: Place, wanted: Wanted, existing: Existing) -> Made | None:
    if wanted.properties["Name"] != existing.physical_id:
        return None
    _delete_workgroup(place, existing)  # moto's UpdateWorkGroup takes no whole configuration
    return _create_workgroup(place, wanted)


def _create_query(place: Place, wanted: Wanted) -> Made:
    answer = place.client("athena").create_named_query(
        Name=wanted.properties.get("Name") or wanted.name(),
        **picked(wanted.properties, "Database", "Description", "QueryString", "WorkGroup"),
    )
    return Made(answer["NamedQueryId"], {"NamedQueryId": answer["NamedQueryId"]})


def _delete_query(place: Place, existing: Existing) -> None:
    place.client("athena").delete_named_query(NamedQueryId=existing.physical_id)


TYPES = {
    "AWS::Glue::Database": ResourceType(
        words("CatalogId DatabaseInput"), _create_database, _delete_database, _update_database
    ),
    "AWS::Glue::TableOptimizer": ResourceType(
        words("CatalogId DatabaseName TableName TableOptimizerConfiguration Type"),
        _create_optimizer,
        keep,
    ),
    "AWS::LakeFormation::PrincipalPermissions": ResourceType(
        words("Permissions PermissionsWithGrantOption Principal Resource"),
        _create_grant,
        _delete_grant,
    ),
    "AWS::Athena::WorkGroup": ResourceType(
        words("Description Name RecursiveDeleteOption WorkGroupConfiguration"),
        _create_workgroup,
        _delete_workgroup,
        _update_workgroup,
        TAGS | {"State": "queries are not run by a workgroup here"},
    ),
    "AWS::Athena::NamedQuery": ResourceType(
        words("Database Description Name QueryString WorkGroup"), _create_query, _delete_query
    ),
}
