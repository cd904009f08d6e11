"""Write docs/deploy-role.json: what the role may that deploys, updates and deletes the stack.

What CloudFormation does for a type of resource is told by the handlers of its schema, which
cfn-lint carries. What of that no property of the template comes to is left out, each with the
reason.
"""

from __future__ import annotations

import json
from typing import Any

from local.cloud.schema_check import handlers
from tools.artifacts import ROOT
from tools.cloudformation import as_cloudformation

PAGE = ROOT / "docs" / "deploy-role.json"

# By the beginnings of actions, or by all of one.
LEFT_OUT = {
    "app-integrations:": "only functions are associated with the instance",
    "cases:": "only functions are associated with the instance",
    "connect:AssociateBot": "only functions are associated with the instance",
    "connect:DisassociateBot": "only functions are associated with the instance",
    "connect:ListBots": "only functions are associated with the instance",
    "dynamodb:AssociateTableReplica": "tables are of one Region",
    "dynamodb:BatchWriteItem": "nothing is imported or copied into a table",
    "dynamodb:CreateTableReplica": "tables are of one Region",
    "dynamodb:DeleteItem": "nothing is imported or copied into a table",
    "dynamodb:DescribeImport": "nothing is imported or copied into a table",
    "dynamodb:DisableKinesisStreamingDestination": "tables have no streams",
    "dynamodb:EnableKinesisStreamingDestination": "tables have no streams",
    "dynamodb:GetItem": "nothing is imported or copied into a table",
    "dynamodb:ImportTable": "nothing is imported or copied into a table",
    "dynamodb:PutItem": "nothing is imported or copied into a table",
    "dynamodb:Query": "nothing is imported or copied into a table",
    "dynamodb:Scan": "nothing is imported or copied into a table",
    "dynamodb:UpdateItem": "nothing is imported or copied into a table",
    "dynamodb:UpdateKinesisStreamingDestination": "tables have no streams",
    "ds:": "only functions are associated with the instance",
    "elasticfilesystem:": "functions mount nothing",
    "firehose:": "logs are delivered nowhere",
    "glue:CreateConnection": "the database is of this account",
    "glue:DeleteConnection": "the database is of this account",
    "glue:GetConnection": "the database is of this account",
    "glue:PassConnection": "the database is of this account",
    "glue:UpdateConnection": "the database is of this account",
    "iam:AttachRolePolicy": "roles have no managed policies",
    "iam:CreateServiceLinkedRole": "nothing scales by itself, and Athena asks no Identity Center",
    "kinesis:": "tables have no streams",
    "lambda:AssociateRuntimeAlias": "functions have the newest runtime",
    "lambda:DeleteFunctionCodeSigningConfig": "code is not signed",
    "lambda:PassCapacityProvider": "functions have no instances of their own",
    "lambda:PutFunctionCodeSigningConfig": "code is not signed",
    "lambda:PutFunctionScalingConfig": "functions have no instances of their own",
    "lambda:PutRuntimeManagementConfig": "functions have the newest runtime",
    "lambda:addPermission": "written so by mistake in a schema",
    "lex:": "only functions are associated with the instance",
    "logs:DeleteDataProtectionPolicy": "the log group has no policies",
    "logs:DeleteIndexPolicy": "the log group has no policies",
    "logs:DeleteResourcePolicy": "the log group has no policies",
    "logs:PutBearerTokenAuthentication": "nobody writes logs with a token",
    "logs:PutDataProtectionPolicy": "the log group has no policies",
    "logs:PutIndexPolicy": "the log group has no policies",
    "logs:PutLogGroupDeletionProtection": "the log group goes with the stack",
    "mobiletargeting:": "only functions are associated with the instance",
    "s3:CreateBucketMetadataTableConfiguration": "buckets have no tables of metadata",
    "s3:DeleteBucketMetadataTableConfiguration": "buckets have no tables of metadata",
    "s3:GetObjectMetadata": "nothing is imported or copied into a table",
    "s3:PutBucketAbac": "access does not go by tags",
    "s3:PutBucketAcl": "buckets have no ACLs",
    "s3:PutBucketObjectLockConfiguration": "objects are not locked",
    "s3:PutObjectAcl": "buckets have no ACLs",
    "s3:PutObjectLockConfiguration": "objects are not locked",
    "s3:PutReplicationConfiguration": "buckets are not replicated",
    "s3:PutBucketReplication": "buckets are not replicated",
    "s3:DeleteBucketReplication": "buckets are not replicated",
    "s3:REST.PUT.OBJECT": "no action of IAM",
    "s3:UpdateBucketMetadata": "buckets have no tables of metadata",
    "s3:getObject": "written so by mistake in a schema",
    "s3files:": "functions mount nothing",
    "s3tables:": "buckets have no tables of metadata",
    "ses:": "only functions are associated with the instance",
    "sns:PutDataProtectionPolicy": "the topic has no such policy",
    "voiceid:": "only functions are associated with the instance",
    "wisdom:": "only functions are associated with the instance",
}
# The stack's own names begin with that of the stack.
_ON = {
    "apigateway": ["arn:aws:apigateway:REGION::/*"],
    "athena": [
        "arn:aws:athena:REGION:ACCOUNT:workgroup/STACK",
        "arn:aws:athena:REGION:ACCOUNT:workgroup/STACK-maintenance",
    ],
    "cloudwatch": [
        "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:STACK-*",
        "arn:aws:cloudwatch::ACCOUNT:dashboard/STACK-*",
    ],
    "connect": [
        "arn:aws:connect:REGION:ACCOUNT:instance/INSTANCE",
        "arn:aws:connect:REGION:ACCOUNT:instance/INSTANCE/*",
    ],
    "dynamodb": ["arn:aws:dynamodb:REGION:ACCOUNT:table/STACK-*"],
    "events": ["arn:aws:events:REGION:ACCOUNT:rule/STACK-*"],
    "glue": [
        "arn:aws:glue:REGION:ACCOUNT:catalog",
        "arn:aws:glue:REGION:ACCOUNT:database/DATABASE",
        "arn:aws:glue:REGION:ACCOUNT:table/DATABASE/*",
    ],
    "iam": ["arn:aws:iam::ACCOUNT:role/STACK-*"],
    "kms": ["arn:aws:kms:REGION:ACCOUNT:key/*"],
    "lambda": [
        "arn:aws:lambda:REGION:ACCOUNT:function:STACK-*",
        "arn:aws:lambda:REGION:ACCOUNT:layer:*",
    ],
    "logs": [
        "arn:aws:logs:REGION:ACCOUNT:log-group:STACK-*",
        "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/vendedlogs/STACK-*",
    ],
    "s3": ["arn:aws:s3:::STACK-*", "arn:aws:s3:::CODE"],
    "scheduler": ["arn:aws:scheduler:REGION:ACCOUNT:schedule/default/STACK-*"],
    "sns": ["arn:aws:sns:REGION:ACCOUNT:STACK-*"],
    "sqs": ["arn:aws:sqs:REGION:ACCOUNT:STACK-*"],
}
# By which an API writes its access log, for whoever says so:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
# What is asked of no resource, or of one that has no name yet.
ON_ALL = {
    *_DELIVERY,
    "cloudwatch:DescribeAlarms",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "kms:CreateKey",
    "kms:ListAliases",
    "lakeformation:DescribeLakeFormationIdentityCenterConfiguration",
    "lakeformation:DescribeResource",
    "lakeformation:GrantPermissions",
    "lakeformation:ListPermissions",
    "lakeformation:ListResources",
    "lakeformation:RevokePermissions",
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:GetEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
}
_PASSED = "iam:PassRole"
_OBJECTS = {
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}
# What services do with a key for whoever makes what it encrypts.
_BY_SERVICES = {
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:RevokeGrant",
}
_STACK = [
    "CreateChangeSet",
    "DeleteChangeSet",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeStackEvents",
    "DescribeStackResources",
    "DescribeStacks",
    "ExecuteChangeSet",
    "GetTemplate",
    "GetTemplateSummary",
]
HANDLERS = ("create", "read", "update", "delete")


