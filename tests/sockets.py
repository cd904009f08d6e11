"""A pool of sockets that a test has in its hand, and a Participant Service to go with it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chatlake.capture.participant_client import Connection, Page
from chatlake.capture.sockets import SocketEvent
from tests.clock import HandClock

CUSTOMER, AGENT = "customer", "agent"


def at(clock: HandClock) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(clock.time())) + ".000Z"


def joined(chat: str) -> dict[str, Any]:
    return {
        "Id": f"{chat}-joined",
        "Type": "EVENT",
        "ContentType": "application/vnd.amazonaws.connect.event.participant.joined",
        "ParticipantId": CUSTOMER,
        "ParticipantRole": "CUSTOMER",
        "AbsoluteTime": "2026-09-01T00:00:00.000Z",
        "ContactId": chat,
    }


def message(chat: str, item_id: str, clock: HandClock) -> dict[str, Any]:
    return {
        "Id": item_id,
        "Type": "MESSAGE",
        "ContentType": "text/plain",
        "Content": "hello",
        "ParticipantId": AGENT,
        "ParticipantRole": "AGENT",
        "AbsoluteTime": at(clock),
        "ContactId": chat,
        "InitialContactId": chat,
    }


def receipt(item_id: str, clock: HandClock) -> dict[str, Any]:
    read = {"RecipientParticipantId": CUSTOMER, "ReadTimestamp": at(clock)}
    return {
        "Id": f"{item_id}-receipt",
        "Type": "MESSAGEMETADATA",
        "MessageMetadata": {"MessageId": item_id, "Receipts": [read]},
    }


def end(chat: str, clock: HandClock) -> dict[str, Any]:
    return {
        "Id": f"{chat}-end",
        "Type": "EVENT",
        "ContentType": "application/vnd.amazonaws.connect.event.chat.ended",
        "AbsoluteTime": at(clock),
        "ContactId": chat,
        "InitialContactId": chat,
    }


@dataclass
class Service:
    """Answers with what a chat's transcript has; its token is the chat's id."""

    clock: HandClock
    transcripts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    reads: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    connects: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    is_busy: bool = False

    def get_transcript(self, connection: str, **_: object) -> Page:
        self.clock.advance(0.1)
        self.reads[connection].append(self.clock.now_ms())
        items = [dict(item) for item in self.transcripts[connection]]
        return Page({"InitialContactId": connection, "Transcript": items}, None)

    def connect(self, token: str, *, websocket: bool = False, **_: object) -> Connection:
        self.clock.advance(0.1)
        self.connects.append(token)
        if websocket and self.errors:
            raise self.errors.pop(0)
        return Connection(token, None, f"wss://{token}" if websocket else None)


@dataclass
class Pool:
    """Opens what it is asked to, if it is not told otherwise; says what a test tells it to."""

    clock: HandClock
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    open_now: set[str] = field(default_factory=set)
    has_room: bool = True
    refuses: bool = False
    agenda: list[tuple[int, SocketEvent]] = field(default_factory=list)
    events: list[SocketEvent] = field(default_factory=list)
    calls: list[tuple[int, Callable[[], object]]] = field(default_factory=list)

    def __len__(self) -> int:
        """As `Sockets` has it: a pool whose last socket has closed may still have much to tell."""
        now = self.clock.now_ms()
        lost = {event.chat for at, event in self.agenda if at <= now and event.kind == "lost"}
        return len(self.open_now - lost)

    def open(self, chat: str, url: str) -> bool:
        assert url == f"wss://{chat}"
        self.opened.append(chat)
        kind = "refused" if self.refuses else "opened"
        self.events.append(SocketEvent(chat, kind, self.clock.now_ms()))  # type: ignore[arg-type]
        if not self.refuses:
            self.open_now.add(chat)
        return True

    def close(self, chat: str) -> None:
        self.closed.append(chat)
        self.open_now.discard(chat)
        self.events = [event for event in self.events if event.chat != chat]

    def later(self, seconds: float, chat: str, kind: Any, *items: Any, reason: str = "") -> None:
        """Let something happen so long from now, if the chat's socket is open then."""
        at_ms = self.clock.now_ms() + round(seconds * 1000)
        self.agenda.append((at_ms, SocketEvent(chat, kind, at_ms, items, reason)))

    def call(self, seconds: float, what: Callable[[], object]) -> None:
        """Let something be done so long from now."""
        self.calls.append((self.clock.now_ms() + round(seconds * 1000), what))

    def take(self) -> list[SocketEvent]:
        now = self.clock.now_ms()
        called = [what for at_ms, what in self.calls if at_ms <= now]
        self.calls = [(at_ms, what) for at_ms, what in self.calls if at_ms > now]
        for what in called:
            what()
        due = [event for at_ms, event in self.agenda if at_ms <= now]
        self.agenda = [(at_ms, event) for at_ms, event in self.agenda if at_ms > now]
        for event in due:
            if event.chat in self.open_now:
                self.events.append(event)
            if event.kind == "lost":
                self.open_now.discard(event.chat)
        events, self.events = self.events, []
        return events

    def wait(self, timeout_s: float) -> bool:
        time.sleep(timeout_s)
        return bool(self.events)

    def observed_until(self, chat: str) -> int | None:
        return self.clock.now_ms() if chat in self.open_now else None
