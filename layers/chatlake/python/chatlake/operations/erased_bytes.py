"""When the last bytes of erased chats are gone from the tables: with their older snapshots."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chatlake.tables import schema
from chatlake.tables.lake.chat_rows import opened, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from chatlake.progress import Progress
    from chatlake.tables.lake.iceberg import Lake

_POLL_S = 300.0


def newest_commits(lake: Lake) -> dict[str, datetime]:
    """Return when each table was written last; taken after erasing, no later snapshot has rows."""
    found = (summary(table, opened(lake, table)) for table in schema.TABLES)
    return {table.name: table.last_commit for table in found if table.last_commit is not None}


def tables_with_older(lake: Lake, commits: Mapping[str, datetime]) -> list[str]:
    """Return the tables that keep snapshots of before some commits."""
    return [
        table.name
        for table in schema.TABLES
        if table.name in commits
        for found in (summary(table, opened(lake, table)),)
        if found.oldest_replaced is not None and found.oldest_replaced < commits[table.name]
    ]


def wait_for_expiry(
    lake: Lake,
    commits: Mapping[str, datetime],
    progress: Progress,
    *,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Wait until no table keeps a snapshot of before some commits; that may take days."""
    left = len(commits)
    with progress.stage("Expiring", left) as advance:
        while older := tables_with_older(lake, commits):
            advance(left - len(older))
            left = len(older)
            sleep(_POLL_S)
