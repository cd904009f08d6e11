"""Buckets, DynamoDB tables and keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed, NotKnown
from local.cloud.resources.resource_type import (
    TAGS,
    Existing,
    Made,
    Place,
    ResourceType,
    Wanted,
    is_true,
    picked,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cloud.template import Json

# --- S3 -------------------------------------------------------------------------------------------

_LIFECYCLE_SAME = (
    "AbortIncompleteMultipartUpload", "Filter", "NoncurrentVersionExpiration", "Prefix", "Status",
)  # fmt: skip
_LIFECYCLE = {*_LIFECYCLE_SAME, "ExpirationInDays", "ExpiredObjectDeleteMarker", "Id"}


def _create_bucket(place: Place, wanted: Wanted) -> Made:
    name = wanted.properties.get("BucketName") or wanted.name().lower()
    place.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": place.region}
    )
    return _configure_bucket(place, wanted, name)


def _update_bucket(place: Place, wanted: Wanted, existing: Existing) -> Made | None:
    if wanted.properties.get("BucketName", existing.physical_id) != existing.physical_id:
        return None
    return _configure_bucket(place, wanted, existing.physical_id)


def _configure_bucket(place: Place, wanted: Wanted, name: str) -> Made:
    s3, properties = place.client("s3"), wanted.properties
    if encryption := properties.get("BucketEncryption"):
        rules = [
            {
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                "BucketKeyEnabled": is_true(rule.get("BucketKeyEnabled", False)),
            }
            for rule in encryption["ServerSideEncryptionConfiguration"]
        ]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    if block := properties.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={key: is_true(value) for key, value in block.items()},
        )
    if controls := properties.get("OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=controls)
    if versioning := properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if lifecycle := properties.get("LifecycleConfiguration"):
        rules = [_lifecycle_rule(rule, wanted.logical_id) for rule in lifecycle["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    domain = f"{name}.s3.{place.region}.amazonaws.com"
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": domain,
    }
    return Made(name, attributes)


def _lifecycle_rule(rule: Mapping[str, Json], logical_id: str) -> dict[str, Json]:
    if unknown := set(rule) - _LIFECYCLE:
        raise NotKnown(f"{logical_id}: lifecycle rules' {', '.join(sorted(unknown))}")
    found = picked(rule, *_LIFECYCLE_SAME)
    for name in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if name in found:
            found[name] = {key: int(value) for key, value in found[name].items()}
    if "Filter" not in found:
        found["Filter"] = {"Prefix": found.pop("Prefix", "")}
    if "Id" in rule:
        found["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        found["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    elif is_true(rule.get("ExpiredObjectDeleteMarker")):
        found["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    return found


def _delete_bucket(place: Place, existing: Existing) -> None:
    place.client("s3").delete_bucket(Bucket=existing.physical_id)


def _put_bucket_policy(place: Place, wanted: Wanted, _existing: Existing | None = None) -> Made:
    bucket = wanted.properties["Bucket"]
    policy = dict(wanted.properties["PolicyDocument"])
    # moto enforces denials, but none of their conditions, and loopback has no TLS.
    policy["Statement"] = [
        statement for statement in policy["Statement"] if "Condition" not in statement
    ]
    if policy["Statement"]:
        place.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return Made(bucket)


def _delete_bucket_policy(place: Place, existing: Existing) -> None:
    place.client("s3").delete_bucket_policy(Bucket=existing.physical_id)


# --- DynamoDB -------------------------------------------------------------------------------------

_TABLE_SAME = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")


def _create_table(place: Place, wanted: Wanted) -> Made:
    properties = wanted.properties
    name = properties.get("TableName") or wanted.name()
    dynamodb = place.client("dynamodb")
    more = {}
    if sse := properties.get("SSESpecification"):
        more["SSESpecification"] = {
            ("Enabled" if key == "SSEEnabled" else key): value for key, value in sse.items()
        }
    table = dynamodb.create_table(TableName=name, **picked(properties, *_TABLE_SAME), **more)
    _configure_table(place, wanted, name)
    return Made(name, {"Arn": table["TableDescription"]["TableArn"]})


def _update_table(place: Place, wanted: Wanted, existing: Existing) -> Made:
    for name in (*_TABLE_SAME, "TableName", "SSESpecification"):
        if wanted.properties.get(name) != existing.wanted.properties.get(name):
            raise DeploymentFailed(f"{wanted.logical_id}: a change of {name} is not known here")
    _configure_table(place, wanted, existing.physical_id)
    return existing.made


def _configure_table(place: Place, wanted: Wanted, name: str) -> None:
    dynamodb = place.client("dynamodb")
    if lifetime := wanted.properties.get("TimeToLiveSpecification"):
        specification = {**lifetime, "Enabled": is_true(lifetime["Enabled"])}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    if recovery := wanted.properties.get("PointInTimeRecoverySpecification"):
        enabled = is_true(recovery["PointInTimeRecoveryEnabled"])
        dynamodb.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled},
        )


def _delete_table(place: Place, existing: Existing) -> None:
    place.client("dynamodb").delete_table(TableName=existing.physical_id)


# --- KMS ------------------------------------------------------------------------------------------


def _create_key(place: Place, wanted: Wanted) -> Made:
    kms = place.client("kms")
    key = kms.create_key(Description=wanted.properties.get("Description", ""))["KeyMetadata"]
    _configure_key(place, wanted, key["KeyId"])
    return Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _update_key(place: Place, wanted: Wanted, existing: Existing) -> Made:
    _configure_key(place, wanted, existing.physical_id)
    return existing.made


def _configure_key(place: Place, wanted: Wanted, key_id: str) -> None:
    kms = place.client("kms")
    policy = json.dumps(wanted.properties["KeyPolicy"])
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy)
    if is_true(wanted.properties.get("EnableKeyRotation", False)):
        kms.enable_key_rotation(KeyId=key_id)


def _delete_key(place: Place, existing: Existing) -> None:
    kms = place.client("kms")
    kms.schedule_key_deletion(KeyId=existing.physical_id, PendingWindowInDays=7)


def _create_alias(place: Place, wanted: Wanted) -> Made:
    name = wanted.properties["AliasName"]
    place.client("kms").create_alias(AliasName=name, TargetKeyId=wanted.properties["TargetKeyId"])
    return Made(name)


def _delete_alias(place: Place, existing: Existing) -> None:
    place.client("kms").delete_alias(AliasName=existing.physical_id)


TYPES = {
    "AWS::S3::Bucket": ResourceType(
        words(
            "BucketEncryption BucketName LifecycleConfiguration OwnershipControls "
            "PublicAccessBlockConfiguration VersioningConfiguration"
        ),
        _create_bucket,
        _delete_bucket,
        _update_bucket,
        TAGS
        | {
            "LoggingConfiguration": "nobody reads who asked for what",
            "NotificationConfiguration": "events of buckets are put on the bus by whoever tests",
        },
    ),
    "AWS::S3::BucketPolicy": ResourceType(
        words("Bucket PolicyDocument"), _put_bucket_policy, _delete_bucket_policy
    ),
    "AWS::DynamoDB::Table": ResourceType(
        words(
            "AttributeDefinitions BillingMode GlobalSecondaryIndexes KeySchema "
            "PointInTimeRecoverySpecification SSESpecification TableName TimeToLiveSpecification"
        ),
        _create_table,
        _delete_table,
        _update_table,
        TAGS | {"DeletionProtectionEnabled": "nothing here deletes tables but stacks"},
    ),
    "AWS::KMS::Key": ResourceType(
        words("Description EnableKeyRotation KeyPolicy"),
        _create_key,
        _delete_key,
        _update_key,
        TAGS | {"PendingWindowInDays": "a cloud does not live that long"},
    ),
    "AWS::KMS::Alias": ResourceType(words("AliasName TargetKeyId"), _create_alias, _delete_alias),
}
