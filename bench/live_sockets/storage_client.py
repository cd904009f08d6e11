"""What capture takes for boto3's clients of DynamoDB and S3: they ask the storage of the bench."""

from __future__ import annotations

import pickle
import socket
import threading
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from bench.live_sockets.storage_server import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class StorageClient:
    """A client of both services, for any number of threads; each has a connection of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connections = threading.local()
        self._all: list[Any] = []

    def close(self) -> None:
        """Close the connections of all threads."""
        for stream in self._all:
            stream.close()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return partial(self.ask, operation)

    def get_object(self, **request: Any) -> Any:
        """Return an object, with a body to be read."""
        found = self.ask("get_object", **request)
        return {**found, "Body": BytesIO(found["Body"])}

    def get_paginator(self, operation: str) -> Paginator:
        """Return what gives all pages, which are one."""
        return Paginator(partial(self.ask, operation))

    def ask(self, operation: str, **request: Any) -> Any:
        """Make a request.

        Raises
        ------
        botocore.exceptions.ClientError
            It was refused.
        """
        data = pickle.dumps((operation, request))
        stream = self._stream()
        stream.write(HEAD.pack(len(data)) + data)
        stream.flush()
        [size] = HEAD.unpack(stream.read(HEAD.size))
        answer, refused = pickle.loads(stream.read(size))  # nosec B301 # of our own process
        if refused is None:
            return answer
        code, status, more = refused
        response: Any = {
            "Error": {"Code": code, "Message": code},
            "ResponseMetadata": {"HTTPStatusCode": status},
            **more,
        }
        raise ClientError(response, operation)

    def _stream(self) -> Any:
        if not hasattr(self._connections, "stream"):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self._address)
            self._connections.stream = connection.makefile("rwb")
            connection.close()
            self._all.append(self._connections.stream)
        return self._connections.stream


class Paginator:
    """Gives all that a request finds, in one page or in pages of a size."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def paginate(self, **request: Any) -> Iterator[Any]:
        """Yield the pages, each when it is wanted."""
        size = request.pop("PaginationConfig", {}).get("PageSize")
        if size is None:
            yield self._ask(**request)
            return
        found: Any = {"Count": size}
        while found["Count"] == size:
            start = {"After": found["Items"][-1]} if "Items" in found else {}
            found = self._ask(**request, **start, Limit=size)
            yield found
