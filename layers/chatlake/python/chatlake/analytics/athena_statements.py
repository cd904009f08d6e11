"""Statements that make or change something on Athena, each waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.exceptions import TablesNotMade

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_athena import AthenaClient
    from types_boto3_athena.type_defs import QueryExecutionStatusTypeDef

_POLL_S = 0.5
_TO_ANSWER_S = 60
"""Left for a call that is under way and for the answer, which says what was not made."""


@dataclass(frozen=True, slots=True)
class Statements:
    """Runs statements one after the other, within the time that a function has.

    Attributes
    ----------
    remaining_s
        Seconds until the function is cut off; a minute before that nothing is waited for.
    sleep
        Waits some seconds between two polls; for tests.
    """

    athena: AthenaClient
    database: str
    workgroup: str
    remaining_s: Callable[[], float]
    sleep: Callable[[float], None] = time.sleep

    def run(self, what: str, sql: str) -> None:
        """Run a statement that may be repeated, and wait until it has succeeded.

        Parameters
        ----------
        what
            Names in errors what the statement makes.

        Raises
        ------
        TablesNotMade
            Athena refused it, and the message is Athena's, or the time ran out.
        """
        for last in (False, True):
            started = self.athena.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self.database},
                WorkGroup=self.workgroup,
            )
            status = self._ended(what, started["QueryExecutionId"])
            if status["State"] == "SUCCEEDED":
                return
            # Athena says so of failures of its own: the same query may succeed.
            if last or not status.get("AthenaError", {}).get("Retryable"):
                reason = status.get("StateChangeReason", status["State"])
                message = f"{what}: {reason}"
                raise TablesNotMade(message)

    def _ended(self, what: str, execution: str) -> QueryExecutionStatusTypeDef:
        while self.remaining_s() > _TO_ANSWER_S:
            found = self.athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            if found["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                return found["Status"]
            self.sleep(_POLL_S)
        message = (
            f"{what}: Athena had not made it when the function's time ran out; see what became of "
            f"query {execution} among the workgroup's recent ones, then deploy again"
        )
        raise TablesNotMade(message)
