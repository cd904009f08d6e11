"""Where moto spends most of a request's time on what could be known before."""

from __future__ import annotations

import inspect
import time
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

import moto.backends
import moto.core.responses
import moto.sqs.models
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

if TYPE_CHECKING:
    from moto.dynamodb.models.dynamo_type import Item

_DECISIVE = ("hash_key", "index_name", "hash_key_conditions")


def apply() -> None:
    """Let moto's server remember which services there are, and tell the time in one step."""
    # Looked up in the file system, service by service, at each request.
    names = frozenset(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: names
    # All addresses of AWS are tried one after the other, at each request.
    DomainDispatcherApplication.get_backend_for_host = cache(  # type: ignore[method-assign]
        DomainDispatcherApplication.get_backend_for_host
    )
    # Asked for each message of a queue whenever one is sent or received.
    models: Any = moto.sqs.models
    models.unix_time = time.time
    models.unix_time_millis = lambda: time.time() * 1000
    # The methods of a class, looked for at each request.
    responses: Any = moto.core.responses
    responses.method_names_from_class = cache(responses.method_names_from_class)
    _query_what_can_match()


def _query_what_can_match() -> None:
    """Let a query of DynamoDB sort only the items of its key or its index, not the whole table.

    Calls of DynamoDB come one after the other, so a table can be told for one query what it has.
    """
    query = Table.query
    signature = inspect.signature(query)

    @wraps(query)
    def quick(self: Table, *arguments: Any, **named: Any) -> Any:
        asked = signature.bind(self, *arguments, **named).arguments
        items = _candidates(self, **{name: asked.get(name) for name in _DECISIVE})
        self.all_items = lambda: items  # type: ignore[method-assign]
        try:
            return query(self, *arguments, **named)
        finally:
            del self.all_items

    Table.query = quick  # type: ignore[method-assign]


def _candidates(
    table: Table, hash_key: Any, index_name: str | None, hash_key_conditions: Any
) -> list[Item]:
    if index_name is not None:
        wanted = dict(hash_key_conditions or ())
        return [
            item
            for item in table.has_idx_items(index_name)
            if all(item.attrs[name] == value for name, value in wanted.items())
        ]
    found: Any = table.items.get(hash_key)
    if found is None:
        return []
    return list(found.values()) if table.range_key_attr else [found]
