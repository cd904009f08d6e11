"""What VACUUM goes by is said by Athena's own statement, table by table."""

from __future__ import annotations

from typing import Any

import pytest

from chatlake.analytics.athena_maintenance import keep_history
from chatlake.analytics.athena_statements import Statements
from chatlake.exceptions import TablesNotMade


class Athena:
    """Takes statements, and refuses those that name a table."""

    def __init__(self, refuses: str = "") -> None:
        self.asked: list[dict[str, Any]] = []
        self._refuses = refuses

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.asked.append(request)
        return {"QueryExecutionId": request["QueryString"]}

    def get_query_execution(self, **request: Any) -> dict[str, Any]:
        refused = self._refuses and self._refuses in request["QueryExecutionId"]
        status = (
            {"State": "FAILED", "StateChangeReason": "no such table"}
            if refused
            else {"State": "SUCCEEDED"}
        )
        return {"QueryExecution": {"Status": status}}


def keep(athena: Any, days: int) -> None:
    statements = Statements(athena, "lake", "stack", lambda: 600.0, lambda _: None)
    keep_history(["messages", "receipts"], days, statements)


def test_each_table_keeps_the_days_of_the_stack() -> None:
    athena = Athena()
    keep(athena, 7)
    assert [request["QueryString"] for request in athena.asked] == [
        f"ALTER TABLE {table} SET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds' = '604800', "
        "'vacuum_min_snapshots_to_keep' = '1')"
        for table in ("messages", "receipts")
    ]
    assert {request["WorkGroup"] for request in athena.asked} == {"stack"}
    assert all(request["QueryExecutionContext"] == {"Database": "lake"} for request in athena.asked)


def test_a_table_that_athena_refuses_is_named() -> None:
    with pytest.raises(TablesNotMade, match=r"^properties of table receipts: no such table$"):
        keep(Athena(refuses="receipts"), 7)
