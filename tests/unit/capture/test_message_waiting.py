"""Events of messages that wait: once each, so many a minute, and nothing of what was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import CaptureState
from chatlake.capture.customer_waits import CustomerWait
from chatlake.capture.message_waiting import MOST_EVENTS, MessageWaitingEvents
from chatlake.documents.document import Document, merge
from chatlake.sources.contact_event import from_event
from tests.clock import HandClock, rule_time

# 2026-09-01T10:00:00Z.
BEGAN_MS = 1_788_256_800_000
AFTER_S = 60
CANARY = "canary-7f3a"
QUEUE = "arn:aws:connect:eu-central-1:111122223333:instance/i/queue/q"


class AtOnce(Executor):
    """Does work where it is submitted."""

    def submit[**P, T](
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(work(*args, **kwargs))
        return done


class EventBus:
    """EventBridge's default bus, which may refuse an entry, or not be reached."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.refuses = False

    def put_events(self, **request: Any) -> dict[str, Any]:
        assert request.keys() == {"Entries"}
        if self.error is not None:
            raise self.error
        if self.refuses:
            said = {"ErrorCode": "InternalFailure", "ErrorMessage": CANARY}
            return {"FailedEntryCount": 1, "Entries": [said]}
        self.taken += request["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in request["Entries"]]}

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.taken]


class Schedule:
    """The capture schedule, as far as events need it; it outlives a process."""

    def __init__(self) -> None:
        self.told: dict[str, set[str]] = {}
        self.events: dict[str, Document] = {}
        self.error: Exception | None = None

    def read(self, chat: str) -> CaptureState | None:
        told = self.told.get(chat)
        if told is None and not self.events:
            return None
        return CaptureState(chat, 1, events=self.events, told=frozenset(told or ()))

    def keep_told(self, chat: str, name: str) -> None:
        if self.error is not None:
            raise self.error
        self.told.setdefault(chat, set()).add(name)


class Process:
    """One process of capture."""

    def __init__(self, bus: EventBus, schedule: Schedule) -> None:
        self.counters = Counters()
        self.notes: list[tuple[str, str, str]] = []
        self.events = MessageWaitingEvents(
            bus,  # type: ignore[arg-type]
            schedule,  # type: ignore[arg-type]
            self.counters,
            lambda *note: self.notes.append(note),
            after_ms=AFTER_S * 1000,
            executor=AtOnce(),
        )

    def see(self, waited_s: float, item_id: str = "m1", chat: str = "c1") -> None:
        """Read a chat in which a message has waited so long for an answer."""
        self.see_all(chat, waiting(waited_s, item_id))

    def see_all(self, chat: str, *waits: CustomerWait) -> None:
        self.events.tell(Document(chat), waits)


def waiting(
    waited_s: float, item_id: str = "m1", kind: Any = "unanswered", contact: str = "leg"
) -> CustomerWait:
    return CustomerWait(kind, item_id, contact, BEGAN_MS, BEGAN_MS + round(waited_s * 1000))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(BEGAN_MS)
    rule_time(clock, monkeypatch)
    return clock


@pytest.fixture
def bus(clock: HandClock) -> EventBus:
    assert clock.now_ms() == BEGAN_MS
    return EventBus()


@pytest.fixture
def schedule() -> Schedule:
    return Schedule()


@pytest.fixture
def process(bus: EventBus, schedule: Schedule) -> Process:
    return Process(bus, schedule)


def test_an_event_says_who_waits_where_since_when_and_nothing_else(
    bus: EventBus, process: Process
) -> None:
    process.see(75.9)
    [entry] = bus.taken
    assert entry.keys() == {"Source", "DetailType", "Detail"}
    assert (entry["Source"], entry["DetailType"]) == ("chatlake", "Message Waiting")
    assert bus.details == [
        {
            "initialContactId": "c1",
            "contactId": "leg",
            "queueArn": None,
            "waitingSince": "2026-09-01T10:00:00.000Z",
            "kind": "unanswered",
            "seconds": 75,
        }
    ]
    assert process.counters.take() == {Metric.WAITING_EVENTS_SENT: 1}


@pytest.mark.parametrize(("waited_s", "events"), [(1, 0), (60, 0), (60.001, 1), (3600, 1)])
def test_only_who_has_waited_longer_is_told_of(
    bus: EventBus, process: Process, waited_s: float, events: int
) -> None:
    process.see(waited_s)
    assert len(bus.taken) == events


def test_a_message_is_told_of_once_for_each_thing_that_it_waits_for(
    bus: EventBus, process: Process
) -> None:
    for waited_s in (61, 66, 300):
        process.see_all("c1", waiting(waited_s, kind="unseen"), waiting(waited_s))
    process.see(400, "m2")
    assert [(d["kind"], d["seconds"]) for d in bus.details] == [
        ("unseen", 61),
        ("unanswered", 61),
        ("unanswered", 400),
    ]


