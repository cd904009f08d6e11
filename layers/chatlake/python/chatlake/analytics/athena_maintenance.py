"""What Athena's VACUUM goes by, where it keeps the tables in the place of Glue's optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.analytics.athena_statements import Statements

_DAY_S = 86_400


def keep_history(tables: Iterable[str], days: int, statements: Statements) -> None:
    """Have VACUUM drop what is older than some days: snapshots, their files, and orphans.

    The rows of erased chats are in such files, so it is this that says when they are gone. Without
    the properties VACUUM keeps five days.

    Raises
    ------
    TablesNotMade
        Athena refused a statement, and the message is Athena's, or the time ran out.
    """
    # By Athena's own statement: how it keeps its properties in a table is not documented.
    # https://docs.aws.amazon.com/athena/latest/ug/vacuum-statement.html
    told = {
        "vacuum_max_snapshot_age_seconds": str(days * _DAY_S),
        "vacuum_min_snapshots_to_keep": "1",
    }
    pairs = ", ".join(f"'{name}' = '{value}'" for name, value in told.items())
    for table in tables:
        statements.run(
            f"properties of table {table}", f"ALTER TABLE {table} SET TBLPROPERTIES ({pairs})"
        )
