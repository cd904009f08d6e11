"""DynamoDB and S3 clients that count what their requests cost, as AWS bills them.

moto tells no capacity, so units are computed from the items: a write costs as many as the larger of
the item before and after has begun kilobytes, and what the keys-only index has to change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

_WRITE_BYTES, _READ_BYTES = 1024, 4096
_INDEX = ("phase", "due_at")

type _Item = dict[str, Any]


@dataclass
class Bill:
    """What was requested: at DynamoDB units and requests, at S3 requests by operation."""

    write_units: float = 0
    read_units: float = 0
    requests: float = 0
    s3: Counter[str] = field(default_factory=Counter)


class MeteredDynamoDB:
    """A client of DynamoDB whose requests are put on a bill."""

    def __init__(self, client: Any, bill: Bill) -> None:
        self._client = self.unmetered = client
        self._bill = bill

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **request: Any) -> Any:
        names = self._keys(request["TableName"])
        key = {name: request["Item"][name] for name in names}
        return self._written(request["TableName"], [key], self._client.put_item, request)

    def update_item(self, **request: Any) -> Any:
        return self._written(
            request["TableName"], [request["Key"]], self._client.update_item, request
        )

    def delete_item(self, **request: Any) -> Any:
        return self._written(
            request["TableName"], [request["Key"]], self._client.delete_item, request
        )

    def batch_write_item(self, **request: Any) -> Any:
        [(table, requests)] = request["RequestItems"].items()
        keys = [one["DeleteRequest"]["Key"] for one in requests]
        return self._written(table, keys, self._client.batch_write_item, request)

    def get_item(self, **request: Any) -> Any:
        answer = self._client.get_item(**request)
        self._bill.requests += 1
        self._read([answer.get("Item", {})], consistent=request.get("ConsistentRead", False))
        return answer

    def batch_get_item(self, **request: Any) -> Any:
        answer = self._client.batch_get_item(**request)
        self._bill.requests += 1
        for table, of in request["RequestItems"].items():
            found = answer["Responses"].get(table, [])
            empty: list[_Item] = [{}] * (len(of["Keys"]) - len(found))
            for item in (*found, *empty):
                self._read([item], consistent=of.get("ConsistentRead", False))
        return answer

    def query(self, **request: Any) -> Any:
        answer = self._client.query(**request)
        self._bill.requests += 1
        self._read(answer.get("Items", []), consistent=request.get("ConsistentRead", False))
        return answer

    def get_paginator(self, name: str) -> Any:
        assert name == "query"
        return _Paginator(self._client.get_paginator(name), self._paged)

    def _keys(self, table: str) -> list[str]:
        schema = self._client.describe_table(TableName=table)["Table"]["KeySchema"]
        return [key["AttributeName"] for key in schema]

    def _item(self, table: str, key: _Item) -> _Item:
        found = self._client.get_item(TableName=table, Key=key, ConsistentRead=True)
        item: _Item = found.get("Item", {})
        return item

    def _written(
        self, table: str, keys: list[_Item], write: Callable[..., Any], request: Any
    ) -> Any:
        self._bill.requests += 1
        before = [self._item(table, key) for key in keys]
        try:
            return write(**request)
        finally:
            # One that is refused costs what it would have.
            for old, key in zip(before, keys, strict=True):
                self._bill.write_units += _write_units(old, self._item(table, key))

    def _paged(self, items: list[_Item], *, consistent: bool) -> None:
        self._bill.requests += 1
        self._read(items, consistent=consistent)

    def _read(self, items: list[_Item], *, consistent: bool) -> None:
        units = max(1, ceil(sum(map(_size, items)) / _READ_BYTES))
        self._bill.read_units += units if consistent else units / 2


class _Paginator:
    def __init__(self, paginator: Any, read: Callable[..., None]) -> None:
        self._paginator = paginator
        self._read = read

    def paginate(self, **request: Any) -> Iterator[Any]:
        for page in self._paginator.paginate(**request):
            self._read(page.get("Items", []), consistent=request.get("ConsistentRead", False))
            yield page


class MeteredS3:
    """A client of S3 whose requests are put on a bill."""

    def __init__(self, client: Any, bill: Bill) -> None:
        self._client = client
        self._bill = bill

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not name.endswith("_object"):
            return found

        def request(**arguments: Any) -> Any:
            self._bill.s3[name] += 1
            return found(**arguments)

        return request


def _write_units(before: _Item, after: _Item) -> int:
    units = max(1, ceil(max(_size(before), _size(after)) / _WRITE_BYTES))
    was, now = ([item.get(name) for name in _INDEX] for item in (before, after))
    if was != now:
        units += sum(None not in place for place in (was, now))
    return units


def _size(value: Any) -> int:
    """Return about how many bytes DynamoDB counts of an item, or of a value."""
    match value:
        case {"S": str(text)} | {"N": str(text)}:
            return len(text.encode())
        case {"B": data}:
            return len(bytes(data))
        case {"SS": list(texts)}:
            return sum(len(text.encode()) for text in texts)
        case {"M": dict(members)} | dict(members):
            return sum(len(name.encode()) + _size(member) for name, member in members.items())
        case _:
            return 1
