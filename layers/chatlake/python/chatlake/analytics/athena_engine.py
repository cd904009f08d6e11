"""SQL on a deployed lake: Athena, with what a query reads and costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from botocore.exceptions import ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.exceptions import QueryFailed
from chatlake.interrupts import done_on_ctrl_c

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_athena import AthenaClient

_FIRST_POLL_S, _LONGEST_POLL_S = 0.1, 1.0
_TERABYTE = 10**12
_LEAST_BILLED = 10 * 10**6
DOLLARS_A_TERABYTE = 5.0
"""The list price of most Regions."""

_ENDED = {"SUCCEEDED", "FAILED", "CANCELLED"}
_ARROW_TYPES: dict[str, tuple[pa.DataType, Callable[[str], Any]]] = {
    "bigint": (pa.int64(), int),
    "boolean": (pa.bool_(), lambda text: text == "true"),
    "date": (pa.date32(), date.fromisoformat),
    "double": (pa.float64(), float),
    "float": (pa.float32(), float),
    "integer": (pa.int32(), int),
    "real": (pa.float32(), float),
    "smallint": (pa.int16(), int),
    "timestamp": (pa.timestamp("us"), datetime.fromisoformat),
    "tinyint": (pa.int8(), int),
}


@dataclass(slots=True)
class Cost:
    """What queries have read, and what Athena bills for it: 10 MB a query at least."""

    queries: int = 0
    bytes_read: int = 0
    bytes_billed: int = 0

    def add(self, bytes_read: int) -> None:
        """Count a query in."""
        self.queries += 1
        self.bytes_read += bytes_read
        self.bytes_billed += max(bytes_read, _LEAST_BILLED)

    @property
    def dollars(self) -> float:
        """What that is by the list price."""
        return self.bytes_billed / _TERABYTE * DOLLARS_A_TERABYTE


class AthenaEngine:
    """Runs SQL in a workgroup, on the tables of a database.

    Parameters
    ----------
    stopper
        A client that nothing else uses: Ctrl-C may come in the midst of a call.
    told
        Is called again and again with the state of the query and the bytes that it has read.
    """

    def __init__(
        self,
        athena: AthenaClient,
        *,
        stopper: AthenaClient,
        database: str,
        workgroup: str,
        told: Callable[[str, int], None] = lambda _, __: None,
    ) -> None:
        self._athena = athena
        self._stopper = stopper
        self._database = database
        self._workgroup = workgroup
        self._told = told
        self.cost = Cost()

    def limit(self) -> int | None:
        """Return how many bytes a query may read in the workgroup; None if that is not known."""
        try:
            found = self._athena.get_work_group(WorkGroup=self._workgroup)["WorkGroup"]
        except ClientError as error:
            # Who may ask questions need not be allowed to read the workgroup's settings.
            if error_code(error) != "AccessDeniedException":
                raise
            return None
        return found.get("Configuration", {}).get("BytesScannedCutoffPerQuery")

    def run(self, sql: str, parameters: Sequence[str] = ()) -> pa.RecordBatchReader:
        """Run SQL of Athena's dialect, and return its rows, which are fetched as they are read.

        Parameters
        ----------
        parameters
            Texts that stand for the question marks.

        Raises
        ------
        QueryFailed
            Athena refused it, or has cancelled it because it reads more than the workgroup lets.
        """
        given: dict[str, Any] = {}
        if parameters:
            quoted = ["'" + text.replace("'", "''") + "'" for text in parameters]
            given["ExecutionParameters"] = quoted
        try:
            execution = self._athena.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self._database},
                WorkGroup=self._workgroup,
                **given,
            )["QueryExecutionId"]
        except ClientError as error:
            if error_code(error) != "InvalidRequestException":
                raise
            raise QueryFailed(error.response["Error"]["Message"]) from error
        with done_on_ctrl_c(lambda: self._stop(execution)):
            self._wait(execution)
        return self._reader(execution)

    def _stop(self, execution: str) -> None:
        self._stopper.stop_query_execution(QueryExecutionId=execution)

    def _wait(self, execution: str) -> None:
        wait_s = _FIRST_POLL_S
        while True:
            found: Any = self._athena.get_query_execution(QueryExecutionId=execution)
            found = found["QueryExecution"]
            state = found["Status"]["State"]
            bytes_read = found.get("Statistics", {}).get("DataScannedInBytes", 0)
            self._told(state, bytes_read)
            if state in _ENDED:
                break
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _LONGEST_POLL_S)
        self.cost.add(bytes_read)
        if state != "SUCCEEDED":
            reason = found["Status"].get("StateChangeReason", f"the query was {state.lower()}")
            raise QueryFailed(reason)

    def _reader(self, execution: str) -> pa.RecordBatchReader:
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
        found: Iterator[Any] = (page["ResultSet"] for page in pages)
        first = next(found)
        columns = first["ResultSetMetadata"]["ColumnInfo"]
        types = [_arrow_type(column) for column in columns]
        schema = pa.schema(
            [(column["Name"], of_type) for column, (of_type, _) in zip(columns, types, strict=True)]
        )

        def batches() -> Iterator[pa.RecordBatch]:
            # The first line of a query is its columns' names; that of a statement is none.
            names = [{"VarCharValue": column["Name"]} for column in columns]
            rows = first["Rows"]
            rows = rows[1:] if rows and rows[0]["Data"] == names else rows
            yield _batch(rows, types, schema)
            for page in found:
                yield _batch(page["Rows"], types, schema)

        return pa.RecordBatchReader.from_batches(schema, batches())


type _Typed = tuple[pa.DataType, Callable[[str], Any]]


def _arrow_type(column: dict[str, Any]) -> _Typed:
    if column["Type"] == "decimal":
        return pa.decimal128(column["Precision"], column["Scale"]), Decimal
    return _ARROW_TYPES.get(column["Type"], (pa.string(), str))


def _batch(
    rows: Sequence[dict[str, Any]], types: Sequence[_Typed], schema: pa.Schema
) -> pa.RecordBatch:
    arrays = []
    for number, (of_type, parse) in enumerate(types):
        texts = (row["Data"][number].get("VarCharValue") for row in rows)
        values = [None if text is None else parse(text) for text in texts]
        arrays.append(pa.array(values, of_type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
