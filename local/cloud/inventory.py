"""Everything that is there in a cloud, by type: what is left of a stack that was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jmespath  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cloud.running import Running

_DASHBOARDS = "DashboardEntries[].DashboardName"
# Type, service, operation, and where the names are in its answer.
_LISTED = (
    ("AWS::S3::Bucket", "s3", "list_buckets", "Buckets[].Name"),
    ("AWS::DynamoDB::Table", "dynamodb", "list_tables", "TableNames"),
    ("AWS::KMS::Alias", "kms", "list_aliases", "Aliases[].AliasName"),
    ("AWS::Glue::Database", "glue", "get_databases", "DatabaseList[].Name"),
    ("AWS::Athena::WorkGroup", "athena", "list_work_groups", "WorkGroups[].Name"),
    ("AWS::SQS::Queue", "sqs", "list_queues", "QueueUrls"),
    ("AWS::SNS::Topic", "sns", "list_topics", "Topics[].TopicArn"),
    ("AWS::SNS::Subscription", "sns", "list_subscriptions", "Subscriptions[].SubscriptionArn"),
    ("AWS::CloudWatch::Alarm", "cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
    ("AWS::CloudWatch::Dashboard", "cloudwatch", "list_dashboards", _DASHBOARDS),
    ("AWS::Logs::LogGroup", "logs", "describe_log_groups", "logGroups[].logGroupName"),
    ("AWS::IAM::Role", "iam", "list_roles", "Roles[].RoleName"),
)
_OF_AWS = ("alias/aws/", "primary")
"""So begin the names of what every account has: aliases of keys, and a workgroup."""


def inventory(client: Callable[[str], Any], running: Running) -> dict[str, set[str]]:
    """Return the names of all that is there, by type; types of which there is nothing are left out.

    What goes with another resource, such as the policy of a bucket, is not listed. A key that is to
    be deleted counts as gone, as it does in a bill.
    """
    found = {
        kind: {name for name in _names(client(of), call, path) if not name.startswith(_OF_AWS)}
        for kind, of, call, path in _LISTED
    }
    # Others than our own are AWS's.
    policies = client("iam").list_policies(Scope="Local")["Policies"]
    found["AWS::IAM::ManagedPolicy"] = {policy["Arn"] for policy in policies}
    found["AWS::KMS::Key"] = set(_keys(client("kms")))
    found |= running.inventory()
    return {kind: names for kind, names in found.items() if names}


def _names(client: Any, call: str, path: str) -> list[str]:
    if client.can_paginate(call):
        return [name for name in client.get_paginator(call).paginate().search(path) if name]
    names: list[str] = jmespath.search(path, getattr(client, call)()) or []
    return names


def _keys(kms: Any) -> list[str]:
    pages = kms.get_paginator("list_keys").paginate()
    keys = [kms.describe_key(KeyId=key)["KeyMetadata"] for key in pages.search("Keys[].KeyId")]
    return [
        key["KeyId"]
        for key in keys
        if key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion"
    ]
