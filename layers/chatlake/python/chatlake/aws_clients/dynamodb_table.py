"""Items of a DynamoDB table: read as they are, and changed only if they are as expected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateItemOutputTypeDef

    from chatlake.aws_clients.update_expression import UpdateExpression

type Item = Mapping[str, AttributeValueTypeDef]

KEYS_AT_ONCE = 100
"""BatchGetItem takes no more."""

_WRITES_AT_ONCE = 25


class DynamoDBItems[Name](ABC):
    """Items of one table; what an item's name is, and its key, a kind of table says."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    @abstractmethod
    def _key(self, name: Name) -> Item:
        """Return the key of an item."""

    @abstractmethod
    def _name(self, item: Item) -> Name:
        """Return what an item is called."""

    def read(self, name: Name) -> Item | None:
        """Return an item by a strongly consistent read; None if there is none."""
        found = self._dynamodb.get_item(
            TableName=self._table, Key=self._key(name), ConsistentRead=True
        )
        return found.get("Item")

    def read_many(self, names: Collection[Name], *, consistent: bool = True) -> dict[Name, Item]:
        """Return the items of those names that there are, by name."""
        found: dict[Name, Item] = {}
        for some in batched(dict.fromkeys(names), KEYS_AT_ONCE, strict=False):
            keys = [self._key(name) for name in some]
            request: Any = {self._table: {"Keys": keys, "ConsistentRead": consistent}}
            while request:
                answer = self._dynamodb.batch_get_item(RequestItems=request)
                for item in answer["Responses"][self._table]:
                    found[self._name(item)] = item
                request = answer.get("UnprocessedKeys")
        return found

    def change(self, name: Name, change: UpdateExpression, *conditions: str) -> bool:
        """Change an item, or make it, in one request; return whether the conditions held."""
        try:
            self._update(name, change, " AND ".join(conditions))
        except ClientError as error:
            return _refused(error)
        return True

    def changed(self, name: Name, change: UpdateExpression) -> Item:
        """Change an item, or make it; return what the changed attributes are now."""
        return self._update(name, change, "", ReturnValues="UPDATED_NEW")["Attributes"]

    def _update(
        self, name: Name, change: UpdateExpression, condition: str, **options: Any
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
        name: Name,
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


class DynamoDBTable(DynamoDBItems[str]):
    """The items of one table whose keys begin with a prefix; names are keys without it."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, prefix: str) -> None:
        super().__init__(dynamodb, table)
        self._prefix = prefix

    def _key(self, name: str) -> Item:
        return {"key": {"S": self._prefix + name}}

    def _name(self, item: Item) -> str:
        return item["key"]["S"].removeprefix(self._prefix)


class DynamoDBSortedTable(DynamoDBItems[tuple[str, str]]):
    """The items of one table with a partition key and a sort key; a name is the pair of both."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, keys: tuple[str, str]) -> None:
        super().__init__(dynamodb, table)
        self._keys = keys

    def partition(self, value: str, *, since: str | None = None) -> list[Item]:
        """Return the items of one partition key, in the order of their sort keys, consistently.

        With `since` only those whose sort keys are not before that.
        """
        request: dict[str, Any] = {
            "KeyConditionExpression": "#partition = :value",
            "ExpressionAttributeNames": {"#partition": self._keys[0]},
            "ExpressionAttributeValues": {":value": {"S": value}},
        }
        if since is not None:
            request["KeyConditionExpression"] += " AND #sort >= :since"
            request["ExpressionAttributeNames"]["#sort"] = self._keys[1]
            request["ExpressionAttributeValues"][":since"] = {"S": since}
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table, ConsistentRead=True, **request
        )
        return [item for page in pages for item in page["Items"]]

    def put(self, name: tuple[str, str], attributes: Item) -> None:
        """Put an item in the place of the one of that name, if there is one."""
        self._dynamodb.put_item(TableName=self._table, Item={**attributes, **self._key(name)})

    def delete_many(self, names: Iterable[tuple[str, str]]) -> None:
        """Delete items, which need not be there."""
        for some in batched(dict.fromkeys(names), _WRITES_AT_ONCE, strict=False):
            request: Any = {
                self._table: [{"DeleteRequest": {"Key": self._key(name)}} for name in some]
            }
            while request:
                answer = self._dynamodb.batch_write_item(RequestItems=request)
                request = answer.get("UnprocessedItems")

    def _key(self, name: tuple[str, str]) -> Item:
        return {key: {"S": value} for key, value in zip(self._keys, name, strict=True)}

    def _name(self, item: Item) -> tuple[str, str]:
        partition, sort = self._keys
        return item[partition]["S"], item[sort]["S"]


def _refused(error: ClientError) -> bool:
    """Return False for a condition that did not hold; all else is raised."""
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return False
    raise error
