"""Stand-ins of DynamoDB and S3 in memory: what capture asks of them, and no more.

Requests and answers are boto3's. Conditions hold, because one thread makes all changes.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import Any

from bench.live_sockets.expressions import Item, Request, condition, plain, update

type Answer = dict[str, Any]

CHATS, SCHEDULE, BUCKET = "chats", "schedule", "documents"
_KEYS = {CHATS: ("key",), SCHEDULE: ("chat", "item")}
_INDEX = {"due": ("phase", "due_at")}


class Refused(Exception):
    """A request that is answered with an error of the service."""

    def __init__(self, code: str, status: int, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.more = more


class Table:
    """The items of one table, by partition and sort key, and those with a phase by that."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._partitions: dict[str, dict[str, Item]] = defaultdict(dict)
        self._by_phase: dict[str, dict[tuple[str, str], Item]] = defaultdict(dict)

    def get(self, key: Item) -> Item | None:
        """Return an item by its key."""
        partition, sort = self._name(key)
        return self._partitions[partition].get(sort) if partition in self._partitions else None

    def put(self, item: Item) -> None:
        """Put an item in the place of the one with its key."""
        self.delete(item)
        partition, sort = self._name(item)
        self._partitions[partition][sort] = item
        if all(name in item for name in _INDEX["due"]):
            self._by_phase[item["phase"]["S"]][partition, sort] = item

    def delete(self, key: Item) -> None:
        """Delete an item, which need not be there."""
        partition, sort = self._name(key)
        items = self._partitions.get(partition, {})
        before = items.pop(sort, None)
        if not items:
            self._partitions.pop(partition, None)
        if before is not None and "phase" in before:
            self._by_phase[before["phase"]["S"]].pop((partition, sort), None)

    def partition(self, value: str) -> list[Item]:
        """Return the items of a partition, by their sort keys."""
        return [item for _, item in sorted(self._partitions.get(value, {}).items())]

    def of_phase(self, phase: str) -> Iterable[Item]:
        """Return the items of a phase."""
        return self._by_phase[phase].values()

    def items(self) -> Iterable[Item]:
        """Return all items."""
        return (item for items in self._partitions.values() for item in items.values())

    def _name(self, key: Item) -> tuple[str, str]:
        partition, *sort = (key[name]["S"] for name in self._keys)
        return partition, sort[0] if sort else ""


