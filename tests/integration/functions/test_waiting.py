"""Capture tells of customers who wait: metrics each minute, and an event that reaches a rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from types import ModuleType
from typing import Any

import pytest

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture import worker
from chatlake.capture.capture_state import CaptureState, Token
from chatlake.capture.noted import Noted
from chatlake.capture.participant_client import Page
from chatlake.sources.contact_event import from_event
from tests.aws import ACCOUNT_ID, REGION, Aws
from tests.clock import HandClock, rule_time
from tests.functions import STACK, Context, Load
from tests.metric_blobs import assert_they_hold_numbers_only, blobs, values

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")

CANARY = "canary-7f3a"
BEGAN_MS = 1_788_256_800_000
QUEUE = f"arn:aws:connect:{REGION}:{ACCOUNT_ID}:instance/i/queue/q"
PARTICIPANT = "application/vnd.amazonaws.connect.event.participant"
ENDED = "application/vnd.amazonaws.connect.event.chat.ended"
NUMBERS = count()


class AtOnce(Executor):
    """Does work where it is submitted: threads would move the clock as luck has it."""

    def __init__(self, _: int) -> None:
        pass

    def submit[**P, T](
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(work(*args, **kwargs))
        return done


@dataclass
class Service:
    """The Participant Service with one chat, which says what it is told to say."""

    chat: str
    items: list[dict[str, Any]] = field(default_factory=list)

    def get_transcript(self, *_: object, **__: object) -> Page:
        return Page({"InitialContactId": self.chat, "Transcript": [*self.items]}, None)

    def say(self, at_s: int, role: str, what: str = "MESSAGE", **members: Any) -> None:
        self.items.append(
            {
                "Id": f"{CANARY}-{len(self.items)}",
                "AbsoluteTime": datetime.fromtimestamp(BEGAN_MS / 1000 + at_s, UTC).isoformat(),
                "Type": "MESSAGE" if what == "MESSAGE" else "EVENT",
                "ContentType": "text/plain" if what == "MESSAGE" else what,
                "Content": f"{CANARY} says",
                "DisplayName": f"{CANARY} Jane",
                "ParticipantId": f"{CANARY}-{role}",
                "ParticipantRole": role,
                "ContactId": self.chat,
                **members,
            }
        )

    def read_by_agent(self, item: int, at_s: int) -> None:
        read = datetime.fromtimestamp(BEGAN_MS / 1000 + at_s, UTC).isoformat()
        receipt = {"RecipientParticipantId": f"{CANARY}-AGENT", "ReadTimestamp": read}
        message_id = self.items[item]["Id"]
        self.items[item]["MessageMetadata"] = {"MessageId": message_id, "Receipts": [receipt]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(BEGAN_MS)
    rule_time(clock, monkeypatch)
    monkeypatch.setattr(worker, "ThreadPoolExecutor", AtOnce)
    return clock


@pytest.fixture
def service() -> Service:
    """A customer asks at 10 s and 20 s, and the agent has read the first of it alone."""
    service = Service(f"chat-{next(NUMBERS)}")
    service.say(1, "CUSTOMER", f"{PARTICIPANT}.joined")
    service.say(2, "AGENT", f"{PARTICIPANT}.joined")
    service.say(10, "CUSTOMER")
    service.read_by_agent(2, 12)
    service.say(20, "CUSTOMER")
    return service


@dataclass
class Capture:
    """The function, in one environment after the other, and the queue that its events reach."""

    aws: Aws
    load: Load
    clock: HandClock
    service: Service
    queue: str
    function: ModuleType

    def renew(self, **environment: str) -> None:
        # By reads alone: sockets go by a clock of their own.
        self.function = self.load("capture", LIVE_SOURCE="polling", **environment)
        self.function.services = replace(  # type: ignore[attr-defined]
            self.function.services, service=self.service
        )

    def add_token(self) -> None:
        archive, chat = self.function.archive, self.service.chat
        sealed = archive.token_cipher.seal(f"{CANARY}-token", chat)
        archive.schedule.add_token(chat, Token("connection", sealed), due_at=self.clock.now_ms())

    def serve_until(self, at_s: int) -> None:
        """Invoke the function with so much time that it begins nothing later."""
        end = BEGAN_MS + at_s * 1000 + self.function.LAST_ATTEMPT_MS
        clock = self.clock

        class Until(Context):
            def get_remaining_time_in_millis(self) -> int:
                return int(end - clock.now_ms())

        self.function.handler({}, Until())

    def state(self) -> CaptureState:
        state: CaptureState | None = self.function.archive.schedule.read(self.service.chat)
        assert state is not None
        return state

    def events(self) -> list[dict[str, Any]]:
        taken = self.aws.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in taken.get("Messages", [])]


@pytest.fixture
def capture(aws: Aws, load: Load, clock: HandClock, service: Service) -> Iterator[Capture]:
    events, url, name = aws.client("events"), aws.queue(), service.chat
    queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{url.rsplit('/', 1)[-1]}"
    pattern = {"source": ["chatlake"], "detail-type": ["Message Waiting"]}
    pattern["detail"] = {"initialContactId": [service.chat]}  # type: ignore[assignment]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn}])
    made = Capture(aws, load, clock, service, url, load("capture"))
    made.renew(MESSAGE_WAITING_S="60")
    yield made
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)


def test_an_event_reaches_a_rule_once_and_says_nothing_of_what_was_said(
    capture: Capture, clock: HandClock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.advance(25)
    capture.add_token()
    chat = capture.service.chat
    detail = {"eventType": "QUEUED", "contactId": chat, "initialContactId": chat}
    event = from_event(
        {"time": "2026-09-01T10:00:00Z", "detail": {**detail, "queueInfo": {"queueArn": QUEUE}}}
    )
    noted = Noted("waiting", clock.now_ms() + 900_000)
    capture.function.archive.schedule.add_event(chat, event, noted)
    capture.serve_until(60)
    assert capture.events() == []
    capture.serve_until(100)
    # As a new environment of Lambda does, which knows nothing of the one before.
    capture.renew()
    capture.serve_until(140)
    told = capture.events()
    assert {(event["source"], event["detail-type"]) for event in told} == {
        ("chatlake", "Message Waiting")
    }
    seconds = {event["detail"]["kind"]: event["detail"].pop("seconds") for event in told}
    assert len(told) == len(seconds) == 2
    # Read every five seconds, or a little later.
    assert 60 <= seconds["unseen"] <= 67
    assert 60 <= seconds["unanswered"] <= 77
    assert [event["detail"] for event in sorted(told, key=lambda e: e["detail"]["kind"])] == [
        {
            "initialContactId": chat,
            "contactId": chat,
            "queueArn": QUEUE,
            "waitingSince": since,
            "kind": kind,
        }
        for kind, since in (
            ("unanswered", "2026-09-01T10:00:10.000Z"),
            ("unseen", "2026-09-01T10:00:20.000Z"),
        )
    ]
    assert CANARY not in json.dumps(told)
    said = "".join(capsys.readouterr())
    assert CANARY not in said
    written = blobs(said)
    assert_they_hold_numbers_only(written, STACK)
    assert sum(values(written, "WaitingEventsSent")) == 2


def test_the_longest_waits_are_metrics_until_the_chat_has_gone(
    capture: Capture, clock: HandClock, capsys: pytest.CaptureFixture[str]
) -> None:
    capture.renew(MESSAGE_WAITING_S="0")
    clock.advance(25)
    capture.add_token()
    capture.serve_until(130)
    written = blobs(capsys.readouterr().out)
    assert_they_hold_numbers_only(written, STACK)
    for metric, since_s in (("LongestUnseen", 20), ("LongestUnanswered", 10)):
        told = values(written, metric)
        # Each minute, and at the end.
        assert len(told) >= 2
        assert told == sorted(told)
        assert 120 - since_s <= told[-1] <= 135 - since_s
    assert capture.events() == []

    capture.service.read_by_agent(3, 135)
    capture.serve_until(150)
    written = blobs(capsys.readouterr().out)
    assert values(written, "LongestUnseen") == [0]
    assert values(written, "LongestUnanswered")[-1] > 120

    capture.service.say(155, "SYSTEM", ENDED)
    capture.serve_until(180)
    written = blobs(capsys.readouterr().out)
    assert values(written, "LongestUnseen")[-1] == values(written, "LongestUnanswered")[-1] == 0


def test_an_event_bus_that_refuses_stops_nothing(
    capture: Capture, clock: HandClock, capsys: pytest.CaptureFixture[str]
) -> None:
    class Refusing:
        def put_events(self, **_: object) -> dict[str, Any]:
            raise RuntimeError(CANARY)

    capture.function.waiting._events._events = Refusing()
    clock.advance(100)
    capture.add_token()
    capture.serve_until(115)
    said = "".join(capsys.readouterr())
    assert CANARY not in said
    written = blobs(said)
    assert values(written, "WaitingEventsFailed") == [1]
    assert sum(values(written, "TranscriptsRead")) >= 3
    assert values(written, "CaptureAttemptsFailed") == []


def test_ended_chats_are_counted_by_what_was_read_of_them(
    capture: Capture, clock: HandClock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.advance(25)
    capture.add_token()
    capture.serve_until(90)
    assert len(capture.state().told) == 2
    capture.service.say(95, "SYSTEM", ENDED)
    # Whether the chat goes on is not known for five minutes.
    for at_s in (100, 405):
        clock.set(max(clock.now_ms(), BEGAN_MS + at_s * 1000))
        capture.serve_until(at_s + 10)
    state = capture.state()
    assert (state.due_at, state.tokens, state.told) == (None, {}, frozenset())
    written = blobs(capsys.readouterr().out)
    metrics = (Metric.CHATS_ENDED, Metric.CHATS_ENDED_READ, Metric.CHATS_ENDED_WITH_RECEIPTS)
    assert [values(written, metric) for metric in metrics] == [[1], [1], [1]]
