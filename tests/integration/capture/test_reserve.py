"""The reserve: one token bucket in DynamoDB, for any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

import pytest

from chatlake.capture.reserve import BURST, LEFT, Reserve, ReservedTurns, WithSpareTurns
from chatlake.participant_exceptions import ParticipantThrottled
from tests.aws import Aws
from tests.clock import HandClock, rule_time

START_MS = 1_795_000_000_000
FAR_MS = START_MS + 3_600_000
THREADS, CALLS = 8, 4


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(START_MS)
    rule_time(clock, monkeypatch)
    return clock


def reserves(aws: Aws, table: str, per_second: float, count: int = 1) -> list[Reserve]:
    return [Reserve(aws.client("dynamodb"), table, per_second) for _ in range(count)]


def assert_never_more(starts_ms: list[int], per_second: float) -> None:
    """In no span of time do more calls begin than that much of the rate, and a burst."""
    starts = sorted(starts_ms)
    for first, began in enumerate(starts):
        for last in range(first, len(starts)):
            allowed = BURST + (starts[last] - began) / 1000 * per_second
            # Starts are whole milliseconds.
            assert last - first + 1 <= allowed + 0.001 * per_second, (first, last)


def test_a_burst_begins_at_once_and_then_each_waits_for_its_turn(
    aws: Aws, clock: HandClock
) -> None:
    [reserve] = reserves(aws, aws.schedule_table(), 2)
    starts = [reserve.take(FAR_MS) for _ in range(BURST + 3)]
    assert starts == [START_MS] * BURST + [START_MS + 500, START_MS + 1000, START_MS + 1500]


def test_what_was_not_used_comes_back_but_never_more_than_a_burst(
    aws: Aws, clock: HandClock
) -> None:
    [reserve] = reserves(aws, aws.schedule_table(), 1)
    for idle_s in (0, 3600):
        clock.advance(idle_s)
        at_once = [start == clock.now_ms() for start in map(reserve.take, [FAR_MS * 2] * 7)]
        assert at_once.count(True) == BURST


@pytest.mark.parametrize("per_second", [0.5, 3, 50])
def test_many_at_once_never_make_more_calls_than_the_rate_allows(
    aws: Aws, clock: HandClock, per_second: float
) -> None:
    """Each of them with a reserve of its own, as processes have, and little patience."""
    starts: list[int] = []
    lock = Lock()

    def make_calls(reserve: Reserve) -> None:
        for number in range(CALLS):
            while (start := reserve.take(clock.now_ms() + 1_000)) is None:
                clock.advance(0.25)
            with lock:
                starts.append(start)
            clock.advance(number % 3 / 100)

    with ThreadPoolExecutor(THREADS) as pool:
        made = pool.map(make_calls, reserves(aws, aws.schedule_table(), per_second, THREADS))
        assert len(list(made)) == THREADS
    assert len(starts) == THREADS * CALLS
    assert_never_more(starts, per_second)


def test_who_would_have_to_wait_for_too_long_takes_no_place(aws: Aws, clock: HandClock) -> None:
    table = aws.schedule_table()
    first, second = reserves(aws, table, 1, 2)
    until = START_MS + 2_500
    assert [first.take(until) for _ in range(9)][BURST:] == [
        START_MS + 1000,
        START_MS + 2000,
        None,
        None,
    ]
    # Nor does one that knows nothing of the bucket yet.
    assert second.take(until) is None
    assert second.take(START_MS + 3_000) == START_MS + 3_000
    clock.set(until + 1)
    assert second.take(until) is None


def test_a_place_is_waited_for(aws: Aws, clock: HandClock) -> None:
    [reserve] = reserves(aws, aws.schedule_table(), 2)
    waited = [reserve.wait_for_turn(START_MS + 600) for _ in range(BURST + 2)]
    assert waited == [True] * (BURST + 1) + [False]
    assert clock.now_ms() == START_MS + 500


def test_taking_a_place_is_one_request_and_two_where_the_use_has_changed(
    aws: Aws, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = 0
    dynamodb = aws.client("dynamodb")
    update_item = dynamodb.update_item

    def counted(**request: object) -> object:
        nonlocal requests
        requests += 1
        return update_item(**request)

    monkeypatch.setattr(dynamodb, "update_item", counted)
    [reserve] = reserves(aws, aws.schedule_table(), 1)
    made: list[int] = []
    for idle_s in (0, 0, 0, 60, 0):
        clock.advance(idle_s)
        before = requests
        assert reserve.take(FAR_MS) is not None
        made.append(requests - before)
    assert made == [1, 1, 1, 1, 1]
    [other] = reserves(aws, reserve._table, 1)
    before = requests
    assert other.take(FAR_MS) is not None
    assert requests - before == 2


def test_a_clock_that_was_wrong_holds_nobody_up(aws: Aws, clock: HandClock) -> None:
    table = aws.schedule_table()
    wrong, right = reserves(aws, table, 1, 2)
    clock.advance(86_400)
    wrong.take(FAR_MS + 86_400_000)
    clock.set(START_MS)
    assert right.take(START_MS + 1000) == START_MS
    assert right.take(START_MS + 1000) == START_MS


def test_a_turn_that_was_taken_before_is_that_of_the_next_call(aws: Aws, clock: HandClock) -> None:
    [reserve] = reserves(aws, aws.schedule_table(), 1)
    turns = ReservedTurns(reserve, first_until_ms=START_MS, until_ms=START_MS)
    for _ in range(BURST):
        assert turns.take()
        assert turns.take()
        with turns.call():
            pass
    assert not turns.take()
    with pytest.raises(ParticipantThrottled, match="no place in the reserve"), turns.call():
        pass


def test_no_call_begins_after_the_deadline_though_its_turn_was_taken(
    aws: Aws, clock: HandClock
) -> None:
    """A connection was made in between, for instance, and that took long."""
    [reserve] = reserves(aws, aws.schedule_table(), 1)
    turns = ReservedTurns(reserve, first_until_ms=START_MS + 1000, until_ms=START_MS + 1000)
    assert turns.take()
    clock.advance(1.001)
    with pytest.raises(ParticipantThrottled), turns.call():
        pass


def test_the_first_call_may_come_later_than_the_others(aws: Aws, clock: HandClock) -> None:
    [reserve] = reserves(aws, aws.schedule_table(), 1)
    turns = ReservedTurns(reserve, first_until_ms=START_MS + 2000, until_ms=START_MS + 1000)
    clock.advance(1.5)
    assert turns.take()
    with turns.call():
        pass
    assert not turns.take()


class Own:
    is_busy = False

    """A pace of one's own that is only counted."""

    def __init__(self) -> None:
        self.turns = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        self.turns += 1
        yield


def test_capture_draws_on_what_last_reads_leave_and_leaves_them_the_most(
    aws: Aws, clock: HandClock
) -> None:
    table, own = aws.schedule_table(), Own()
    [reserve] = reserves(aws, table, 0.5)
    spare = Reserve(aws.client("dynamodb"), table, 0.5, burst=BURST - LEFT)
    pace = WithSpareTurns(own, spare, 0.5)
    for _ in range(40):
        with pace.call():
            clock.advance(0.5)
    # In 20 s the reserve fills by ten calls; all of them are capture's while nobody else comes.
    assert 9 <= 40 - own.turns <= 11
    # Last reads find their calls all the same, and leave none to spare.
    assert [reserve.take(clock.now_ms()) for _ in range(LEFT)] == [clock.now_ms()] * LEFT
    before = own.turns
    clock.advance(2)
    with pace.call():
        pass
    assert own.turns == before + 1


def test_capture_keeps_its_own_pace_where_the_reserve_cannot_be_asked(
    aws: Aws, clock: HandClock
) -> None:
    own = Own()
    pace = WithSpareTurns(own, Reserve(aws.client("dynamodb"), "gone", 0.5), 0.5)
    with pace.call():
        clock.advance(1)
    assert own.turns == 1
