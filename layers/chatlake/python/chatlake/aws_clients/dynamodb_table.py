"""Items of a DynamoDB table: read as they are, and changed only if they are as expected."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateItemOutputTypeDef

    from chatlake.aws_clients.update_expression import UpdateExpression

type Item = Mapping[str, AttributeValueTypeDef]

KEYS_AT_ONCE = 100
"""BatchGetItem takes no more."""


class DynamoDBTable:
    """The items of one table whose keys begin with a prefix; names are keys without it."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, prefix: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._prefix = prefix

    def read(self, name: str) -> Item | None:
        """Return an item by a strongly consistent read; None if there is none."""
        found = self._dynamodb.get_item(
            TableName=self._table, Key=self._key(name), ConsistentRead=True
        )
        return found.get("Item")

    def read_many(self, names: Collection[str], *, consistent: bool = True) -> dict[str, Item]:
        """Return the items of those names that there are, by name."""
        found: dict[str, Item] = {}
        for some in batched(sorted(set(names)), KEYS_AT_ONCE, strict=False):
            keys = [self._key(name) for name in some]
            request: Any = {self._table: {"Keys": keys, "ConsistentRead": consistent}}
            while request:
                answer = self._dynamodb.batch_get_item(RequestItems=request)
                for item in answer["Responses"][self._table]:
                    found[item["key"]["S"].removeprefix(self._prefix)] = item
                request = answer.get("UnprocessedKeys")
        return found

    def change(self, name: str, change: UpdateExpression, *conditions: str) -> bool:
        """Change an item, or make it, in one request; return whether the conditions held."""
        try:
            self._update(name, change, " AND ".join(conditions))
        except ClientError as error:
            return _refused(error)
        return True

    def changed(self, name: str, change: UpdateExpression) -> Item:
        """Change an item, or make it; return what the changed attributes are now."""
        return self._update(name, change, "", ReturnValues="UPDATED_NEW")["Attributes"]

    def _update(
        self, name: str, change: UpdateExpression, condition: str, **options: Any
    ) -> UpdateItemOutputTypeDef:
        expression, names, values = change.expression()
        # What no expression mentions may not be sent along.
        used = {place: value for place, value in values.items() if place in expression + condition}
        request: dict[str, Any] = {
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": used,
            "ConditionExpression": condition,
        }
        given = {option: value for option, value in request.items() if value}
        return self._dynamodb.update_item(
            TableName=self._table, Key=self._key(name), **given, **options
        )

    def delete(
        self,
        name: str,
        condition: str | None = None,
        values: Mapping[str, AttributeValueTypeDef] | None = None,
    ) -> bool:
        """Delete an item, which need not be there; return whether the condition held."""
        request: dict[str, Any] = {
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=self._key(name),
                **{option: value for option, value in request.items() if value},
            )
        except ClientError as error:
            return _refused(error)
        return True

    def _key(self, name: str) -> Item:
        return {"key": {"S": self._prefix + name}}


def _refused(error: ClientError) -> bool:
    """Return False for a condition that did not hold; all else is raised."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return False
    raise error
