"""The lease of a shard: one process takes what is new, and none calls who has lost touch."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from chatlake.capture.lease import OLDER_SHARE, Lease, shard_of
from chatlake.capture.shard_table import (
    Coverage,
    Kept,
    Rate,
    ShardTable,
    Waiting,
    survey_shards,
)
from chatlake.capture.worker_hooks import NEW_EVERY_MS
from tests.aws import Aws
from tests.clock import HandClock, rule_time

FIVE_MINUTES_MS = 5 * 60_000
RATES: tuple[Rate, ...] = ("transcripts", "connections")


@dataclass
class Shard:
    aws: Aws
    table: str
    clock: HandClock

    def take(
        self, shard: int = 0, shards: int = 1, *, every_ms: int = FIVE_MINUTES_MS
    ) -> Lease | None:
        table = ShardTable(self.aws.client("dynamodb"), self.table, shard)
        return Lease.take(table, every_ms=every_ms, shard=shard, shards=shards)

    def begun(self) -> Lease:
        lease = self.take()
        assert lease is not None
        lease.beat()
        return lease

    def superseded(self) -> tuple[Lease, Lease]:
        """A process that has just noticed that another has the lease, and that one."""
        first = self.begun()
        self.age(301, first)
        second = self.begun()
        first.beat()
        return first, second

    def age(self, seconds: float, *living: Lease) -> None:
        """Let the time pass, while processes note that they live."""
        end = self.clock.now_ms() + seconds * 1000
        while self.clock.now_ms() < end:
            self.clock.advance(4)
            for lease in living:
                lease.beat()

    def survey(self, shards: int = 1) -> tuple[int, Coverage]:
        dynamodb = self.aws.client("dynamodb")
        return survey_shards(dynamodb, self.table, shards, self.clock.now_ms())


@pytest.fixture
def shard(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Shard:
    clock = HandClock()
    clock.set(1_788_220_800_000)
    rule_time(clock, monkeypatch)
    return Shard(aws, aws.schedule_table(), clock)


def test_one_process_has_it_until_it_is_old(shard: Shard) -> None:
    first = shard.begun()
    assert first.is_newest
    assert first.serves("chat")
    assert first.share("transcripts") == 1
    assert shard.take() is None
    shard.age(290, first)
    assert shard.take() is None
    shard.age(20, first)
    assert shard.take() is not None


def test_a_new_process_comes_every_five_minutes_however_late_each_begins(shard: Shard) -> None:
    began: list[int] = []
    living: list[Lease] = []
    start = shard.clock.now_ms()
    for minute in range(16):
        # The rule asks each minute, and what it starts begins some seconds later.
        asked_ms = start + minute * 60_000 + (8_000, 4_000, 0)[minute % 3]
        shard.age((asked_ms - shard.clock.now_ms()) / 1000, *living)
        lease = shard.take(every_ms=NEW_EVERY_MS["websocket"])
        if lease is not None:
            lease.beat()
            living.append(lease)
            began.append(minute)
    assert began == [0, 5, 10, 15]


def test_the_newest_waits_for_what_the_one_before_keeps(shard: Shard) -> None:
    first = shard.begun()
    shard.age(301, first)
    second = shard.begun()
    # Nobody has called under both: the first does not know yet, and the second may not.
    assert first.share("transcripts") == 1
    assert second.share("transcripts") == 0
    assert not second.serves("new")
    first.beat()
    assert not first.is_newest
    assert not first.is_noticed
    assert first.share("transcripts") == OLDER_SHARE
    second.beat()
    assert second.share("transcripts") == 0

    first.keep(Kept(frozenset({"a", "b"})))
    assert first.is_noticed
    second.beat()
    assert second.is_settled
    assert second.share("transcripts") == 1 - OLDER_SHARE
    assert [chat for chat in ("a", "b", "c") if second.serves(chat)] == ["c"]
    assert [chat for chat in ("a", "b", "c") if first.serves(chat)] == ["a", "b"]


def test_what_is_let_go_is_the_newest_ones(shard: Shard) -> None:
    first, second = shard.superseded()
    first.keep(Kept(frozenset({"a", "b"})))
    second.beat()
    first.keep(Kept(frozenset({"b"})))
    assert not second.serves("a")
    second.beat()
    assert second.serves("a")
    assert not second.serves("b")


def test_three_generations_use_the_whole_rate_and_no_more(shard: Shard) -> None:
    processes: list[Lease] = []
    for _ in range(3):
        shard.age(301, *processes)
        processes.append(shard.begun())
        for _ in range(2):
            for lease in processes:
                lease.beat()
                if not lease.is_noticed:
                    lease.keep(Kept(frozenset({"chat"})))
        assert sum(lease.share("transcripts") for lease in processes) == pytest.approx(1)
    assert [lease.is_newest for lease in processes] == [False, False, True]


def test_the_chats_of_a_process_that_died_are_the_newest_ones(shard: Shard) -> None:
    first, second = shard.superseded()
    first.keep(Kept(frozenset({"a"})))
    second.beat()
    shard.age(20, second)
    assert not second.serves("a")
    shard.age(20, second)
    assert second.serves("a")
    assert second.share("transcripts") == 1


def test_another_takes_the_place_of_a_newest_one_that_died(shard: Shard) -> None:
    shard.begun()
    shard.clock.advance(25)
    assert shard.take() is None
    shard.clock.advance(10)
    successor = shard.begun()
    assert successor.is_settled
    assert successor.share("transcripts") == 1


def test_a_process_that_was_paused_lets_go_of_all(shard: Shard) -> None:
    first = shard.begun()
    shard.clock.advance(16)
    # Nobody has told it anything of late: it asks nobody for anything.
    assert first.share("transcripts") == 0
    assert not first.is_lost
    first.beat()
    assert first.share("transcripts") == 1
    shard.clock.advance(40)
    successor = shard.begun()
    first.beat()
    assert first.is_lost
    assert first.share("transcripts") == 0
    successor.beat()
    assert successor.share("transcripts") == 1


def test_two_that_want_it_at_once_do_not_both_get_it(shard: Shard) -> None:
    table = ShardTable(shard.aws.client("dynamodb"), shard.table, 0)
    first = shard.begun()
    shard.age(301, first)
    before, processes = table.survey()

    class Late(ShardTable):
        def survey(self):  # type: ignore[no-untyped-def]
            return before, processes

    late = Late(shard.aws.client("dynamodb"), shard.table, 0)
    assert shard.take() is not None
    assert Lease.take(late, every_ms=FIVE_MINUTES_MS) is None


def test_one_that_ends_leaves_nothing_behind(shard: Shard) -> None:
    lease = shard.take()
    assert lease is not None
    with lease:
        assert shard.survey()[1] == Coverage()
        _, [noted] = ShardTable(shard.aws.client("dynamodb"), shard.table, 0).survey()
        assert noted.generation == 1
    _, processes = ShardTable(shard.aws.client("dynamodb"), shard.table, 0).survey()
    assert processes == []
    shard.clock.advance(3)
    assert shard.survey()[0] == 3_000
    assert shard.take() is not None


def test_chats_belong_to_one_shard_each(shard: Shard) -> None:
    first, second = shard.take(0, 2), shard.take(1, 2)
    assert first is not None
    assert second is not None
    first.beat()
    second.beat()
    chats = [f"chat-{number}" for number in range(100)]
    assert all(first.serves(chat) != second.serves(chat) for chat in chats)
    assert 30 < sum(first.serves(chat) for chat in chats) < 70
    assert {shard_of(chat, 5) for chat in chats} == {0, 1, 2, 3, 4}


def test_the_oldest_lease_and_all_coverage_are_told(shard: Shard) -> None:
    assert shard.survey(2) == (0, Coverage())
    first, second = shard.take(0, 2), shard.take(1, 2)
    assert first is not None
    assert second is not None
    for lease, coverage in ((first, Coverage(3, 2, 1)), (second, Coverage(4, 0, 0))):
        lease.coverage = coverage
        lease.beat()
    shard.clock.advance(8)
    first.beat()
    shard.clock.advance(2)
    assert shard.survey(2) == (10_000, Coverage(7, 2, 1))
    shard.clock.advance(25)
    # One of them is taken for dead.
    assert shard.survey(2) == (35_000, Coverage(3, 2, 1))


def test_what_an_older_one_hears_on_is_known_once_it_said_so_later(shard: Shard) -> None:
    first, second = shard.superseded()
    first.keep(Kept(frozenset({"a", "b"})))
    second.beat()
    first.keep(Kept(frozenset({"b"}), passed=frozenset({"a"})))
    second.beat()
    assert second.serves("a")
    opened_at = shard.clock.now_ms() + 1_000
    shard.clock.advance(2)
    # It may have ended before the socket was open.
    assert second.is_heard_elsewhere("a", opened_at) is None
    assert second.is_heard_elsewhere("c", opened_at) is False
    first.beat()
    second.beat()
    assert second.is_heard_elsewhere("a", opened_at) is True
    # Its socket breaks: what it heard until then is all that it can tell.
    first.keep(Kept(frozenset({"b"})))
    second.beat()
    assert second.is_heard_elsewhere("a", opened_at) is False


def test_what_a_dead_process_had_passed_on_is_to_be_read(shard: Shard) -> None:
    first, second = shard.superseded()
    first.keep(Kept(frozenset({"b"}), passed=frozenset({"a"})))
    second.beat()
    assert second.take_orphans() == set()
    shard.age(32, second)
    assert second.take_orphans() == {"a"}
    assert second.take_orphans() == set()


def test_what_a_process_had_passed_on_that_ended_in_order_is_not(shard: Shard) -> None:
    first = shard.begun()
    shard.age(301, first)
    second = shard.begun()
    with first:
        first.keep(Kept(frozenset({"b"}), passed=frozenset({"a"})))
        second.beat()
    shard.age(40, second)
    assert second.take_orphans() == set()
    assert second.is_heard_elsewhere("a", shard.clock.now_ms()) is False


def test_an_older_one_whose_chats_wait_has_more_of_the_rate_that_they_wait_for(
    shard: Shard,
) -> None:
    first, second = shard.superseded()
    first.keep(Kept(frozenset({"a"})))
    for waiting, reads, opens in (
        (Waiting(transcripts=2), 1.4, 1),
        (Waiting(connections=10), 1, 3),
        (Waiting(transcripts=500, connections=5), 15, 2),
        (Waiting(), 1, 1),
    ):
        first.waiting = waiting
        first.beat()
        second.beat()
        assert first.share("transcripts") == pytest.approx(reads * OLDER_SHARE)
        assert first.share("connections") == pytest.approx(opens * OLDER_SHARE)
        for rate in RATES:
            assert first.share(rate) + second.share(rate) == pytest.approx(1)


@pytest.mark.parametrize(("not_looked_at", "folds"), [(0, 9), (10, 9), (11, 1)])
def test_short_gaps_of_an_older_one_are_read_of_what_new_chats_leave(
    shard: Shard, not_looked_at: int, folds: int
) -> None:
    first, second = shard.superseded()
    first.keep(Kept(frozenset({"a"})))
    first.waiting = Waiting(short_gaps=40)
    second.coverage = Coverage(by_socket=500, uncovered=not_looked_at)
    for _ in range(2):
        first.beat()
        second.beat()
    assert first.share("transcripts") == pytest.approx(folds * OLDER_SHARE)
    assert first.share("connections") == pytest.approx(OLDER_SHARE)
    for rate in RATES:
        assert first.share(rate) + second.share(rate) == pytest.approx(1)
