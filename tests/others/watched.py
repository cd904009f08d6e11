"""What is looked at after each step: the rows of all chats, as each engine sees them."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from hypothesis.stateful import RuleBasedStateMachine

from chatlake.exceptions import TableDiffers
from tests.others.model import TABLES, Model, by_chat, document_rows
from tests.settled import is_settled

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chatlake.documents.document import Document
    from tests.others.protocol import Others, Row
    from tests.stateful.world import World

_STATEMENT = re.compile(
    r"ALTER TABLE \w+ (?:CHANGE COLUMN \w+ \w+ \w+|DROP COLUMN \w+|ADD COLUMNS \(\w+ \w+\))"
    r"|OPTIMIZE \w+ REWRITE DATA USING BIN_PACK"
)


def statements_of(error: TableDiffers) -> list[str]:
    """Return the statements that an error names."""
    return _STATEMENT.findall(error.remedy)


class Watched(RuleBasedStateMachine):
    """A world and others in it, and beside them what SQL must see."""

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.others = self.make_others()
        self.model = Model()
        self.clock = 0
        # When others wrote rows of a chat, by table: they stay until the chat is written again.
        self.touched: dict[tuple[str, str], int] = {}
        self.documents: dict[str, Document] = {}
        self._made: dict[str, list[dict[str, list[Row]]]] = {}
        self._seen: dict[str, object] = {}

    @abstractmethod
    def make_world(self) -> World:
        """Make an empty world."""

    @abstractmethod
    def make_others(self) -> Others:
        """Return who writes to its tables besides."""

    # What is looked at

    def look(self, ours: Collection[str] = (), *, of_today: bool = True) -> None:
        """Compare what SQL sees with what it must see; chats of `ours` may have new rows.

        Those are of their documents, unless another version has written them.
        """
        self.clock += 1
        for table in TABLES:
            version = self.others.version(table)
            if version == self._seen.get(table):
                continue
            self._seen[table] = version
            answers = {name: by_chat(rows) for name, rows in self.others.answers(table).items()}
            for engine, rows in answers.items():
                changed = self.model.differing(table, rows)
                assert changed <= set(ours), f"{engine}, {table}: rows of {changed} changed"
                for chat in changed if of_today else ():
                    self._check_ours(table, chat, rows.get(chat, []))
            for chat in ours:
                self.model.adopt(table, chat, next(iter(answers.values())).get(chat, []))
            for engine, rows in answers.items():
                assert not self.model.differing(table, rows), f"{engine} sees others in {table}"
            assert self.others.refs(table) == self.model.refs[table]

    def _check_ours(self, table: str, chat: str, rows: list[Row]) -> None:
        found = self.model.ours(table, rows)
        made = [self.model.made(table, one[table]) for one in self._made.get(chat, [])]
        assert not rows or found in made, f"{table}: of no document of {chat}: {rows}"
        assert self.model.values_are_kept(table, chat, rows), f"{table}: values of {chat} are lost"

    def assert_rows_are_its_documents(self, chat: str) -> None:
        """A chat has the rows of its document, whatever others did before they were written."""
        document = self.documents.get(chat)
        settled = document is None or is_settled(document)
        made = {name: [] for name in TABLES} if document is None else document_rows(document)
        for table in TABLES:
            if (table, chat) not in self.touched:
                rows = self.model.rows[table].get(chat, [])
                expected = self.model.made(table, made[table], is_settled=settled)
                assert self.model.ours(table, rows, is_settled=settled) == expected, (table, chat)

    def touch(self, table: str, chat: str) -> None:
        """Note that others wrote rows of a chat."""
        self.touched[table, chat] = self.clock

    def written(self, chats: Collection[str], begun: int) -> None:
        """Note that chats were published by one that began then."""
        self.touched = {
            (table, chat): at
            for (table, chat), at in self.touched.items()
            if chat not in chats or at >= begun
        }

    def upsert(self, *documents: Document) -> None:
        self.world.upsert(*documents)
        self.read_documents()
        for chat, document in self.documents.items():
            rows = document_rows(document)
            if rows not in self._made.setdefault(chat, []):
                self._made[chat].append(rows)

    def read_documents(self) -> None:
        self.documents = self.world.documents()

    def attempt(
        self, work: Callable[[], Any], ours: Collection[str], *, of_today: bool = True
    ) -> Any:
        """Do what may fail because a table differs; then it says which, and how to mend it."""
        result: Any = None
        try:
            result = work()
        except TableDiffers as error:
            self.check(error)
        self.look(ours, of_today=of_today)
        return result

    def check(self, error: TableDiffers) -> None:
        """Errors are of tables that others have changed, and say what to do."""
        assert self.model.differs(error.table), error
        assert statements_of(error), error
