"""Publishers, intakes and erasures at once, step by step, some of them killed on the way.

Whatever the order of their steps: when all that was announced is published, the tables hold the
rows of the documents, each once, and the documents hold all that was ever read, but nothing of
erased chats.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chatlake.documents.document import Document, merge, rekeyed
from chatlake.operations.erase import Erasure
from chatlake.tables import schema
from tests.stateful.reads import CHAT, OTHER_CHAT, READS, READS_OF
from tests.stateful.world import World, assert_rows_are_those_of_documents

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.stateful.lockstep import Actor

LEG_IS_KNOWN = "the word that it is a leg"

type Read = tuple[str, str]
"""The chat of a read and its name."""


def expected_documents(reads: Collection[Read], erased: Collection[str]) -> dict[str, Document]:
    """The documents that reads make in whatever order they came; of erased chats none."""
    by_chat = defaultdict[str, list[Document]](list)
    for chat, name in sorted(reads):
        document = READS_OF[chat][name]
        if document.provisional and (chat, LEG_IS_KNOWN) in reads:
            document = rekeyed(document, chat)
        by_chat[document.initial_contact_id].append(document)
    return {
        chat: reduce(merge, documents) for chat, documents in by_chat.items() if chat not in erased
    }


def assert_all_is_well(world: World, reads: Collection[Read], erased: Collection[str]) -> None:
    actual = world.documents()
    expected = expected_documents(reads, erased)
    assert {chat: sorted(document.items) for chat, document in actual.items()} == {
        chat: sorted(document.items) for chat, document in expected.items()
    }
    assert {chat: document.to_bytes() for chat, document in actual.items()} == {
        chat: document.to_bytes() for chat, document in expected.items()
    }
    assert_rows_are_those_of_documents(world)


# Two actors: one stops before each of its steps while the other does all of its work.


@dataclass(frozen=True)
class Part:
    """What one actor does: it publishes all that waits, takes reads in, or erases a chat."""

    reads: tuple[Read, ...] = ()
    erases: str | None = None

    def start(self, world: World) -> Actor[Any]:
        if self.erases is not None:
            return world.erasure(self.erases)
        if self.reads:
            return world.upserted(*(READS_OF[chat][name] for chat, name in self.reads))
        return world.publisher()


def of_chat(*names: str) -> tuple[Read, ...]:
    return tuple((CHAT, name) for name in names)


PARTS = {
    "a publisher": Part(),
    "a change back": Part(of_chat("a message back on its day", "no attachment after all")),
    "a word of the leg": Part(of_chat(LEG_IS_KNOWN)),
    "a read of the leg": Part(of_chat("a read of a leg")),
    "an erasure": Part(erases=CHAT),
}
STARTS = {
    # What was taken in and published before, and what was taken in since.
    "new": (
        (),
        of_chat("a message", "a receipt before its message", "an export of a leg"),
    ),
    "changed": (
        of_chat("a message", "no attachment after all", "an export of a leg"),
        of_chat("a message on another day", "an attachment"),
    ),
}


@pytest.fixture(scope="module")
def worlds() -> Iterator[dict[str, World]]:
    """Worlds as they are at first; each step is taken in a copy, which is made at once."""
    made = {start: World() for start in STARTS}
    for start, (published, waiting) in STARTS.items():
        Part(published).start(made[start]).finish()
        made[start].drain()
        Part(waiting).start(made[start]).finish()
    yield made
    for world in made.values():
        world.close()


def reads_of(start: str) -> set[Read]:
    published, waiting = STARTS[start]
    return {*published, *waiting}


def count_steps(begun: World, part: Part) -> int:
    world = begun.copied()
    actor = part.start(world)
    actor.finish()
    world.close()
    return len(actor.steps)


# One of three in the gate, the others in `make worlds`.
@pytest.mark.parametrize(
    ("first", "second", "start"),
    [
        pytest.param(*case, marks=pytest.mark.world if number % 3 else ())
        for number, case in enumerate(product(PARTS, PARTS, STARTS))
    ],
)
def test_an_actor_may_be_overtaken_at_any_step(
    worlds: dict[str, World], first: str, second: str, start: str
) -> None:
    slow_part, fast_part = PARTS[first], PARTS[second]
    reads = reads_of(start)
    for steps in range(count_steps(worlds[start], slow_part) + 1):
        world = worlds[start].copied()
        slow = slow_part.start(world)
        slow.advance(steps)
        fast_part.start(world).finish()
        slow.finish()
        world.drain()
        erased = {CHAT} if slow_part.erases or fast_part.erases else set[str]()
        assert_all_is_well(world, {*reads, *slow_part.reads, *fast_part.reads}, erased)
        world.close()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("part", PARTS)
def test_an_actor_may_be_killed_at_any_step_and_begin_again(
    worlds: dict[str, World], part: str, start: str
) -> None:
    reads = reads_of(start)
    for steps in range(count_steps(worlds[start], PARTS[part])):
        world = worlds[start].copied()
        killed = PARTS[part].start(world)
        killed.advance(steps)
        killed.kill()
        world.drain()
        PARTS[part].start(world).finish()
        world.drain()
        erased = {CHAT} if PARTS[part].erases else set[str]()
        assert_all_is_well(world, {*reads, *PARTS[part].reads}, erased)
        world.close()


# Many actors in any order.

_MOST_ACTORS = 4

chats = st.sampled_from((CHAT, OTHER_CHAT))
# One message goes there and back more often: rows of long ago may be right again then.
reads = st.tuples(
    chats,
    st.sampled_from(("a message", "a message on another day", "a message back on its day"))
    | st.sampled_from(sorted(READS)),
)
actors = st.integers(0, _MOST_ACTORS - 1)
# Where an actor stops: after some steps, or before one that decides.
stops = st.integers(1, 25) | st.sampled_from(
    (
        *(f"{step} {table.name}" for table in schema.TABLES for step in ("load", "commit")),
        *("record", "mark_published", "update", "delete", "send", "forget"),
    )
)


type Stop = int | str


def go_on(actor: Actor[Any], stop: Stop) -> None:
    """Let an actor take a number of steps, or go on until it is about to take a certain one."""
    actor.advance(stop if isinstance(stop, int) else 1)
    if isinstance(stop, str):
        while actor.waits_for is not None and not actor.waits_for.startswith(stop):
            actor.advance()


class Actors(RuleBasedStateMachine):
    """A crowd at work on a few chats; in the end all settle, and the tables are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.running: list[tuple[Actor[Any], Part]] = []
        self.cut_off: list[Part] = []
        self.reads: set[Read] = set()
        self.erased: set[str] = set()

    def make_world(self) -> World:
        return World()

    def begin(self, part: Part, stop: Stop) -> None:
        self.reads.update(part.reads)
        actor = part.start(self.world)
        self.running.append((actor, part))
        go_on(actor, stop)
        self.reap()

    def reap(self) -> None:
        for actor, _ in self.running:
            if not actor.running:
                self.learn(actor.result)
        self.running = [one for one in self.running if one[0].running]

    def learn(self, result: object) -> None:
        if isinstance(result, Erasure):
            self.erased |= result.erased | result.already_erased

    def can_begin(self) -> bool:
        return len(self.running) < _MOST_ACTORS

    def has_actors(self) -> bool:
        return bool(self.running)

    def has_queue(self) -> bool:
        return bool(self.world.queue)

    @rule(read=reads)
    def a_read_is_taken_in(self, read: Read) -> None:
        self.reads.add(read)
        Part((read,)).start(self.world).finish()

    @rule(read=reads)
    def a_read_is_taken_in_and_published(self, read: Read) -> None:
        self.a_read_is_taken_in(read)
        self.world.publish()

    @precondition(can_begin)
    @rule(some=st.lists(reads, min_size=1, max_size=3, unique=True), stop=stops)
    def an_intake_begins(self, some: list[Read], stop: Stop) -> None:
        self.begin(Part(tuple(some)), stop)

    @precondition(lambda self: self.can_begin() and self.has_queue())
    @rule(stop=stops)
    def a_publisher_begins(self, stop: Stop) -> None:
        self.begin(Part(), stop)

    @precondition(can_begin)
    @rule(chat=chats, stop=stops)
    def an_erasure_begins(self, chat: str, stop: Stop) -> None:
        self.begin(Part(erases=chat), stop)

    @precondition(has_actors)
    @rule(which=actors, stop=stops)
    def an_actor_goes_on(self, which: int, stop: Stop) -> None:
        actor, _ = self.running[which % len(self.running)]
        go_on(actor, stop)
        self.reap()

    @precondition(has_actors)
    @rule(which=actors)
    def an_actor_is_killed(self, which: int) -> None:
        actor, part = self.running.pop(which % len(self.running))
        actor.kill()
        self.cut_off.append(part)

    @rule()
    def all_settle(self) -> None:
        while self.running:
            self.running[0][0].finish()
            self.reap()
        # Publishers are given again what they did not acknowledge; the others begin again.
        for part in self.cut_off:
            if part != Part():
                self.learn(part.start(self.world).finish())
        self.cut_off.clear()
        self.world.drain()
        assert_all_is_well(self.world, self.reads, self.erased)

    def teardown(self) -> None:
        try:
            self.all_settle()
        finally:
            for actor, _ in self.running:
                actor.kill()
            self.world.close()


class ActorsInALake(Actors):
    """The same on the real tables and files."""

    def make_world(self) -> World:
        self.folder = TemporaryDirectory()
        return World(Path(self.folder.name))

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.folder.cleanup()


# Time enough to make a failure small.
TestActors = pytest.mark.timeout(900)(Actors.TestCase)
TestActors.settings = settings(max_examples=settings().max_examples * 3, stateful_step_count=12)
TestActorsInALake = pytest.mark.timeout(900)(ActorsInALake.TestCase)
TestActorsInALake.settings = settings(
    max_examples=max(settings().max_examples // 10, 1), stateful_step_count=12
)
