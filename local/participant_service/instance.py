"""The instance itself: what is asked of it before anything is deployed beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.scripted.contact_center import ACCOUNT_ID, INSTANCE_ALIAS, INSTANCE_ARN

if TYPE_CHECKING:
    from local.scripted.items import JsonObject

_TRANSCRIPTS = "CHAT_TRANSCRIPTS"


def about_instance(parameters: JsonObject, exports_to: str) -> JsonObject:
    """Answer ListInstanceStorageConfigs, if there is a kind of resource, else DescribeInstance."""
    if "ResourceType" in parameters:
        return _storage(parameters["ResourceType"], exports_to)
    return {"Instance": _described(parameters["InstanceId"])}


def _described(instance_id: str) -> JsonObject:
    role = "aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect"
    return {
        "Id": instance_id,
        "Arn": f"{INSTANCE_ARN.rpartition('/')[0]}/{instance_id}",
        "IdentityManagementType": "CONNECT_MANAGED",
        "InstanceAlias": INSTANCE_ALIAS,
        "ServiceRole": f"arn:aws:iam::{ACCOUNT_ID}:role/{role}",
        "InstanceStatus": "ACTIVE",
        "InboundCallsEnabled": True,
        "OutboundCallsEnabled": True,
    }


def _storage(resource_type: str, exports_to: str) -> JsonObject:
    """Tell where transcripts go; nothing else is stored."""
    bucket, _, prefix = exports_to.partition("/")
    if resource_type != _TRANSCRIPTS or not bucket:
        return {"StorageConfigs": []}
    config = {"BucketName": bucket, "BucketPrefix": prefix}
    return {"StorageConfigs": [{"AssociationId": "1", "StorageType": "S3", "S3Config": config}]}
