"""Protection of DynamoDB tables against deletion, once the stack around them stands.

The template itself cannot turn it on: where a first deployment fails, CloudFormation deletes what
it has made, and a table that is protected would stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_dynamodb import DynamoDBClient


def protect(dynamodb: DynamoDBClient, tables: Iterable[str]) -> None:
    """Let nobody delete these tables before the protection is taken off.

    Raises
    ------
    botocore.exceptions.ClientError
        DynamoDB refused.
    """
    for table in tables:
        if not is_protected(dynamodb, table):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)


def is_protected(dynamodb: DynamoDBClient, table: str) -> bool:
    """Return whether a table is protected: the stack around it stood, or somebody has done it."""
    described = dynamodb.describe_table(TableName=table)["Table"]
    return bool(described.get("DeletionProtectionEnabled"))
