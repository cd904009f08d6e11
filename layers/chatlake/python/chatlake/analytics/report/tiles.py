"""The figures at the top of the page, each with its name and what it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.analytics.report.figures import messages_known
from chatlake.analytics.report.wording import seconds, share

if TYPE_CHECKING:
    from chatlake.analytics.report.figures import Figures

type Tile = tuple[str, str, str]
"""Name, value, and what it is of."""


def tiles(figures: Figures) -> list[Tile]:
    """Return the tiles of the page; none for a role that no message was for."""
    found = [("Chats", f"{figures.chats:,}", "in the period")]
    for role, name in (("CUSTOMER", "customers"), ("AGENT", "agents")):
        row = figures.read_by(role)
        if row is None:
            continue
        known = messages_known(row)
        found += [
            (
                f"Read by {name}",
                seconds(row["p50_s"]),
                f"median of reported readings; 95% within {seconds(row['p95_s'])}",
            ),
            (
                f"Unread by {name}",
                share(row["messages_unread"], known),
                f"{row['messages_unread']:,} of {known:,} whose receipts could be had",
            ),
        ]
    return found