class Storage:
    """Both services; `requests` counts what was asked of them, by operation."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._tables = {name: Table(keys) for name, keys in _KEYS.items()}
        self._objects: dict[str, tuple[bytes, str]] = {}
        self._operations: dict[str, Callable[..., Any]] = {
            name: getattr(self, name)
            for name in dir(self)
            if name.endswith(("_item", "_object")) or name == "query"
        }

    def answer(self, operation: str, request: Answer) -> Any:
        """Answer a request.

        Raises
        ------
        Refused
            As the service would.
        """
        self.requests[operation] += 1
        return self._operations[operation](**request)

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> Answer:  # noqa: N803
        found = self._tables[TableName].get(Key)
        return {} if found is None else {"Item": found}

    def put_item(self, *, TableName: str, Item: Item, **request: Any) -> Answer:  # noqa: N803
        table = self._tables[TableName]
        _check(table.get(Item), request)
        table.put(Item)
        return {}

    def update_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Item,  # noqa: N803
        UpdateExpression: str = "",  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
        **request: Any,
    ) -> Answer:
        table = self._tables[TableName]
        before = table.get(Key)
        _check(before, request)
        after = dict(before or Key)
        update(UpdateExpression)(after, _request(request))
        table.put(after)
        match ReturnValues:
            case "UPDATED_NEW":
                was = before or {}
                changed = {n: v for n, v in after.items() if n not in Key and was.get(n) is not v}
                return {"Attributes": changed}
            case "ALL_NEW":
                return {"Attributes": after}
            case "ALL_OLD":
                return {"Attributes": before} if before else {}
        return {}

    def delete_item(self, *, TableName: str, Key: Item, **request: Any) -> Answer:  # noqa: N803
        table = self._tables[TableName]
        _check(table.get(Key), request)
        table.delete(Key)
        return {}

    def batch_get_item(self, *, RequestItems: Answer) -> Answer:  # noqa: N803
        return {
            "Responses": {
                table: [
                    found
                    for key in asked["Keys"]
                    if (found := self._tables[table].get(key)) is not None
                ]
                for table, asked in RequestItems.items()
            }
        }

    def batch_write_item(self, *, RequestItems: Answer) -> Answer:  # noqa: N803
        for table, writes in RequestItems.items():
            for write in writes:
                if "PutRequest" in write:
                    self._tables[table].put(write["PutRequest"]["Item"])
                else:
                    self._tables[table].delete(write["DeleteRequest"]["Key"])
        return {}

    def query(
        self,
        *,
        TableName: str,  # noqa: N803
        KeyConditionExpression: str,  # noqa: N803
        IndexName: str | None = None,  # noqa: N803
        Limit: int | None = None,  # noqa: N803
        ScanIndexForward: bool = True,  # noqa: N803
        Select: str = "",  # noqa: N803
        After: Item | None = None,  # noqa: N803
        **request: Any,
    ) -> Answer:
        keys = _KEYS[TableName] if IndexName is None else _INDEX[IndexName]
        given = _request(request)
        # Every form that is used names the partition first: `name = :value`.
        name, sign, token = KeyConditionExpression.split()[:3]
        assert (given.name(name), sign) == (keys[0], "=")
        table, partition = self._tables[TableName], given.values[token]["S"]
        items = table.partition(partition) if IndexName is None else table.of_phase(partition)
        holds = condition(KeyConditionExpression)
        listed = [item for item in items if holds(item, given)]
        if IndexName is not None:
            # As the template has it, the index holds keys alone.
            held = (*keys, *_KEYS[TableName])
            in_order = _in_order(listed, keys[1], Limit, After)
            listed = [{name: item[name] for name in held} for item in in_order]
        listed = (listed if ScanIndexForward else listed[::-1])[:Limit]
        return {"Count": len(listed), **({} if Select == "COUNT" else {"Items": listed})}

    def get_object(self, *, Key: str, **_: Any) -> Answer:  # noqa: N803
        if Key not in self._objects:
            raise Refused("NoSuchKey", 404)
        data, tag = self._objects[Key]
        return {"Body": data, "ETag": tag}

    def head_object(self, *, Key: str, **_: Any) -> Answer:  # noqa: N803
        if Key not in self._objects:
            raise Refused("404", 404)
        return {"ETag": self._objects[Key][1]}

    def put_object(
        self,
        *,
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
        **_: Any,
    ) -> Answer:
        there = self._objects.get(Key)
        if IfMatch is not None and there is None:
            raise Refused("NoSuchKey", 404)
        if (IfNoneMatch is not None and there) or (IfMatch and there and there[1] != IfMatch):
            raise Refused("PreconditionFailed", 412)
        self._objects[Key] = Body, f'"{hashlib.md5(Body, usedforsecurity=False).hexdigest()}"'
        return {"ETag": self._objects[Key][1]}

    def delete_object(self, *, Key: str, IfMatch: str | None = None, **_: Any) -> Answer:  # noqa: N803
        there = self._objects.get(Key)
        if IfMatch is not None and there is None:
            raise Refused("NoSuchKey", 404)
        if IfMatch is not None and there and there[1] != IfMatch:
            raise Refused("PreconditionFailed", 412)
        self._objects.pop(Key, None)
        return {}


def _in_order(
    items: Iterable[Item], name: str, limit: int | None, after: Item | None
) -> list[Item]:
    """Return the items of an index in its order, those after one alone if that is given."""

    def place(item: Item) -> tuple[Any, str]:
        return plain(item[name]), item["chat"]["S"]

    if after is not None:
        items = (item for item in items if place(item) > place(after))
    return sorted(items, key=place) if limit is None else nsmallest(limit, items, key=place)


def _request(request: Answer) -> Request:
    return Request(
        request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    )


def _check(item: Item | None, request: Answer) -> None:
    expression = request.get("ConditionExpression")
    if not expression or condition(expression)(item or {}, _request(request)):
        return
    told = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item is not None
    raise Refused("ConditionalCheckFailedException", 400, **({"Item": item} if told else {}))
