"""What a websocket brings of a chat while an attempt is at work on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from dataclasses import replace

import pytest

from chatlake.capture import worker as capture_loop
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture.archive import archive
from tests.integration.capture.test_listening import (
    CHAT,
    MINUTE,
    Listener,
    Superseded,
    disconnected,
)
from tests.integration.capture.test_worker import AtOnce
from tests.sockets import Pool, Service, message


class Late(AtOnce):
    """Does work at once, but tells of one piece of it only when it is released."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(0)
        self.clock = clock
        self.holds = False
        self.release_at_ms: int | None = None
        self.told: Future[object] = Future()
        self.done: Future[object] = Future()

    def submit[**P, T](
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        done = super().submit(work, *args, **kwargs)
        if not (self.holds and getattr(work, "args", ())[:1] == (CHAT,)):
            return done
        self.holds = False
        self.release_at_ms = self.clock.now_ms() + 20_000
        self.done = done  # type: ignore[assignment]
        return self.told  # type: ignore[return-value]

    def wait(self, _: Collection[Future[object]], *__: object) -> None:
        """Let a second go by, as the loop waits for work."""
        if self.release_at_ms is None:
            return
        self.clock.advance(1)
        if self.clock.now_ms() >= self.release_at_ms:
            self.release_at_ms = None
            self.told.set_result(self.done.result())


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Late:
    clock = HandClock()
    clock.set(1_788_220_800_000)
    rule_time(clock, monkeypatch)
    late = Late(clock)
    monkeypatch.setattr(capture_loop, "ThreadPoolExecutor", lambda _: late)
    monkeypatch.setattr(capture_loop, "wait", late.wait)
    return late


@pytest.fixture
def listener(aws: Aws, late: Late) -> Iterator[Listener]:
    with archive(aws, late.clock, []) as opened:
        service = Service(late.clock)
        opened.services = replace(opened.services, service=service, listens=True)  # type: ignore[arg-type]
        yield Listener(opened, service, Pool(late.clock), late.clock, [])


ENDS = pytest.mark.parametrize("ends", [False, True], ids=["of a live chat", "of one that ended"])


def begin(listener: Listener, late: Late, shard: Superseded, *, ends: bool = False) -> None:
    """Half a minute from now an event comes, and the attempt that it asks for takes 20 s."""

    def come() -> None:
        late.holds = True
        if not ends:
            # It goes on with another agent.
            began = disconnected(CHAT, listener.clock)
            began["detail"] |= {"eventType": "INITIATED", "contactId": "leg"}
            del began["detail"]["disconnectTimestamp"]
            listener.opened.deliver(began)
        listener.opened.deliver(disconnected(CHAT, listener.clock))

    listener.begin(CHAT, "other")
    listener.pool.call(30, come)
    # The attempt begins when the schedule is asked, seconds later.
    listener.say(42, message(CHAT, "meanwhile", listener.clock))
    listener.run(3 * MINUTE, shard=shard)
    assert late.told.done()


@ENDS
def test_it_is_written_if_the_process_goes_on(
    listener: Listener, late: Late, *, ends: bool
) -> None:
    begin(listener, late, Superseded(), ends=ends)
    assert "meanwhile" in listener.items()


@ENDS
def test_it_is_written_if_another_process_has_taken_the_chat(
    listener: Listener, late: Late, *, ends: bool
) -> None:
    shard = Superseded()

    def supersede() -> None:
        # What is at work is not among what it keeps.
        shard.is_newest = False

    listener.pool.call(38, supersede)
    begin(listener, late, shard, ends=ends)
    assert CHAT not in shard.kept.chats
    assert "meanwhile" in listener.items()


def test_the_attempt_counts_as_waiting_meanwhile(listener: Listener, late: Late) -> None:
    shard = Superseded()
    told: list[int] = []
    listener.pool.call(45, lambda: told.append(shard.waiting.transcripts))
    begin(listener, late, shard)
    assert told[0] >= 5
    assert shard.waiting.transcripts == 0
