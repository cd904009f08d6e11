"""The figures at the top of the page, each with its name and what it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.analytics.report.wording import percent, seconds, share

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
        known, messages = row["messages_known"], row["messages"]
        found += [
            (
                f"Half seen by {name} within",
                seconds(row["seen_p50_s"]),
                f"90% within {seconds(row['seen_p90_s'])}; estimated of {known:,} messages",
            ),
            (
                f"Seen by {name} within 30\N{NO-BREAK SPACE}s",
                percent(row["seen_within_30s"]),
                f"within a minute {percent(row['seen_within_60s'])}",
            ),
            (
                f"Known of what {name} saw",
                share(messages - row["messages_unknown"], messages),
                f"of {messages:,} messages sent while they were there; nothing tells of the rest",
            ),
        ]
    return found
