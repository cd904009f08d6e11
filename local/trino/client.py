"""Trino's protocol of statements: one is sent, and its answer fetched piece by piece."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TIMEOUT_S = 120
# A server that has just started knows itself as a node of each catalog only after a while.
_NO_NODES = "NO_NODES_AVAILABLE"
_NODES_WITHIN_S = 60.0
_POLL_S = 0.25
# A proxy of this machine knows nothing of its loopback.
_OPENER = build_opener(ProxyHandler({}))
# Else files below 8 MB are read whole, and what a query needs of them cannot be seen.
_COUNTED = {"awsdatacatalog.parquet_small_file_threshold": "0B"}


class StatementFailed(Exception):
    """Trino refused a statement, or could not run it."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.name = str(error.get("errorName", ""))
        self.type = str(error.get("errorType", ""))
        super().__init__(f"{self.name}: {error.get('message', '')}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer, with Trino's name of its type, such as `decimal(10,2)`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as the protocol has them: times and decimals are texts, all else is as in JSON."""

    query_id: str
    columns: list[Column] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    update_type: str | None = None
    update_count: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a query took."""

    bytes_read: int
    cpu_ms: float
    elapsed_ms: float


class TrinoClient:
    """Asks one server about one schema; has no state, so any number of threads may use it."""

    def __init__(
        self, url: str, catalog: str, schema: str | None = None, user: str = "chatlake"
    ) -> None:
        self._url = url
        schemas = {"X-Trino-Schema": schema} if schema else {}
        self._headers = {
            "X-Trino-User": user,
            "X-Trino-Catalog": catalog,
            "X-Trino-Time-Zone": "UTC",
            # Else times come with three digits of a second, whatever they have.
            "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
            "X-Trino-Source": "chatlake",
            **schemas,
        }

    def run(
        self,
        sql: str,
        parameters: Sequence[str] = (),
        *,
        told: Callable[[str], None] = lambda _: None,
    ) -> Answer:
        """Run a statement to its end; again, while a server that starts has no node to run it on.

        Parameters
        ----------
        parameters
            SQL literals that stand for the question marks: a text has its quotes.
        told
            Gets the id of the query as soon as there is one, and of each that is run in its place.

        Raises
        ------
        StatementFailed
            It was refused, stopped, or failed.
        """
        if parameters:
            quoted = sql.replace("'", "''")
            sql = f"EXECUTE IMMEDIATE '{quoted}' USING {', '.join(parameters)}"
        until = time.monotonic() + _NODES_WITHIN_S
        while True:
            try:
                return self._run_once(sql, told)
            except StatementFailed as error:
                if error.name != _NO_NODES or time.monotonic() > until:
                    raise
            time.sleep(_POLL_S)

    def _run_once(self, sql: str, told: Callable[[str], None]) -> Answer:
        session = ",".join(f"{name}={value}" for name, value in _COUNTED.items())
        headers = {**self._headers, "X-Trino-Session": session}
        said = _json(Request(f"{self._url}/v1/statement", sql.encode(), headers))
        told(said["id"])
        columns: list[Column] = []
        rows: list[list[Any]] = []
        while True:
            if error := said.get("error"):
                raise StatementFailed(error)
            columns = columns or [Column(c["name"], c["type"]) for c in said.get("columns", [])]
            rows += said.get("data", [])
            if "nextUri" not in said:
                break
            said = _json(Request(said["nextUri"], headers=self._headers))
        return Answer(said["id"], columns, rows, said.get("updateType"), said.get("updateCount"))

    def cost(self, query_id: str) -> Cost:
        """Tell what a query that has ended took."""
        stats = _json(Request(f"{self._url}/v1/query/{query_id}", headers=self._headers))[
            "queryStats"
        ]
        return Cost(
            _bytes(stats["physicalInputDataSize"]),
            _milliseconds(stats["totalCpuTime"]),
            _milliseconds(stats["elapsedTime"]),
        )

    def stop(self, query_id: str) -> None:
        """Let a query end that is under way."""
        request = Request(
            f"{self._url}/v1/query/{query_id}", headers=self._headers, method="DELETE"
        )
        with _OPENER.open(request, timeout=_TIMEOUT_S):
            pass


def _json(request: Request) -> dict[str, Any]:
    with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _bytes(text: str) -> int:
    assert text.endswith("B"), text
    return int(text.removesuffix("B"))


def _milliseconds(text: str) -> float:
    units = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 36e5, "d": 864e5}
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return float(number) * units[text.removeprefix(number)]
