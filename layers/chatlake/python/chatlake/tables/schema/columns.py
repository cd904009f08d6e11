"""What a table is made of, and the columns that several tables have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

type ColumnType = Literal["string", "timestamp", "date", "int", "long", "boolean"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; null means that the service did not say, unless `doc` says more."""

    name: str
    doc: str
    type: ColumnType = "string"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partitioned by the day (UTC) of `partition_by`.

    Attributes
    ----------
    sort_by
        The order of rows in a file, nulls last.
    key
        What tells two rows of one chat apart.
    private
        Columns whose values never go into metadata or messages.
    """

    name: str
    doc: str
    partition_by: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    private: tuple[str, ...] = ("extra",)

    @property
    def sort_by(self) -> tuple[str, ...]:
        """The columns by which the rows of a file are sorted, nulls last."""
        return ("initial_contact_id", self.partition_by)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


INSTANCE = Column(
    "instance_id", "Connect instance. Null when only GetTranscript files told of the chat."
)
INITIAL = Column(
    "initial_contact_id", "Contact that began the chat; the key of a chat.", required=True
)
DAY = Column(
    "chat_day",
    "UTC day on which the chat began, the same on all its rows: give it in WHERE, so that only "
    "files around those days are read. Null if nothing of the chat has a time, and on items of an "
    "earlier chat.",
    "date",
)
CONTACT = Column("contact_id", "Contact (leg of the chat) that the row belongs to.", required=True)
EXTRA = Column(
    "extra",
    "Members that chatlake does not know or could not read, under their exact names, as a "
    "canonical JSON object (RFC 8785). Null if there were none.",
)
