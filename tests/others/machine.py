"""A state machine: others write to the tables between any two steps of ours.

What SQL must see is kept beside (`Model`). After each step the rows of all chats are compared with
it, as each engine sees them: only chats that are being published may have others, those of one of
their documents. What others do between is in `foreign`; who they are is left to a subclass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chatlake.exceptions import TableDiffers
from tests.others.model import TABLES, Model, by_chat, counted, document_rows
from tests.settled import is_settled
from tests.stateful.reads import CHAT, OTHER_CHAT, READS, READS_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chatlake.documents.document import Document
    from tests.others.protocol import Others, Row
    from tests.stateful.lockstep import Actor
    from tests.stateful.world import World

_MOST_ACTORS = 2
_MOST_ROUNDS = 12
_STATEMENT = re.compile(
    r"ALTER TABLE \w+ (?:CHANGE COLUMN \w+ \w+ \w+|DROP COLUMN \w+|ADD COLUMNS \(\w+ \w+\))"
    r"|OPTIMIZE \w+ REWRITE DATA USING BIN_PACK"
)

tables = st.sampled_from(sorted(TABLES))
chats = st.sampled_from((CHAT, OTHER_CHAT))
actors = st.integers(0, _MOST_ACTORS - 1)
stops = st.integers(1, 25) | st.sampled_from(
    [f"{step} {name}" for name in TABLES for step in ("load", "commit")] + ["mark_published"]
)


def statements_of(error: TableDiffers) -> list[str]:
    """Return the statements that an error names."""
    return _STATEMENT.findall(error.remedy)


@dataclass
class Running:
    """An actor at work, the chats whose rows it may write, and since when."""

    actor: Actor[Any]
    chats: set[str]
    begun: int


class OursAmongOthers(RuleBasedStateMachine):
    """What we do, and what is looked at after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.others = self.make_others()
        self.model = Model()
        self.running: list[Running] = []
        self.cut_off: set[str] = set()
        self.erased: set[str] = set()
        self.clock = 0
        # When others wrote rows of a chat, by table: they stay until the chat is written again.
        self.touched: dict[tuple[str, str], int] = {}
        self._documents: dict[str, Document] = {}
        self._made: dict[str, list[dict[str, list[Row]]]] = {}
        self._seen: dict[str, object] = {}

    def make_world(self) -> World:
        raise NotImplementedError

    def make_others(self) -> Others:
        raise NotImplementedError

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
        document = self._documents.get(chat)
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

    # What we do

    def upsert(self, *documents: Document) -> None:
        self.world.upsert(*documents)
        self.read_documents()
        for chat, document in self._documents.items():
            rows = document_rows(document)
            if rows not in self._made.setdefault(chat, []):
                self._made[chat].append(rows)

    def read_documents(self) -> None:
        self._documents = self.world.documents()

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

    def publish(self) -> None:
        """Publish all that waits, at once."""
        waiting, begun = set(self.world.queue.values()), self.clock
        before = {table: dict(self.model.rows[table]) for table in TABLES}
        outcome = self.attempt(self.world.publish, waiting)
        self.read_documents()
        if outcome is not None:
            assert not outcome.failed
            for chat in outcome.unchanged:
                for table in TABLES:
                    kept = before[table].get(chat, [])
                    assert counted(self.model.rows[table].get(chat, [])) == counted(kept)
            self.written(outcome.published, begun)
            for chat in outcome.published:
                self.assert_rows_are_its_documents(chat)

    def begin(self, actor: Actor[Any], chats: set[str], stop: int | str) -> None:
        self.running.append(Running(actor, chats, self.clock))
        self.go_on(self.running[-1], stop)

    def go_on(self, one: Running, stop: int | str) -> None:
        one.actor.advance(stop if isinstance(stop, int) else 1)
        while isinstance(stop, str) and not (one.actor.waits_for or stop).startswith(stop):
            one.actor.advance()
        if one.actor.running:
            self.look(one.chats)
            return
        self.running.remove(one)
        result = self.attempt(lambda: one.actor.result, one.chats)
        if result is None:
            if one.actor.name == "erasure":
                self.cut_off |= one.chats & {CHAT, OTHER_CHAT}
        elif one.actor.name == "publisher":
            self.written(result.published, one.begun)
        else:
            self.learn_erased(result.erased | result.already_erased, one)

    def learn_erased(self, erased: set[str], one: Running) -> None:
        self.erased |= erased
        self.read_documents()
        self.written(erased, one.begun)
        for table in TABLES:
            # Others may have written rows of it meanwhile.
            gone = {chat for chat in one.chats & erased if not self._touched_since(chat, one.begun)}
            assert not gone & self.others.raw_chats(table), f"{table} holds rows of an erased chat"

    def _touched_since(self, chat: str, begun: int) -> bool:
        return any(of == chat and at >= begun for (_, of), at in self.touched.items())

    def republish(self, *chats: str) -> None:
        self.world.chats.publish_attempts.forget_published(chats)
        self.world.announce(chats)

    def mend(self) -> bool:
        """Do as the errors of all tables say; return whether there was one."""
        for error in self._differing():
            for statement in statements_of(error):
                self.others.run(statement)
                self.model.run(statement)
                self.look()
                if "ADD COLUMNS" in statement:
                    self.republish(*self._documents)
            return True
        return False

    def _differing(self) -> list[TableDiffers]:
        errors: list[TableDiffers] = []
        for table in TABLES.values():
            try:
                self.world.lake.load(table)
            except TableDiffers as error:
                errors.append(error)
        self.look()
        return errors

    # Rules

    def can_begin(self) -> bool:
        return len(self.running) < _MOST_ACTORS

    def has_actors(self) -> bool:
        return bool(self.running)

    def has_queue(self) -> bool:
        return bool(self.world.queue)

    def is_quiet(self) -> bool:
        return not self.running

    @rule(chat=chats, read=st.sampled_from(sorted(READS)))
    def a_read_is_taken_in(self, chat: str, read: str) -> None:
        self.upsert(READS_OF[chat][read])

    @rule(some=st.lists(st.tuples(chats, st.sampled_from(sorted(READS))), min_size=2, max_size=6))
    def reads_are_published(self, some: list[tuple[str, str]]) -> None:
        self.upsert(*(READS_OF[chat][read] for chat, read in some))
        self.publish()

    @precondition(has_queue)
    @rule()
    def all_is_published(self) -> None:
        self.publish()

    @precondition(lambda self: self.can_begin() and self.has_queue())
    @rule(stop=stops)
    def a_publisher_begins(self, stop: int | str) -> None:
        waiting = set(self.world.queue.values())
        self.begin(self.world.publisher(), waiting, stop)

    @precondition(can_begin)
    @rule(chat=chats, stop=stops | st.just(10_000))
    def an_erasure_begins(self, chat: str, stop: int | str) -> None:
        self.begin(self.world.erasure(chat), {chat, f"{chat}-leg"}, stop)

    @precondition(has_actors)
    @rule(which=actors, stop=stops)
    def an_actor_goes_on(self, which: int, stop: int | str) -> None:
        self.go_on(self.running[which % len(self.running)], stop)

    @precondition(has_actors)
    @rule(which=actors)
    def an_actor_is_killed(self, which: int) -> None:
        one = self.running.pop(which % len(self.running))
        one.actor.kill()
        if one.actor.name == "erasure":
            self.cut_off |= one.chats & {CHAT, OTHER_CHAT}
        self.look(one.chats)

    @rule(chat=chats)
    def a_chat_is_made_due(self, chat: str) -> None:
        if chat in self.world.documents():
            self.republish(chat)

    @precondition(lambda self: any(map(self.model.differs, TABLES)))
    @rule()
    def a_person_mends_a_table(self) -> None:
        self.mend()

    @rule()
    def all_settle(self) -> None:
        while self.running:
            self.go_on(self.running[0], 10_000)
        self.read_documents()
        # What others have written is found with the next rows.
        self.republish(*sorted(self._documents)[:1])
        for _ in range(_MOST_ROUNDS):
            if not (self.mend() or self.cut_off or self.world.queue):
                break
            for chat in sorted(self.cut_off):
                self.cut_off.remove(chat)
                self.an_erasure_begins(chat, 10_000)
            self.publish()
        assert not self.world.queue, "the queue never gets empty"
        self.read_documents()
        for chat in {*self._documents, *self._made}:
            self.assert_rows_are_its_documents(chat)

    def teardown(self) -> None:
        try:
            self.all_settle()
        finally:
            for one in self.running:
                one.actor.kill()
            self.world.close()
