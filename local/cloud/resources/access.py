"""Roles and policies: made, so that their documents are read; nothing is checked against them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.cloud.resources.resource_type import (
    TAGS,
    Existing,
    Made,
    Place,
    ResourceType,
    Wanted,
    words,
)

if TYPE_CHECKING:
    from local.cloud.template import Json

_NAME_LENGTH = 64


def _create_role(place: Place, wanted: Wanted) -> Made:
    name = wanted.properties.get("RoleName") or wanted.name()[-_NAME_LENGTH:].lstrip("-")
    document = _document(wanted.properties["AssumeRolePolicyDocument"])
    iam = place.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    for policy in wanted.properties.get("Policies", []):
        _put_inline(place, name, policy)
    for arn in wanted.properties.get("ManagedPolicyArns", []):
        if not _is_of_aws(arn):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _put_inline(place: Place, role_name: str, policy: Json) -> None:
    place.client("iam").put_role_policy(
        RoleName=role_name,
        PolicyName=policy["PolicyName"],
        PolicyDocument=_document(policy["PolicyDocument"]),
    )


def _document(policy: Json) -> str:
    # SAM writes some without a version, which IAM takes and moto does not.
    return json.dumps({"Version": "2012-10-17", **policy})


def _is_of_aws(arn: str) -> bool:
    # moto loads AWS's own policies only on demand, which takes longer than a deployment.
    return arn.startswith("arn:aws:iam::aws:policy/")


def _delete_role(place: Place, existing: Existing) -> None:
    iam, name = place.client("iam"), existing.physical_id
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


def _create_policy(place: Place, wanted: Wanted) -> Made:
    for role in wanted.properties.get("Roles", []):
        _put_inline(place, role, wanted.properties)
    return Made(wanted.properties["PolicyName"])


def _delete_policy(place: Place, existing: Existing) -> None:
    for role in existing.wanted.properties.get("Roles", []):
        place.client("iam").delete_role_policy(RoleName=role, PolicyName=existing.physical_id)


def _create_role_policy(place: Place, wanted: Wanted) -> Made:
    _put_inline(place, wanted.properties["RoleName"], wanted.properties)
    return Made(f"{wanted.properties['PolicyName']}|{wanted.properties['RoleName']}")


def _delete_role_policy(place: Place, existing: Existing) -> None:
    name, role = existing.physical_id.split("|")
    place.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def _create_managed_policy(place: Place, wanted: Wanted) -> Made:
    iam = place.client("iam")
    policy = iam.create_policy(
        PolicyName=wanted.properties.get("ManagedPolicyName") or wanted.name(),
        Description=wanted.properties.get("Description", ""),
        PolicyDocument=_document(wanted.properties["PolicyDocument"]),
    )["Policy"]
    for role in wanted.properties.get("Roles", []):
        iam.attach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
    return Made(policy["Arn"], {"PolicyArn": policy["Arn"]})


def _delete_managed_policy(place: Place, existing: Existing) -> None:
    iam, arn = place.client("iam"), existing.physical_id
    for role in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]:
        iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)


_ROLE_IGNORED = TAGS | {
    "Description": "nobody reads it",
    "MaxSessionDuration": "nobody assumes roles",
    "Path": "nobody looks for roles by path",
    "PermissionsBoundary": "permissions are not checked",
}

TYPES = {
    "AWS::IAM::Role": ResourceType(
        words("AssumeRolePolicyDocument ManagedPolicyArns Policies RoleName"),
        _create_role,
        _delete_role,
        ignored=_ROLE_IGNORED,
    ),
    "AWS::IAM::Policy": ResourceType(
        words("PolicyDocument PolicyName Roles"), _create_policy, _delete_policy
    ),
    "AWS::IAM::RolePolicy": ResourceType(
        words("PolicyDocument PolicyName RoleName"), _create_role_policy, _delete_role_policy
    ),
    "AWS::IAM::ManagedPolicy": ResourceType(
        words("Description ManagedPolicyName PolicyDocument Roles"),
        _create_managed_policy,
        _delete_managed_policy,
        ignored={"Path": "nobody looks for policies by path"},
    ),
}
