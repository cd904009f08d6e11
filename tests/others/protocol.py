"""What others may do to a table, one method for each; who does it, and how, is left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatlake.documents.document import Document

type Row = dict[str, Any]
"""The values of a row by column, times without a zone."""

CHAT = "initial_contact_id"


class Others(Protocol):
    """An engine that writes to the tables as if chatlake were not there.

    Tables and columns are given by name. A method returns when its change is committed.
    """

    # Rows

    def delete(self, table: str, chat: str, *, copying: bool = False) -> None:
        """DELETE the rows of a chat, merging on read; or by copying files, where that is known."""

    def update(self, table: str, chat: str, column: str, value: Any) -> None:
        """UPDATE a column in the rows of a chat; a time moves them to another partition."""

    def merge(self, table: str, chat: str, column: str, value: Any, otherwise: Row) -> None:
        """MERGE: UPDATE the rows of a chat as above, or INSERT a row if there are none."""

    def insert(self, table: str, row: Row) -> None:
        """INSERT a row; columns without a value are null."""

    # Files

    def compact(self, table: str) -> None:
        """OPTIMIZE: rewrite all files, deletes applied, in the table's partitioning of today."""

    def expire_snapshots(self, table: str) -> None:
        """Expire all snapshots but those of branches and tags, with their files."""

    def remove_orphans(self, table: str) -> None:
        """Remove all files that no snapshot of the table needs."""

    # Definition

    def add_column(self, table: str, name: str, of_type: str) -> None:
        """ADD a column: `of_type` is string, bigint, array(varchar) or row(a varchar, b bigint)."""

    def rename_column(self, table: str, name: str, to: str) -> None:
        """RENAME a column."""

    def drop_column(self, table: str, name: str) -> None:
        """DROP a column."""

    def partition_by(self, table: str, *fields: str) -> None:
        """Change the partitioning: month(c), day(c), bucket(c, n) or c; nothing for none."""

    def sort_by(self, table: str, *columns: str) -> None:
        """Change the sort order."""

    def tag(self, table: str, name: str) -> None:
        """Tag the current snapshot."""

    def branch(self, table: str, name: str) -> None:
        """Make a branch of the current snapshot."""

    def insert_into_branch(self, table: str, name: str, row: Row) -> None:
        """INSERT a row into a branch."""

    def remove_properties(self, table: str) -> None:
        """Remove the properties that chatlake has set, as far as the engine lets one."""

    def run(self, statement: str) -> None:
        """Run a statement of Athena's that an error has named."""

    # Version 0.1

    def publish_as_released(self, table: str, document: Document) -> set[str]:
        """Write a chat's rows as version 0.1 does (`versions`); return whose rows it wrote.

        Only into a table that is partitioned as chatlake makes it.
        """

    def is_partitioned_anew(self, table: str) -> bool:
        """Return whether new files of a table go by another partitioning than chatlake's."""

    # What SQL sees

    def answers(self, table: str) -> Mapping[str, list[Row]]:
        """Return all rows of a table as each engine sees them, by the name of the engine."""

    def version(self, table: str) -> object:
        """Return what differs whenever the table may have changed."""

    def refs(self, table: str) -> Mapping[str, int]:
        """Return the snapshots of all tags, and of all branches but the main one, by name."""

    def raw_chats(self, table: str) -> set[str]:
        """Return the chats that the current snapshot's files hold rows of, deleted ones, too."""
