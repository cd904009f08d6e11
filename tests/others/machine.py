"""A state machine: others write to the tables between any two steps of ours.

What SQL must see is kept beside (`Model`). After each step the rows of all chats are compared with
it, as each engine sees them: only chats that are being published may have others, those of one of
their documents. What others do between is in `foreign`; who they are is left to a subclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from chatlake.exceptions import TableDiffers
from tests.others.model import TABLES, counted
from tests.others.watched import Watched, statements_of
from tests.stateful.reads import CHAT, OTHER_CHAT, READS, READS_OF, at, message, receipts, response

if TYPE_CHECKING:
    from chatlake.documents.document import Document
    from tests.stateful.lockstep import Actor

_MOST_ACTORS = 2
_MOST_ROUNDS = 12

tables = st.sampled_from(sorted(TABLES))
chats = st.sampled_from((CHAT, OTHER_CHAT))
actors = st.integers(0, _MOST_ACTORS - 1)
stops = st.integers(1, 25) | st.sampled_from(
    [f"{step} {name}" for name in TABLES for step in ("load", "commit")] + ["mark_published"]
)


@dataclass
class Running:
    """An actor at work, the chats whose rows it may write, and since when."""

    actor: Actor[Any]
    chats: set[str]
    begun: int


class OursAmongOthers(Watched):
    """What we do."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[Running] = []
        self.cut_off: set[str] = set()
        self.erased: set[str] = set()
        self._changes = 0

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
                    self.republish(*self.documents)
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

    @initialize()
    def there_are_chats(self) -> None:
        self.change(CHAT, OTHER_CHAT)
        self.publish()

    def change(self, *chats: str) -> None:
        """Change the documents of chats so that all their rows are written, in every table."""
        self._changes += 1
        self.upsert(*(_change(chat, self._changes) for chat in chats))

    @rule(some=st.sampled_from(((CHAT,), (OTHER_CHAT,), (CHAT, OTHER_CHAT))))
    def chats_change_and_are_published(self, some: tuple[str, ...]) -> None:
        self.change(*some)
        self.publish()

    @rule(chat=chats, read=st.sampled_from(sorted(READS)))
    def a_read_is_taken_in(self, chat: str, read: str) -> None:
        self.upsert(READS_OF[chat][read])

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
        self.republish(*sorted(self.documents)[:1])
        for _ in range(_MOST_ROUNDS):
            if not (self.mend() or self.cut_off or self.world.queue):
                break
            for chat in sorted(self.cut_off):
                self.cut_off.remove(chat)
                self.an_erasure_begins(chat, 10_000)
            self.publish()
        assert not self.world.queue, "the queue never gets empty"
        self.read_documents()
        for chat in {*self.documents, *self._made}:
            self.assert_rows_are_its_documents(chat)

    def teardown(self) -> None:
        try:
            self.all_settle()
            # Whatever was left in the files, each chat can be written and leaves the other alone.
            for chat in (CHAT, OTHER_CHAT):
                self.change(chat)
                self.all_settle()
        finally:
            for one in self.running:
                one.actor.kill()
            self.world.close()


def _change(chat: str, number: int) -> Document:
    """Make what is read of a chat that changes its rows in each table."""
    item_id, day = f"n{number}", 1 + number % 3
    said = message(item_id, day, **receipts(item_id, ReadTimestamp=at(day, "13:00:00")))
    attached = {
        "Id": f"{item_id}-file",
        "Type": "ATTACHMENT",
        "AbsoluteTime": at(day),
        "Attachments": [{"AttachmentId": item_id, "Status": "APPROVED"}],
    }
    return response(chat, said, attached, read_at=30 + number)