def actions(types: set[str]) -> set[str]:
    """Return what CloudFormation does for types of resources, but what is left out."""
    asked = {action for one in types for action in handlers(one, HANDLERS)}
    return {action for action in asked if not action.startswith(tuple(LEFT_OUT))}


def policy() -> dict[str, Any]:
    """Return the policy."""
    types = {resource["Type"] for resource in as_cloudformation()["Resources"].values()}
    wanted = actions({one for one in types if not one.startswith("Custom::")})
    # The custom resource, which CloudFormation invokes; and files of the code.
    wanted |= {"lambda:InvokeFunction", "s3:PutObject", *_DELIVERY}
    by_service: dict[str, list[str]] = {}
    for action in sorted(wanted - ON_ALL - {_PASSED}):
        by_service.setdefault(action.partition(":")[0], []).append(action)
    by_service["kms"] = [action for action in by_service["kms"] if action not in _BY_SERVICES]
    passed = ("glue", "lambda", "scheduler")
    services = {"iam:PassedToService": [f"{name}.amazonaws.com" for name in passed]}
    by_service["s3"] = [action for action in by_service["s3"] if action not in _OBJECTS]
    through = {"kms:ViaService": "*.REGION.amazonaws.com"}
    statements = [
        _statement(
            "Stack",
            [f"cloudformation:{action}" for action in _STACK],
            [
                "arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*",
                "arn:aws:cloudformation:REGION:aws:transform/Serverless-2016-10-31",
            ],
        ),
        *(_statement(name.title(), found, _ON[name]) for name, found in by_service.items()),
        # Of the code alone, not of what the stack keeps.
        _statement("Code", sorted(_OBJECTS & wanted), ["arn:aws:s3:::CODE/*"]),
        _statement("PassRoles", [_PASSED], _ON["iam"]) | {"Condition": {"StringEquals": services}},
        # Not by itself: the services do that make what is encrypted.
        _statement("UseKeyThroughServices", sorted(_BY_SERVICES & wanted), _ON["kms"])
        | {"Condition": {"StringLike": through}},
        _statement("OfNoResource", sorted(wanted & ON_ALL), ["*"]),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(sid: str, found: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": found, "Resource": resources}


def text() -> str:
    """Return it as the page has it."""
    return json.dumps(policy(), indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
