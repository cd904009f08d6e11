"""What verifying finds, embedded or deployed: differences, and what others have changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from chatlake.operations.row_differences import Tally


@dataclass(frozen=True, slots=True)
class Difference:
    """Where documents and rows part; `what` names columns, never their values."""

    initial_contact_id: str
    table: str | None
    what: str

    def __str__(self) -> str:
        place = f"chat {self.initial_contact_id}"
        return (
            f"{place}: {self.what}" if self.table is None else f"{place}, {self.table}: {self.what}"
        )


@dataclass(slots=True, kw_only=True)
class Findings:
    """What others have done to the rows of an archive.

    Attributes
    ----------
    by_others
        Tables to what others have changed in rows of ours.
    strangers
        Ids in rows of others that no chat has.
    columns_of_others
        Tables to the columns that others have added, and how many values are in each.
    """

    by_others: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    strangers: set[str] = field(default_factory=set)
    columns_of_others: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def chats_of_others(self) -> set[str]:
        """The chats whose rows others have changed."""
        changed = set[str]().union(*(tally.chats for tally in self.by_others.values()))
        return changed - self.strangers

    def changes_of_others(self) -> list[str]:
        """Say what others have changed in rows, by table and column, and how much of it."""
        return [
            f"{table}: others have {what} {count:,} {of_what}{'' if count == 1 else 's'}{where}"
            for table, tally in self.by_others.items()
            for what, count, of_what, where in (
                ("removed", tally.removed, "row", ""),
                ("added", tally.added, "row", ""),
                *(("changed", n, "value", f" of {name}") for name, n in tally.changed.items()),
            )
            if count
        ]
