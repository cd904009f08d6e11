"""Two chats in the same files of a lake, and others who write to its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.tables import schema
from tests.others.model import by_chat, document_rows
from tests.others.with_pyiceberg import PyicebergOthers
from tests.stateful.reads import CHAT, OTHER_CHAT, READS_OF

if TYPE_CHECKING:
    from chatlake.documents.document import Document
    from tests.others.protocol import Row
    from tests.stateful.world import World

TABLES = [table.name for table in schema.TABLES]
WHOLE = ("a message", "its receipt", "an attachment", "the message of that receipt")
# Every table has other rows then.
CHANGES = ("a message on another day", "no attachment after all", "the beginning of the contact")


@dataclass(frozen=True)
class Beside:
    """A world and the others in it."""

    world: World
    others: PyicebergOthers

    def upsert(self, chat: str, *reads: str) -> None:
        self.world.upsert(*(READS_OF[chat][read] for read in reads))

    def change(self, chat: str) -> None:
        """Change the document of a chat, and publish what waits."""
        self.upsert(chat, *CHANGES)
        self.world.drain()

    def republish(self, *chats: str) -> None:
        self.world.chats.publish_attempts.forget_published(chats)
        self.world.announce(chats)
        self.world.drain()

    def rows(self, table: str, chat: str) -> list[Row]:
        """Return a chat's rows, on which all engines agree."""
        first, *others = (
            sorted(by_chat(rows).get(chat, []), key=repr)
            for rows in self.others.answers(table).values()
        )
        assert all(first == other for other in others)
        return first

    def all_rows(self, chat: str) -> dict[str, list[Row]]:
        return {table: self.rows(table, chat) for table in TABLES}

    def values(self, table: str, chat: str, column: str) -> list[Any]:
        return [row[column] for row in self.rows(table, chat)]

    def keys(self, table: str, chat: str) -> list[tuple[Any, ...]]:
        """Return the key of each of a chat's rows, in the order of `rows`."""
        key = next(one.key for one in schema.TABLES if one.name == table)
        return [tuple(row[name] for name in key) for row in self.rows(table, chat)]

    def document(self, chat: str) -> Document:
        return self.world.documents()[chat]

    def assert_rows_are_its_documents(self, chat: str) -> None:
        """A chat has the rows of its document, each once."""
        for table, rows in document_rows(self.document(chat)).items():
            assert self.rows(table, chat) == sorted(rows, key=repr), table


def beside_others(world: World) -> Beside:
    """Let others come to a world."""
    assert world.catalog is not None
    return Beside(world, PyicebergOthers(world.catalog))


def publish_two_chats(world: World) -> None:
    """Publish two chats at once."""
    for chat in (CHAT, OTHER_CHAT):
        world.upsert(*(READS_OF[chat][read] for read in WHOLE))
    world.drain()
