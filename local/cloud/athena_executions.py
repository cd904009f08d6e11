"""Athena's query executions, run by a Trino: their states, results and result files."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.cloud.athena_values import as_text, column_info, csv_lines
from local.trino.client import StatementFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.trino.client import Answer, Cost, TrinoClient

_AT_ONCE = 4
_MOST_ROWS = 1000
"""That GetQueryResults returns at once, the row of names included."""

_SYSTEM_ERROR, _USER_ERROR = 1, 2
_DDL = ("ALTER", "CREATE", "DESCRIBE", "DROP", "MSCK", "SHOW")


class ExecutionRefused(Exception):
    """Athena answers with InvalidRequestException; the message is Athena's."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What StartQueryExecution was given."""

    sql: str
    parameters: Sequence[str]
    database: str | None
    workgroup: str
    output: str
    """A location that ends with a slash."""


@dataclass(slots=True)
class Execution:
    """One query; names and words of `state` are Athena's."""

    asked: Asked
    submitted_s: float
    execution_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "QUEUED"
    reason: str | None = None
    is_ours: bool = False
    """Whether the failure is one of Athena's own, which may not come again."""
    completed_s: float | None = None
    trino_id: str | None = None
    answer: Answer | None = None
    cost: Cost | None = None

    @property
    def statement_type(self) -> str:
        """DDL or DML."""
        first = self.asked.sql.lstrip().split(None, 1)[:1]
        return "DDL" if first and first[0].upper() in _DDL else "DML"

    @property
    def output(self) -> str:
        """Where its result is."""
        suffix = "txt" if self.statement_type == "DDL" else "csv"
        return f"{self.asked.output}{self.execution_id}.{suffix}"

    def describe(self) -> dict[str, Any]:
        """Return it as GetQueryExecution does."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted_s}
        if self.completed_s is not None:
            status["CompletionDateTime"] = self.completed_s
        if self.reason is not None:
            status["StateChangeReason"] = self.reason
            status["AthenaError"] = {
                "ErrorCategory": _SYSTEM_ERROR if self.is_ours else _USER_ERROR,
                "ErrorMessage": self.reason,
                "Retryable": self.is_ours,
            }
        elapsed_ms = round(self.cost.elapsed_ms) if self.cost else 0
        described: dict[str, Any] = {
            "QueryExecutionId": self.execution_id,
            "Query": self.asked.sql,
            "StatementType": self.statement_type,
            "ResultConfiguration": {"OutputLocation": self.output},
            "QueryExecutionContext": {"Database": self.asked.database or "default"},
            "Status": status,
            "Statistics": {
                "DataScannedInBytes": self.cost.bytes_read if self.cost else 0,
                "EngineExecutionTimeInMillis": elapsed_ms,
                "TotalExecutionTimeInMillis": elapsed_ms,
            },
            "WorkGroup": self.asked.workgroup,
            "EngineVersion": {"EffectiveEngineVersion": "Athena engine version 3"},
        }
        if self.asked.parameters:
            described["ExecutionParameters"] = list(self.asked.parameters)
        return described


class Executions:
    """All queries of a cloud, a few of which run at once.

    Parameters
    ----------
    client
        Waits for the engine, and returns a client of it for a database.
    write
        Puts a text at a location of S3.
    now_s
        The epoch seconds by which queries are dated.
    """

    def __init__(
        self,
        client: Callable[[str | None], TrinoClient],
        write: Callable[[str, str], None],
        now_s: Callable[[], float],
    ) -> None:
        self._client = client
        self._write = write
        self._now_s = now_s
        self._lock = threading.Lock()
        self._all: dict[str, Execution] = {}
        self._by_token: dict[str, Execution] = {}
        self._workers = ThreadPoolExecutor(_AT_ONCE, "athena")

    def start(self, asked: Asked, token: str | None = None) -> str:
        """Start a query, or find the one that was started with the same token.

        Raises
        ------
        ExecutionRefused
            The token was given with another query.
        """
        with self._lock:
            if token is not None and (before := self._by_token.get(token)):
                if before.asked != asked:
                    raise ExecutionRefused("Idempotent parameters do not match")
                return before.execution_id
            execution = Execution(asked, self._now_s())
            self._all[execution.execution_id] = execution
            if token is not None:
                self._by_token[token] = execution
        self._workers.submit(self._run, execution)
        return execution.execution_id

    def get(self, execution_id: str) -> Execution:
        """Return one.

        Raises
        ------
        ExecutionRefused
            There is none of this id.
        """
        found = self._all.get(execution_id)
        if found is None:
            raise ExecutionRefused(f"QueryExecution {execution_id} was not found")
        return found

    def ids(self, workgroup: str) -> list[str]:
        """Return those of a workgroup, the newest first."""
        found = [e.execution_id for e in self._all.values() if e.asked.workgroup == workgroup]
        return found[::-1]

    def stop(self, execution_id: str) -> None:
        """Let one end that is under way; nothing happens to one that has ended."""
        execution = self.get(execution_id)
        with self._lock:
            if execution.state not in {"QUEUED", "RUNNING"}:
                return
            self._end(execution, "CANCELLED")
        if execution.trino_id:
            self._client(None).stop(execution.trino_id)

    def results(self, execution_id: str, token: str | None, most: int | None) -> dict[str, Any]:
        """Return a page of rows as GetQueryResults does: the first begins with the names.

        Raises
        ------
        ExecutionRefused
            The query has not ended, or failed.
        """
        execution = self.get(execution_id)
        if execution.answer is None or execution.state != "SUCCEEDED":
            said = "has not yet finished. Current state"
            if execution.state in {"FAILED", "CANCELLED"}:
                said = "did not finish successfully. Final query state"
            raise ExecutionRefused(f"Query {said}: {execution.state}")
        answer = execution.answer
        columns = answer.columns if execution.statement_type == "DML" else []
        header: list[list[str | None]] = [[column.name for column in columns]] if columns else []
        start, size = int(token or 0), most or _MOST_ROWS
        rows = [
            *header,
            *(
                [as_text(v, c.type) for v, c in zip(row, columns, strict=True)]
                for row in answer.rows
            ),
        ][start : start + size]
        page: dict[str, Any] = {
            "UpdateCount": answer.update_count or 0,
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if text is None else {"VarCharValue": text} for text in row]}
                    for row in rows
                ],
                "ResultSetMetadata": {"ColumnInfo": [column_info(column) for column in columns]},
            },
        }
        if start + size < len(header) + len(answer.rows):
            page["NextToken"] = str(start + size)
        return page

    def _run(self, execution: Execution) -> None:
        try:
            self._ask(execution)
        except StatementFailed as error:
            self._fail(execution, str(error), is_ours=error.type != "USER_ERROR")
        except Exception as error:  # noqa: BLE001 - it is the query's outcome, whatever it is
            self._fail(execution, f"{type(error).__name__}: {error}", is_ours=True)

    def _ask(self, execution: Execution) -> None:
        asked = execution.asked
        client = self._client(asked.database)
        with self._lock:
            if execution.state != "QUEUED":
                return
            execution.state = "RUNNING"

        def note(trino_id: str) -> None:
            execution.trino_id = trino_id

        answer = client.run(asked.sql, asked.parameters, told=note)
        execution.cost = client.cost(answer.query_id)
        lines = "" if execution.statement_type == "DDL" else csv_lines(answer)
        self._write(execution.output, lines)
        with self._lock:
            if execution.state == "RUNNING":
                execution.answer = answer
                self._end(execution, "SUCCEEDED")

    def _fail(self, execution: Execution, reason: str, *, is_ours: bool) -> None:
        with self._lock:
            if execution.state in {"QUEUED", "RUNNING"}:
                execution.reason, execution.is_ours = reason, is_ours
                self._end(execution, "FAILED")

    def _end(self, execution: Execution, state: str) -> None:
        execution.completed_s = self._now_s()
        execution.state = state
