"""Questions to the Athena of a local cloud, with answers as Python's values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_athena import AthenaClient
    from types_boto3_athena.type_defs import QueryExecutionTypeDef

_POLL_S = 0.02
_TIMEOUT_S = 300.0
_VALUES: dict[str, Callable[[str], Any]] = {
    "bigint": int,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "decimal": Decimal,
    "double": float,
    "integer": int,
    "smallint": int,
    "timestamp": datetime.fromisoformat,
    "tinyint": int,
}


class QuestionFailed(Exception):
    """Athena did not answer; the message is Athena's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Types are by Athena's names; those of values are Python's, where it has one."""

    types: dict[str, str]
    rows: list[tuple[Any, ...]]
    bytes_read: int
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks about a database, in a workgroup that says where results go, or with that place."""

    athena: AthenaClient
    database: str
    workgroup: str = "primary"
    output: str | None = None

    def ask(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        """Ask, wait for the answer, and fetch all of it.

        Parameters
        ----------
        parameters
            Texts that stand for the question marks.

        Raises
        ------
        QuestionFailed
            Athena refused, or the query failed.
        """
        quoted = ["'" + text.replace("'", "''") + "'" for text in parameters]
        given: dict[str, Any] = {"ExecutionParameters": quoted} if quoted else {}
        if self.output is not None:
            given["ResultConfiguration"] = {"OutputLocation": self.output}
        execution_id = self.athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            WorkGroup=self.workgroup,
            **given,
        )["QueryExecutionId"]
        execution = self._wait(execution_id)
        types: dict[str, str] = {}
        lines: list[list[str | None]] = []
        for page in self.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=execution_id
        ):
            result = page["ResultSet"]
            types = {c["Name"]: c["Type"] for c in result["ResultSetMetadata"]["ColumnInfo"]}
            lines += [[cell.get("VarCharValue") for cell in row["Data"]] for row in result["Rows"]]
        statistics = execution["Statistics"]
        return Answer(
            types,
            list(_typed(lines[1:], list(types.values()))),
            statistics["DataScannedInBytes"],
            statistics["EngineExecutionTimeInMillis"],
        )

    def _wait(self, execution_id: str) -> QueryExecutionTypeDef:
        until = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < until:
            found = self.athena.get_query_execution(QueryExecutionId=execution_id)
            execution = found["QueryExecution"]
            match execution["Status"]["State"]:
                case "SUCCEEDED":
                    return execution
                case "FAILED" | "CANCELLED" as state:
                    raise QuestionFailed(execution["Status"].get("StateChangeReason", state))
            time.sleep(_POLL_S)
        raise QuestionFailed(f"no answer in {_TIMEOUT_S:.0f} s")


def _typed(
    lines: Sequence[Sequence[str | None]], types: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        yield tuple(
            text if text is None else _VALUES.get(type_name, str)(text)
            for text, type_name in zip(line, types, strict=True)
        )
