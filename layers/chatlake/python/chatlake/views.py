"""The views of a deployed lake, made by running their SQL on Athena."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chatlake.exceptions import TablesNotMade

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_athena import AthenaClient

    from chatlake.queries import Query

_POLL_S = 0.5


def make_views(
    views: Sequence[Query],
    athena: AthenaClient,
    *,
    database: str,
    workgroup: str,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Make or replace views, one after the other: each after those that it reads.

    Raises
    ------
    TablesNotMade
        Athena refused one; the message is Athena's.
    """
    for view in views:
        started = athena.start_query_execution(
            QueryString=f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql}",
            QueryExecutionContext={"Database": database},
            WorkGroup=workgroup,
        )
        _wait(view.name, started["QueryExecutionId"], athena, sleep)


def _wait(name: str, execution: str, athena: AthenaClient, sleep: Callable[[float], None]) -> None:
    while True:
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return
        if status["State"] in {"FAILED", "CANCELLED"}:
            reason = status.get("StateChangeReason", status["State"])
            message = f"view {name}: {reason}"
            raise TablesNotMade(message)
        sleep(_POLL_S)
