"""How far the republication of all chats of a deployed archive has come: one item of DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.aws_clients.dynamodb_table import DynamoDBTable
from chatlake.aws_clients.update_expression import UpdateExpression

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_NAME = "all"
_AFTER = "last_chat"


class Republication:
    """All chats are to be published again: begun once, and gone on with by run after run."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._items = DynamoDBTable(dynamodb, table, "republication#")

    def begin(self) -> None:
        """Begin with the first chat, whatever was done before."""
        change = UpdateExpression()
        change.put(_AFTER, {"S": ""})
        self._items.change(_NAME, change)

    def after(self) -> str | None:
        """Return after which chat it goes on, "" for the first; None if there is nothing to do."""
        item = self._items.read(_NAME)
        return None if item is None else item[_AFTER]["S"]

    def advance(self, before: str, after: str) -> bool:
        """Note that it has come from one chat to another; False if it was begun anew meanwhile."""
        change = UpdateExpression(values={":before": {"S": before}})
        change.put(_AFTER, {"S": after})
        return self._items.change(_NAME, change, f"{_AFTER} = :before")

    def end(self, before: str) -> bool:
        """Note that it is done; False if it was begun anew meanwhile."""
        return self._items.delete(_NAME, f"{_AFTER} = :before", {":before": {"S": before}})
