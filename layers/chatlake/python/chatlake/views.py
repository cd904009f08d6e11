"""The views of a deployed lake, made by running their SQL on Athena."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from chatlake.exceptions import TablesNotMade

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_athena import AthenaClient

    from chatlake.queries import Query

_POLL_S = 0.5
_WORD = re.compile(r"[a-z_]+")


def in_dependency_order(views: Sequence[Query]) -> list[Query]:
    """Order views so that each comes after those that it reads.

    Raises
    ------
    TablesNotMade
        Some read each other.
    """
    names = {view.name for view in views}
    needs = {view.name: (names & set(_WORD.findall(view.sql))) - {view.name} for view in views}
    ordered: list[Query] = []
    waiting = sorted(views, key=lambda view: view.name)
    while waiting:
        done = {view.name for view in ordered}
        ready = [view for view in waiting if needs[view.name] <= done]
        if not ready:
            message = f"views read each other: {', '.join(view.name for view in waiting)}"
            raise TablesNotMade(message)
        ordered += ready
        waiting = [view for view in waiting if view not in ready]
    return ordered


def make_views(
    views: Sequence[Query],
    athena: AthenaClient,
    *,
    database: str,
    workgroup: str,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Make or replace views, each once those are there that it reads.

    Raises
    ------
    TablesNotMade
        Athena refused one; the message is Athena's.
    """
    for view in in_dependency_order(views):
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