def test_the_next_process_tells_nothing_again(bus: EventBus, schedule: Schedule) -> None:
    Process(bus, schedule).see(61)
    after = Process(bus, schedule)
    after.see(200)
    after.see(205)
    assert len(bus.taken) == 1
    assert after.counters.take() == {}


def test_a_process_that_ends_before_it_is_noted_has_the_event_sent_twice(
    bus: EventBus, schedule: Schedule, clock: HandClock
) -> None:
    schedule.error = EndpointConnectionError(endpoint_url=CANARY)
    Process(bus, schedule).see(61)
    schedule.error = None
    for waited_s in (130, 200):
        clock.advance(60)
        Process(bus, schedule).see(waited_s)
    assert [detail["seconds"] for detail in bus.details] == [61, 130]


def test_what_is_beyond_so_many_a_minute_is_counted_and_has_its_turn_if_it_waits_on(
    bus: EventBus, process: Process, clock: HandClock
) -> None:
    chats = [f"c{number}" for number in range(MOST_EVENTS + 5)]
    for waited_s in (61, 66, 71):
        for chat in chats:
            process.see(waited_s, chat=chat)
    assert [detail["initialContactId"] for detail in bus.details] == chats[:MOST_EVENTS]
    assert process.counters.take() == {
        Metric.WAITING_EVENTS_SENT: MOST_EVENTS,
        Metric.WAITING_EVENTS_HELD: 5,
    }
    clock.advance(60)
    # Two of those that were held have been answered.
    for chat in chats[:-2]:
        process.see(121, chat=chat)
    assert [detail["initialContactId"] for detail in bus.details[MOST_EVENTS:]] == chats[-5:-2]


@pytest.mark.parametrize("how", ["refused", "not reached"])
def test_after_an_event_that_failed_none_is_sent_for_a_minute(
    bus: EventBus, process: Process, clock: HandClock, how: str
) -> None:
    if how == "refused":
        bus.refuses = True
    else:
        bus.error = EndpointConnectionError(endpoint_url=CANARY)
    process.see(61)
    bus.refuses, bus.error = False, None
    process.see(66)
    process.see(66, chat="c2")
    assert bus.taken == []
    [(metric, chat, reason)] = process.notes
    assert (metric, chat) == ("WaitingEventsFailed", "c1")
    assert CANARY not in reason
    assert process.counters.take()[Metric.WAITING_EVENTS_FAILED] == 1
    clock.advance(60)
    process.see(126)
    process.see(126, chat="c2")
    assert [detail["initialContactId"] for detail in bus.details] == ["c1", "c2"]


def contact_event(kind: str, at: str, queue: object, contact: str = "leg") -> Document:
    detail: dict[str, Any] = {"eventType": kind, "contactId": contact, "initialContactId": "c1"}
    if queue is not None:
        detail["queueInfo"] = {"queueArn": queue}
    return from_event({"time": at, "detail": detail})


def test_the_queue_is_the_newest_of_the_contact_in_document_and_schedule(
    bus: EventBus, schedule: Schedule, process: Process
) -> None:
    known = [
        contact_event("QUEUED", "2026-09-01T10:00:00Z", f"{QUEUE}-old"),
        contact_event("QUEUED", "2026-09-01T10:09:00Z", f"{QUEUE}-other", contact="leg-2"),
    ]
    document = merge(*known)
    process.events.tell(document, (waiting(61),))
    schedule.events = {
        "event#1": contact_event("CONNECTED_TO_AGENT", "2026-09-01T10:05:00Z", QUEUE),
        "event#2": contact_event("INITIATED", "2026-09-01T10:07:00Z", None),
    }
    process.events.tell(document, (waiting(70, "m2"),))
    process.events.tell(document, (waiting(80, "m3", contact="leg-3"),))
    assert [detail["queueArn"] for detail in bus.details] == [f"{QUEUE}-old", QUEUE, None]


@pytest.mark.parametrize("queue", [CANARY, "", 7, ["arn:"], {}])
def test_what_is_no_arn_is_no_queue(bus: EventBus, process: Process, queue: object) -> None:
    process.events.tell(contact_event("QUEUED", "2026-09-01T10:00:00Z", queue), (waiting(61),))
    assert [detail["queueArn"] for detail in bus.details] == [None]


def test_of_chats_that_have_gone_nothing_is_kept(bus: EventBus, process: Process) -> None:
    for number in range(MOST_EVENTS + 9):
        process.see(61, chat=f"c{number}")
        process.events.on_gone(f"c{number}")
    process.events.flush()
    kept = [value for value in vars(process.events).values() if isinstance(value, dict | set)]
    assert len(kept) == 3
    assert not any(kept)
    assert len(bus.taken) == MOST_EVENTS
