"""The views of a deployed lake, made by running their SQL on Athena."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chatlake.exceptions import TablesNotMade

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_athena import AthenaClient
    from types_boto3_athena.type_defs import QueryExecutionStatusTypeDef

    from chatlake.analytics.sql_files import Query

_POLL_S = 0.5
_TO_ANSWER_S = 60
"""Left for a call that is under way and for the answer, which says what was not made."""


def make_views(
    views: Sequence[Query],
    athena: AthenaClient,
    *,
    database: str,
    workgroup: str,
    remaining_s: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Make or replace views, one after the other: each after those that it reads.

    Parameters
    ----------
    views
        In an order in which each can be made.
    remaining_s
        Seconds until the function is cut off; a minute before that nothing is waited for.
    sleep
        Waits some seconds between two polls; for tests.

    Raises
    ------
    TablesNotMade
        Athena refused one, and the message is Athena's, or the time ran out.
    """
    for view in views:
        for last in (False, True):
            started = athena.start_query_execution(
                QueryString=f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql}",
                QueryExecutionContext={"Database": database},
                WorkGroup=workgroup,
            )
            execution = started["QueryExecutionId"]
            status = _wait(view.name, execution, athena, remaining_s, sleep)
            if status["State"] == "SUCCEEDED":
                break
            # Athena says so of failures of its own: the same query may succeed.
            if last or not status.get("AthenaError", {}).get("Retryable"):
                reason = status.get("StateChangeReason", status["State"])
                message = f"view {view.name}: {reason}"
                raise TablesNotMade(message)


def _wait(
    name: str,
    execution: str,
    athena: AthenaClient,
    remaining_s: Callable[[], float],
    sleep: Callable[[float], None],
) -> QueryExecutionStatusTypeDef:
    while remaining_s() > _TO_ANSWER_S:
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] not in {"QUEUED", "RUNNING"}:
            return status
        sleep(_POLL_S)
    message = (
        f"view {name}: Athena had not made it when the function's time ran out; see what became of "
        f"query {execution} among the workgroup's recent ones, then deploy again"
    )
    raise TablesNotMade(message)
