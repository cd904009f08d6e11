"""Live chats that are followed by their websockets: what is opened, read, heard and kept."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import pytest

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture import worker as capture_loop
from chatlake.capture.agenda import Alone, Shard
from chatlake.capture.shard_table import Coverage, Kept
from chatlake.capture.waiting_customers import WaitingCustomers
from chatlake.capture.worker import run
from chatlake.capture.worker_hooks import Pacing, WorkerHooks
from chatlake.documents.document import Document
from chatlake.documents.lifecycle import saw_end
from chatlake.documents.observation import chat_end, observed_until
from chatlake.participant_exceptions import ParticipantDenied, ParticipantThrottled
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture.archive import Archive, archive
from tests.integration.capture.test_worker import AtOnce
from tests.sockets import (
    CUSTOMER,
    Pool,
    Service,
    at,
    end,
    joined,
    message,
    receipt,
)

CHAT = "chat"
MINUTE = 60


@dataclass
class Listener:
    opened: Archive
    service: Service
    pool: Pool
    clock: HandClock
    coverage: list[Coverage]

    def begin(self, *chats: str, attended: bool = True) -> None:
        for chat in chats:
            if attended:
                self.service.transcripts[chat].append(joined(chat))
            self.opened.add_token(chat, secret=chat)

    def run(self, seconds: float, *, shard: Shard | None = None) -> None:
        until = self.clock.now_ms() + seconds * 1000
        run(
            self.opened.services,
            WorkerHooks(
                may_begin=lambda: self.clock.now_ms() < until,
                report=lambda _, coverage: self.coverage.append(coverage),
                failed=lambda *_: pytest.fail("an attempt failed"),
            ),
            Pacing(5_000, 2),
            shard=shard,
            sockets=self.pool,
        )

    def say(self, seconds: float, item: dict[str, Any], chat: str = CHAT) -> None:
        """Let an item come by the websocket, and be in the transcript from then on."""
        self.pool.later(seconds, chat, "items", item)

    def items(self, chat: str = CHAT) -> set[str]:
        return set(self.opened.stored(chat).items)

    def counts(self) -> dict[Metric, int]:
        return self.opened.services.counters.take()


@pytest.fixture
def listener(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    clock = HandClock()
    clock.set(1_788_220_800_000)
    rule_time(clock, monkeypatch)
    monkeypatch.setattr(capture_loop, "ThreadPoolExecutor", AtOnce)
    with archive(aws, clock, []) as opened:
        service = Service(clock)
        opened.services = replace(opened.services, service=service, listens=True)  # type: ignore[arg-type]
        yield Listener(opened, service, Pool(clock), clock, [])


def test_a_chat_is_read_twice_and_then_heard_to_its_end(listener: Listener) -> None:
    listener.begin(CHAT)
    listener.say(60, message(CHAT, "m1", listener.clock))
    listener.say(90, receipt("m1", listener.clock))
    listener.say(200, end(CHAT, listener.clock))
    listener.pool.later(200.2, CHAT, "lost", reason="closed")
    listener.run(4 * MINUTE)

    # Once to see that the page is there, once for what was before the socket; never after the end.
    assert len(listener.service.reads[CHAT]) == 2
    assert listener.service.connects == [CHAT]
    assert listener.pool.opened == [CHAT]
    document = listener.opened.stored(CHAT)
    assert {"m1", f"{CHAT}-joined", f"{CHAT}-end"} <= document.items.keys()
    assert saw_end(document)
    reads = document.participant
    assert reads is not None
    ended = chat_end(document)
    assert ended is not None
    assert reads["whole_read_at"] is not None
    assert reads["whole_read_at"] * 1000 >= ended
    assert observed_until(document, ended) == ended
    assert listener.counts()[Metric.TRANSCRIPTS_READ] == 2


class HoldsUp(AtOnce):
    """Leaves attempts on some chats under way, as if they waited for a connection."""

    held: ClassVar[list[Future[Any]] | None] = []

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not (isinstance(work, partial) and str(work.args[0]).startswith("held")):
            return super().submit(work, *args, **kwargs)
        future: Future[Any] = Future()
        if self.held is None:
            future.set_result(None)
        else:
            self.held.append(future)
        return future

    @classmethod
    def release(cls) -> None:
        for one in cls.held or ():
            one.set_result(None)
        cls.held = None


@pytest.mark.parametrize("is_busy", [False, True])
def test_while_others_wait_for_connections_gaps_are_read(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, is_busy: bool
) -> None:
    monkeypatch.setattr(capture_loop, "ThreadPoolExecutor", HoldsUp)
    monkeypatch.setattr(HoldsUp, "held", [])
    # Of the machine's clock else, which the run does not go by.
    monkeypatch.setattr(capture_loop, "wait", lambda *_: listener.clock.advance(0.25))
    listener.service.is_busy = is_busy
    listener.begin("held-1", "held-2", CHAT)
    reads: list[int] = []
    listener.pool.call(40, lambda: reads.append(len(listener.service.reads[CHAT])))
    listener.pool.call(50, HoldsUp.release)
    listener.run(MINUTE)
    # The pace lets two read at once; if it is theirs that others wait for, gaps come after them.
    assert reads == [1 if is_busy else 2]
    assert len(listener.service.reads[CHAT]) == 2


def test_while_it_is_heard_all_is_observed(listener: Listener) -> None:
    listener.begin(CHAT)
    listener.say(60, message(CHAT, "m1", listener.clock))
    listener.run(3 * MINUTE)
    reads = listener.opened.stored(CHAT).participant
    assert reads is not None
    # It was open when the process ended, long after the message.
    assert reads["observed_until"] is not None
    assert reads["observed_until"] // 1000 >= listener.clock.now_ms() - 5_000
    assert listener.coverage[-1] == Coverage(by_socket=1)


def test_no_socket_comes_before_the_page_does(listener: Listener) -> None:
    listener.begin(CHAT, attended=False)
    # As StartChatContact's InitialMessage is.
    first = message(CHAT, "initial", listener.clock)
    listener.service.transcripts[CHAT].append({**first, "ParticipantRole": "CUSTOMER"})
    listener.run(MINUTE)
    assert listener.pool.opened == []
    assert len(listener.service.reads[CHAT]) > 5
    listener.service.transcripts[CHAT].append(joined(CHAT))
    listener.run(MINUTE)
    assert listener.pool.opened == [CHAT]


def test_a_connection_token_alone_opens_none(listener: Listener) -> None:
    listener.service.transcripts[CHAT].append(joined(CHAT))
    listener.opened.add_token(CHAT, "connection", CHAT)
    listener.run(MINUTE)
    assert listener.pool.opened == []
    assert len(listener.service.reads[CHAT]) > 5


def test_what_a_break_has_missed_is_read_and_a_new_socket_opened(listener: Listener) -> None:
    listener.begin(CHAT)
    listener.pool.later(30, CHAT, "lost", reason="silent")
    missed = message(CHAT, "missed", listener.clock)
    listener.service.transcripts[CHAT].append(missed)
    listener.run(2 * MINUTE)
    assert "missed" in listener.items()
    assert listener.pool.opened == [CHAT, CHAT]
    # At the break, some time before the next socket was tried, and once when that was open.
    assert 4 <= len(listener.service.reads[CHAT]) <= 5
    assert listener.coverage[-1] == Coverage(by_socket=1)
    assert listener.counts()[Metric.SOCKETS_LOST] == 1


def test_one_that_breaks_again_and_again_is_opened_ever_later(listener: Listener) -> None:
    listener.begin(CHAT)
    for second in range(1, 600):
        listener.pool.later(second, CHAT, "lost", reason="error")
    listener.run(9 * MINUTE)
    # 2, 4, 8, 16 s and then every half minute, and as often as the chat is read.
    assert 12 <= len(listener.pool.opened) <= 25


def test_a_chat_whose_socket_is_refused_is_read(listener: Listener) -> None:
    listener.pool.refuses = True
    listener.begin(CHAT)
    listener.run(2 * MINUTE)
    assert listener.pool.opened == [CHAT]
    assert len(listener.service.reads[CHAT]) > 15
    assert listener.coverage[-1] == Coverage(by_reads=1)
    assert listener.counts()[Metric.SOCKETS_REFUSED] == 1
    # Nor does the next process try again.
    listener.run(MINUTE)
    assert listener.pool.opened == [CHAT]


def test_a_chat_for_which_there_is_no_room_is_read_until_there_is(listener: Listener) -> None:
    listener.pool.has_room = False
    listener.begin(CHAT)
    listener.run(MINUTE)
    assert listener.pool.opened == []
    assert len(listener.service.reads[CHAT]) > 5
    listener.pool.has_room = True
    listener.run(MINUTE)
    assert listener.pool.opened == [CHAT]


def test_a_throttled_connection_is_tried_later_and_a_denied_one_not(listener: Listener) -> None:
    listener.service.errors = [ParticipantThrottled("CreateParticipantConnection", "429")]
    listener.begin(CHAT)
    listener.run(MINUTE)
    assert listener.pool.opened == [CHAT]


def test_a_denied_url_leaves_the_chat_to_reads(listener: Listener) -> None:
    listener.begin(CHAT)
    listener.pool.later(20, CHAT, "lost", reason="error")

    def deny() -> None:
        listener.service.errors = [ParticipantDenied("CreateParticipantConnection", "403")] * 9

    listener.run(10)
    deny()
    listener.run(MINUTE)
    assert len(listener.pool.opened) <= 2
    assert CHAT in listener.service.reads


@pytest.mark.parametrize(
    "stranger",
    [
        {"Id": "x", "Type": "MESSAGE", "InitialContactId": "another", "Content": "secret"},
        {"Id": "x", "Type": "MESSAGE", "ContactId": "another", "Content": "secret"},
    ],
)
def test_another_chats_item_is_counted_and_the_chat_read(
    listener: Listener, stranger: dict[str, Any]
) -> None:
    listener.begin(CHAT)
    listener.say(60, stranger)
    listener.run(2 * MINUTE)
    assert "x" not in listener.items()
    assert len(listener.service.reads[CHAT]) == 3
    assert listener.counts()[Metric.FRAMES_REJECTED] == 1
    assert listener.coverage[-1] == Coverage(by_socket=1)


def test_a_frame_that_is_none_makes_the_chat_be_read(listener: Listener) -> None:
    listener.begin(CHAT)
    listener.pool.later(60, CHAT, "items", reason="rejected")
    listener.run(2 * MINUTE)
    assert len(listener.service.reads[CHAT]) == 3


def test_a_socket_near_its_hour_is_replaced_without_a_read(listener: Listener) -> None:
    listener.begin(CHAT)
    listener.pool.later(60, CHAT, "renew")
    listener.run(2 * MINUTE)
    assert listener.pool.opened == [CHAT, CHAT]
    assert len(listener.service.reads[CHAT]) == 2
    # The first came with the chat's first read; the second has its own.
    assert listener.service.connects == [CHAT, CHAT]


def test_a_chat_goes_on_after_a_leg_of_which_no_event_told(listener: Listener) -> None:
    """All that is known has ended, but its socket is open: what comes after is kept."""
    listener.begin(CHAT)
    event = disconnected(CHAT, listener.clock)
    listener.pool.call(20, lambda: listener.opened.deliver(event))
    next_leg = {**message(CHAT, "after", listener.clock), "ContactId": "leg"}
    listener.say(400, next_leg)
    listener.begin("other")
    listener.run(10 * MINUTE)
    assert "after" in listener.items()
    assert listener.pool.opened.count(CHAT) == 1
    assert [chat for chat, _ in listener.opened.announced].count(CHAT) == 1


def test_an_erased_chat_is_no_longer_listened_to(listener: Listener) -> None:
    listener.begin(CHAT, "other")
    state = listener.opened.services.chats

    def erase() -> None:
        state.tombstones.add([CHAT])
        listener.opened.schedule.remove(CHAT)

    listener.pool.call(30, erase)
    listener.say(50, message(CHAT, "after", listener.clock))
    listener.run(2 * MINUTE)
    assert listener.pool.open_now == {"other"}
    assert listener.opened.services.store.read(CHAT) is None


def test_without_sockets_all_is_read(listener: Listener) -> None:
    listener.opened.services = replace(listener.opened.services, listens=False)
    listener.begin(CHAT)
    until = listener.clock.now_ms() + 60_000
    hooks = WorkerHooks(lambda: listener.clock.now_ms() < until, lambda *_: None, lambda *_: None)
    run(listener.opened.services, hooks, Pacing(5_000, 2))
    assert len(listener.service.reads[CHAT]) > 5


def disconnected(chat: str, clock: HandClock) -> dict[str, Any]:
    return {
        "source": "aws.connect",
        "detail-type": "Amazon Connect Contact Event",
        "time": at(clock),
        "detail": {
            "eventType": "DISCONNECTED",
            "contactId": chat,
            "initialContactId": chat,
            "channel": "CHAT",
            "instanceArn": "arn:aws:connect:eu-central-1:111122223333:instance/i",
            "initiationMethod": "API",
            "disconnectTimestamp": at(clock),
        },
    }


def test_a_wait_is_told_of_though_nothing_comes(listener: Listener) -> None:
    """Of an unanswered message no frame tells that it still waits."""
    told: list[tuple[int, float]] = []
    waiting = WaitingCustomers()
    began = listener.clock.now_ms()

    def on_still(chat: str, document: Document, until_ms: int) -> None:
        waiting.on_still(chat, document, until_ms)
        told.append((until_ms - began, waiting.longest_s("unanswered")))

    listener.opened.services = replace(
        listener.opened.services, on_read=waiting.on_read, on_still=on_still
    )
    listener.begin(CHAT)
    asked = {**message(CHAT, "asked", listener.clock), "ParticipantId": CUSTOMER}
    listener.say(
        60, {**asked, "ParticipantRole": "CUSTOMER", "AbsoluteTime": "2026-09-01T00:01:00Z"}
    )
    listener.run(3 * MINUTE)
    assert len(listener.service.reads[CHAT]) == 2
    waits = [(at_ms, waited_s) for at_ms, waited_s in told if waited_s > 0]
    assert waits[0][1] <= 5
    assert waits[-1][1] >= 110
    assert all(abs(at_ms / 1000 - 60 - waited_s) < 1 for at_ms, waited_s in waits)


def test_who_waits_is_found_once_however_much_was_heard_at_once(listener: Listener) -> None:
    told: list[int] = []
    services = listener.opened.services
    listener.opened.services = replace(
        services, on_read=lambda _, known: told.append(len(known.items))
    )
    listener.begin(CHAT)
    for number in range(100):
        listener.say(60, message(CHAT, f"m{number}", listener.clock))
    listener.run(2 * MINUTE)
    assert len(listener.items()) == 101
    assert told[-1] == 101
    assert not set(told) & set(range(2, 101))


class Superseded(Alone):
    """A shard whose lease another process takes, which never comes to anything."""

    def __init__(self) -> None:
        super().__init__(Coverage())
        self.is_newest = True
        self.is_noticed = False
        self.has_newer = True

    def serves(self, chat: str) -> bool:
        return self.is_newest or chat in self.kept.chats

    def keep(self, kept: Kept) -> None:
        self.kept = kept
        self.is_noticed = True


def test_an_older_process_hears_its_chats_to_their_end(listener: Listener) -> None:
    shard = Superseded()
    listener.begin(CHAT, "other")

    def supersede() -> None:
        shard.is_newest = False

    listener.pool.call(30, supersede)
    listener.say(80, end(CHAT, listener.clock))
    listener.pool.later(80.1, CHAT, "lost", reason="closed")
    listener.run(3 * MINUTE, shard=shard)
    assert shard.kept.chats >= {CHAT}
    document = listener.opened.stored(CHAT)
    ended = chat_end(document)
    assert ended is not None
    assert observed_until(document, ended) == ended
    state = listener.opened.schedule.read(CHAT)
    assert state is not None
    assert state.checkpoint.last_read_done
    assert len(listener.service.reads[CHAT]) == 2
