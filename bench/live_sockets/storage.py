"""Stand-ins of DynamoDB and S3 in memory: what capture asks of them, and no more.

Requests and answers are boto3's. Conditions hold, because one thread makes all changes.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from bench.live_sockets.expressions import Item, Request, condition, plain, update

type Answer = dict[str, Any]

CHATS, SCHEDULE, BUCKET = "chats", "schedule", "documents"
_KEYS = {CHATS: ("key",), SCHEDULE: ("chat", "item")}
_INDEX = {"due": ("phase", "due_at")}
_BETWEEN = re.compile(r"phase = :\w+ AND due_at BETWEEN (:\w+) AND (:\w+)")


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
        self._by_phase: dict[str, list[tuple[float, str, str]]] = defaultdict(list)

    def get(self, key: Item) -> Item | None:
        """Return an item by its key."""
        partition, sort = self._name(key)
        return self._partitions[partition].get(sort) if partition in self._partitions else None

    def put(self, item: Item) -> None:
        """Put an item in the place of the one with its key."""
        self.delete(item)
        partition, sort = self._name(item)
        self._partitions[partition][sort] = item
        if _is_indexed(item):
            insort(self._by_phase[item["phase"]["S"]], (_due_at(item), partition, sort))

    def delete(self, key: Item) -> None:
        """Delete an item, which need not be there."""
        partition, sort = self._name(key)
        items = self._partitions.get(partition, {})
        before = items.pop(sort, None)
        if not items:
            self._partitions.pop(partition, None)
        if before is not None and _is_indexed(before):
            due = self._by_phase[before["phase"]["S"]]
            del due[bisect_left(due, (_due_at(before), partition, sort))]

    def partition(self, value: str) -> list[Item]:
        """Return the items of a partition, by their sort keys."""
        return [item for _, item in sorted(self._partitions.get(value, {}).items())]

    def of_phase(self, phase: str, first: float, last: float) -> Iterable[Item]:
        """Yield the items of a phase that are due between two moments, in the order of these."""
        due = self._by_phase[phase]
        begin, end = bisect_left(due, (first, "", "")), bisect_left(due, (last + 1, "", ""))
        return (self._partitions[partition][sort] for _, partition, sort in due[begin:end])

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
        if IndexName is None:
            holds = condition(KeyConditionExpression)
            listed = [item for item in table.partition(partition) if holds(item, given)]
        else:
            between = _BETWEEN.fullmatch(KeyConditionExpression)
            assert between is not None
            first, last = (plain(given.values[name]) for name in between.groups())
            # As the template has it, the index holds keys alone.
            held = (*keys, *_KEYS[TableName])
            listed = [
                {name: item[name] for name in held}
                for item in table.of_phase(partition, first, last)
                if After is None or _place(item) > _place(After)
            ]
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


def _is_indexed(item: Item) -> bool:
    return all(name in item for name in _INDEX["due"])


def _due_at(item: Item) -> float:
    return float(plain(item["due_at"]))


def _place(item: Item) -> tuple[float, str]:
    return _due_at(item), item["chat"]["S"]


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
