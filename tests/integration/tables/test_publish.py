"""How publishers, intakes and erasures keep out of each other's way, one example at a time.

Most examples run on the real documents and tables of a folder, each actor stopped where it hurts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chatlake.exceptions import PublishConflict, SnapshotConflict
from chatlake.tables import schema
from chatlake.tables.flatten import arrow_schema
from chatlake.tables.lake.pruning import Sought
from tests.stateful.memory import MemoryLake
from tests.stateful.reads import CHAT, LEG, OTHER_CHAT, READS, READS_OF, message, response
from tests.stateful.world import World, assert_rows_are_those_of_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.tables.publish import PublishOutcome
    from tests.stateful.memory import Row

TABLES = [table.name for table in schema.TABLES]
NO_ROWS: list[list[Row]] = [[] for _ in TABLES]

# The whole of a small chat: each table has a row of it, on days of its own.
WHOLE = ("a message", "its receipt", "an attachment", "the beginning of the contact")


@pytest.fixture
def world_in_memory() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def upsert(world: World, *reads: str, chat: str = CHAT) -> None:
    world.upsert(*(READS_OF[chat][read] for read in reads))


def rows(world: World, name: str) -> list[Row]:
    return world.rows(table_named(name))


def table_named(name: str) -> schema.Table:
    return next(table for table in schema.TABLES if table.name == name)


def values(world: World, table: str, column: str) -> list[Any]:
    names = [c.name for c in table_named(table).columns if c.name != "published_at"]
    return [row[names.index(column)] for row in rows(world, table)]


def assert_published(world: World) -> None:
    """All that waits is published, and then the rows are those of the documents."""
    world.drain()
    assert_rows_are_those_of_documents(world)


# A publisher that is slow


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("step", ["load", "commit"])
def test_a_slow_publisher_never_puts_old_rows_over_new_ones(
    world: World, step: str, table: str
) -> None:
    upsert(world, *WHOLE)
    slow = world.publisher()
    slow.advance_to(f"{step} {table}")
    upsert(world, "a message on another day", "no attachment after all")
    world.publish()
    assert_rows_are_those_of_documents(world)
    slow.finish()
    assert_rows_are_those_of_documents(world)


@pytest.mark.parametrize("table", TABLES)
def test_a_slow_publisher_is_stopped_by_one_that_found_the_rows_right_already(
    world: World, table: str
) -> None:
    upsert(world, *WHOLE)
    world.drain()
    # Rows that were so once, were to be others, and are so again.
    upsert(world, "a message on another day")
    slow = world.publisher()
    slow.advance_to(f"commit {table}")
    upsert(world, "a message back on its day")
    world.announce([CHAT])
    world.publish()
    slow.finish()
    assert_published(world)


@pytest.mark.parametrize("table", TABLES)
def test_a_slow_publisher_brings_nothing_of_an_erased_chat_back(world: World, table: str) -> None:
    upsert(world, *WHOLE)
    slow = world.publisher()
    slow.advance_to(f"commit {table}")
    world.erase(CHAT)
    slow.finish()
    world.drain()
    assert [rows(world, name) for name in TABLES] == NO_ROWS


def test_what_a_slow_publisher_remembers_in_the_end_is_not_taken_for_the_newest(
    world: World,
) -> None:
    upsert(world, "a message")
    slow = world.publisher()
    slow.advance_to("mark_published")
    upsert(world, "a message on another day")
    cut_off = world.publisher()
    cut_off.advance_past("commit messages")
    cut_off.kill()
    slow.finish()
    # The document is what the slow one published, but the messages are those of the other.
    upsert(world, "a message back on its day")
    assert_published(world)


# Two publishers of one chat


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("start", ["together", "one after the other's first commit"])
def test_two_publishers_of_a_new_chat_write_it_once(world: World, table: str, start: str) -> None:
    upsert(world, *WHOLE)
    first = world.publisher()
    if start != "together":
        first.advance_past("commit messages")
    second = world.publisher()
    second.advance_to(f"commit {table}")
    first.finish()
    second.finish()
    assert_rows_are_those_of_documents(world)


@pytest.mark.parametrize("step", ["read", "record attempts", "read attempts", "commit messages"])
def test_of_two_publishers_of_a_new_chat_the_first_may_be_overtaken_anywhere(
    world: World, step: str
) -> None:
    upsert(world, *WHOLE)
    first = world.publisher()
    first.advance_to(step)
    world.publish()
    first.finish()
    assert_rows_are_those_of_documents(world)


def test_publishing_again_what_is_published_commits_nothing(world: World) -> None:
    upsert(world, *WHOLE)
    world.drain()
    before = snapshots(world)
    world.announce([CHAT])
    assert world.publish().unchanged == {CHAT}
    assert snapshots(world) == before


def snapshots(world: World) -> list[int]:
    return [world.lake.load(table).metadata.current_snapshot_id for table in schema.TABLES]


# What is measured


def measured(*outcomes: PublishOutcome) -> int:
    """How many messages some publications have measured together."""
    return sum(outcome.measures.messages for outcome in outcomes if outcome.measures)


def test_a_chat_is_measured_once_however_often_it_is_published(world: World) -> None:
    upsert(world, *WHOLE)
    assert measured(world.publish()) == 1
    upsert(world, "a message on another day")
    assert measured(world.publish()) == 0
    killed = world.publisher(CHAT)
    upsert(world, "a message back on its day")
    killed.advance_past("record attempts")
    killed.kill()
    assert measured(world.publish(CHAT)) == 0


@pytest.mark.parametrize("table", TABLES)
def test_a_chat_whose_first_attempt_was_cut_off_is_measured_by_the_next(
    world: World, table: str
) -> None:
    upsert(world, *WHOLE)
    killed = world.publisher()
    killed.advance_past(f"commit {table}")
    killed.kill()
    assert measured(world.publish()) == 1


@pytest.mark.parametrize("step", ["read", "record attempts", "commit messages", "mark_published"])
def test_two_publishers_of_a_new_chat_measure_it_once(world: World, step: str) -> None:
    upsert(world, *WHOLE)
    first = world.publisher()
    first.advance_to(step)
    second = world.publish()
    assert measured(first.finish(), second) == 1


# A document that changes while it is published


def test_a_chat_that_changes_between_tables_is_left_to_the_next_publisher(world: World) -> None:
    upsert(world, *WHOLE)
    publisher = world.publisher()
    publisher.advance_past("commit messages")
    upsert(world, "a message on another day")
    outcome = publisher.finish()
    assert outcome.moved == {CHAT}
    assert outcome.published == set()
    # Of no revision are all rows there, so none is named.
    assert rows(world, "contacts") == []
    assert CHAT in world.queue.values()
    assert_published(world)
    assert len(rows(world, "contacts")) == 1


def test_a_change_does_not_keep_the_other_chats_of_a_batch_waiting(world: World) -> None:
    upsert(world, "a message")
    upsert(world, "a message", chat=OTHER_CHAT)
    publisher = world.publisher()
    publisher.advance_past("commit receipts")
    upsert(world, "its receipt")
    assert publisher.finish().published == {OTHER_CHAT}
    assert values(world, "contacts", "initial_contact_id") == [OTHER_CHAT]
    assert_published(world)


def test_a_change_that_is_taken_back_leaves_no_row_of_it(world: World) -> None:
    upsert(world, "a message")
    world.drain()
    upsert(world, "a message on another day")
    publisher = world.publisher()
    publisher.advance_past("commit messages")
    # The document is now as it was when it was published last, but its messages are not.
    upsert(world, "a message back on its day")
    publisher.finish()
    assert_published(world)


# A publisher that is killed


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("start", ["new", "changed"])
def test_a_publisher_that_was_killed_after_a_commit_is_made_good(
    world: World, start: str, table: str
) -> None:
    if start == "changed":
        upsert(world, "a message on another day", "no attachment after all")
        world.drain()
    upsert(world, *WHOLE)
    killed = world.publisher()
    killed.advance_past(f"commit {table}")
    killed.kill()
    assert_published(world)


def test_rows_of_a_publisher_that_was_killed_are_found_on_days_that_are_no_longer_the_chats(
    world: World,
) -> None:
    upsert(world, "a message on another day")
    killed = world.publisher()
    killed.advance_past("commit messages")
    killed.kill()
    upsert(world, "a message back on its day")
    assert_published(world)
    assert [sent_at.day for sent_at in values(world, "messages", "sent_at")] == [1]


def test_a_publisher_that_was_killed_before_its_first_commit_is_no_proof_of_a_new_chat(
    world: World,
) -> None:
    upsert(world, *WHOLE)
    killed = world.publisher()
    killed.advance_to("commit messages")
    other = world.publisher()
    killed.kill()
    other.finish()
    assert_published(world)


# Where old rows are looked for


def test_a_receipt_gets_its_day_when_its_message_comes(world: World) -> None:
    upsert(world, "a receipt before its message")
    world.drain()
    assert values(world, "receipts", "sent_at") == [None]
    upsert(world, "the message of that receipt")
    assert_published(world)
    assert [sent_at.day for sent_at in values(world, "receipts", "sent_at")] == [2]


def test_a_message_that_changes_its_day_leaves_the_old_one(world: World) -> None:
    upsert(world, "a message", "its receipt")
    for read in ("a message on another day", "a message back on its day"):
        world.drain()
        upsert(world, read)
    assert_published(world)
    assert [sent_at.day for sent_at in values(world, "messages", "sent_at")] == [1]


def test_a_contact_gets_its_day_when_its_beginning_is_known(world: World) -> None:
    upsert(world, "a message")
    world.drain()
    upsert(world, "the beginning of the contact")
    assert_published(world)
    assert [moment.day for moment in values(world, "contacts", "initiated_at")] == [4]


# Conflicts


@pytest.mark.parametrize("table", TABLES)
def test_a_conflict_on_a_table_makes_the_publisher_look_again(world: World, table: str) -> None:
    upsert(world, *WHOLE)
    publisher = world.publisher(CHAT)
    publisher.advance_to(f"commit {table}")
    upsert(world, "a message", "its receipt", chat=OTHER_CHAT)
    world.publish(OTHER_CHAT, CHAT)
    publisher.finish()
    assert_rows_are_those_of_documents(world)


class ContendedLake(MemoryLake):
    """A lake where somebody else always commits to one table first."""

    contended: str | None = None

    def replace(self, table: schema.Table, loaded: Any, rows: Any, sought: Any) -> bool:
        if table.name == self.contended:
            raise SnapshotConflict(table.name)
        return super().replace(table, loaded, rows, sought)


@pytest.mark.parametrize("table", TABLES)
def test_a_publisher_that_gives_up_after_too_many_conflicts_loses_nothing(
    world_in_memory: World, table: str
) -> None:
    world = world_in_memory
    world.lake = lake = ContendedLake()
    upsert(world, *WHOLE)
    upsert(world, "a message", chat=OTHER_CHAT)
    lake.contended = table
    publisher = world.publisher()
    with pytest.raises(PublishConflict, match=table):
        publisher.finish()
    assert publisher.steps.count(f"commit {table}") > 10
    assert set(world.queue.values()) == {CHAT, OTHER_CHAT}
    lake.contended = None
    assert_published(world)
    assert len(rows(world, "contacts")) == 2


class MisreportingLake(MemoryLake):
    """A lake where the first commit to a table goes through, but is said to have failed."""

    misreported: str | None = None

    def replace(self, table: schema.Table, loaded: Any, rows: Any, sought: Any) -> bool:
        committed = super().replace(table, loaded, rows, sought)
        if table.name == self.misreported:
            self.misreported = None
            raise SnapshotConflict(table.name)
        return committed


@pytest.mark.parametrize("table", TABLES)
def test_a_commit_that_went_through_unnoticed_is_not_made_twice(
    world_in_memory: World, table: str
) -> None:
    world = world_in_memory
    world.lake = lake = MisreportingLake()
    upsert(world, *WHOLE)
    lake.misreported = table
    assert_published(world)


@pytest.mark.parametrize("table", TABLES)
def test_whoever_sought_old_rows_and_found_none_to_change_has_still_committed(
    world: World, table: str
) -> None:
    one = table_named(table)
    loaded_before = world.lake.load(one)
    empty = arrow_schema(one).empty_table()
    assert world.lake.replace(one, world.lake.load(one), empty, Sought({"c1": [1, None]}))
    with pytest.raises(SnapshotConflict):
        world.lake.replace(one, loaded_before, empty, Sought({"c1": [1, None]}))


@pytest.mark.parametrize("table", TABLES)
def test_nothing_to_add_and_nothing_sought_is_no_commit(world: World, table: str) -> None:
    one = table_named(table)
    before = snapshots(world)
    empty = arrow_schema(one).empty_table()
    assert not world.lake.replace(one, world.lake.load(one), empty, Sought())
    assert snapshots(world) == before


# Documents that move into another chat


def test_a_leg_that_was_taken_for_a_chat_has_no_rows_of_its_own_in_the_end(world: World) -> None:
    upsert(world, "a message", "an export of a leg")
    world.drain()
    assert set(values(world, "messages", "initial_contact_id")) == {CHAT, LEG}
    upsert(world, "the word that it is a leg")
    assert_published(world)
    assert set(values(world, "messages", "initial_contact_id")) == {CHAT}
    assert "m5" in values(world, "messages", "item_id")


def test_what_is_added_to_a_leg_while_it_is_moved_into_its_chat_is_not_lost(world: World) -> None:
    upsert(world, "an export of a leg")
    # It does not know yet whose leg that is.
    late = world.upserted(READS["a read of a leg"])
    late.advance_to(f"update {LEG}")
    mover = world.upserted(READS["the word that it is a leg"])
    mover.advance_to(f"delete {LEG}")
    late.advance_past(f"update {LEG}")
    mover.finish()
    late.finish()
    assert_published(world)
    assert set(values(world, "messages", "item_id")) == {"m5", "m6", "m7"}


def test_rows_of_a_leg_go_away_even_if_the_intake_that_moved_it_was_killed(world: World) -> None:
    upsert(world, "an export of a leg")
    world.drain()
    killed = world.upserted(READS["the word that it is a leg"])
    killed.advance_past(f"delete {LEG}")
    killed.kill()
    upsert(world, "the word that it is a leg")
    assert_published(world)
    assert set(values(world, "messages", "initial_contact_id")) == {CHAT}


@pytest.mark.parametrize("step", ["read attempts", f"read {LEG}", "erased", "initial_contacts"])
def test_a_leg_that_is_moved_while_it_is_published_is_no_failure(world: World, step: str) -> None:
    upsert(world, "an export of a leg")
    publisher = world.publisher(LEG)
    publisher.advance_to(step)
    upsert(world, "the word that it is a leg")
    assert publisher.finish().failed == {}
    assert_published(world)


# Chats that are erased


def test_a_chat_is_erased_whole_though_it_is_being_taken_in_again(world: World) -> None:
    upsert(world, *WHOLE)
    world.drain()
    upserted = world.upserted(response(CHAT, message("m9", 1)))
    upserted.advance_to(f"update {CHAT}")
    erasure = world.erasure(CHAT)
    erasure.advance_past("commit messages")
    upserted.advance_past(f"update {CHAT}")
    erasure.finish()
    upserted.finish()
    world.drain()
    assert [rows(world, name) for name in TABLES] == NO_ROWS
    assert world.documents() == {}


def test_a_publisher_that_an_erasure_did_not_see_does_not_keep_its_rows(world: World) -> None:
    upsert(world, *WHOLE)
    publisher = world.publisher()
    publisher.advance_to("record attempts")
    erasure = world.erasure(CHAT)
    erasure.advance_to("forget")
    publisher.advance_past("record attempts")
    erasure.finish()
    publisher.finish()
    world.drain()
    assert [rows(world, name) for name in TABLES] == NO_ROWS


@pytest.mark.parametrize("step", ["read attempts", f"read {CHAT}", "erased", "initial_contacts"])
def test_a_chat_that_is_erased_while_it_is_published_is_no_failure(world: World, step: str) -> None:
    upsert(world, *WHOLE)
    publisher = world.publisher()
    publisher.advance_to(step)
    world.erase(CHAT)
    assert publisher.finish().failed == {}
    world.drain()
    assert [rows(world, name) for name in TABLES] == NO_ROWS


@pytest.mark.parametrize("step", ["delete", "load messages", "commit messages", "mark_published"])
def test_an_erasure_that_was_cut_off_can_be_asked_for_again(world: World, step: str) -> None:
    upsert(world, *WHOLE)
    world.drain()
    killed = world.erasure(CHAT)
    killed.advance_to(step)
    killed.kill()
    # Meanwhile the chat is announced once more.
    world.announce([CHAT])
    world.drain()
    erasure = world.erase(CHAT)
    assert erasure.erased | erasure.already_erased == {CHAT}
    world.drain()
    assert [rows(world, name) for name in TABLES] == NO_ROWS
    assert world.documents() == {}


def test_reads_of_an_erased_chat_bring_nothing_back(world: World) -> None:
    upsert(world, *WHOLE)
    world.drain()
    world.erase(CHAT)
    upsert(world, *WHOLE)
    world.drain()
    assert [rows(world, name) for name in TABLES] == NO_ROWS
    assert world.documents() == {}


def test_a_chat_that_was_erased_has_no_rows_though_an_intake_just_wrote_its_document(
    world: World,
) -> None:
    upsert(world, "a message")
    upserted = world.upserted(READS["its receipt"])
    upserted.advance_to(f"update {CHAT}")
    world.erase(CHAT)
    upserted.advance_past(f"update {CHAT}")
    assert CHAT in world.documents()
    # What was announced before the erasure comes now.
    world.publish()
    assert [rows(world, name) for name in TABLES] == NO_ROWS
    upserted.finish()
    assert world.documents() == {}


# One message that two publishers are given at once, as SQS may; the first takes it off the queue.


def test_rows_of_an_erased_chat_do_not_stay_with_a_message_that_was_given_twice(
    world: World,
) -> None:
    upsert(world, *WHOLE)
    late = world.publisher()
    late.advance_to("record attempts")
    world.erase(CHAT)
    world.publish()
    late.finish()
    world.drain()
    assert [rows(world, name) for name in TABLES] == NO_ROWS


def test_rows_of_a_moved_leg_do_not_stay_with_a_message_that_was_given_twice(
    world: World,
) -> None:
    upsert(world, "an export of a leg")
    late = world.publisher(LEG)
    late.advance_to("record attempts")
    upsert(world, "the word that it is a leg")
    world.publish(LEG)
    late.finish()
    assert_published(world)
    assert set(values(world, "messages", "initial_contact_id")) == {CHAT}
