"""The views of a deployed lake, made by running their SQL on Athena."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.analytics.athena_statements import Statements
    from chatlake.analytics.sql_files import Query


def make_views(views: Sequence[Query], statements: Statements) -> None:
    """Make or replace views, one after the other: each after those that it reads.

    Parameters
    ----------
    views
        In an order in which each can be made.

    Raises
    ------
    TablesNotMade
        Athena refused one, and the message is Athena's, or the time ran out.
    """
    for view in views:
        statements.run(f"view {view.name}", f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql}")
