"""Which contact events are taken, and which of them Connect is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import CaptureState
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.track import TrackServices, track
from chatlake.chat_state.sqlite import SqliteChatState
from chatlake.documents.document import Document

INSTANCE = "instance"


@dataclass
class Tracked:
    """What was noted for which chat, and about which contacts Connect was asked."""

    state: SqliteChatState
    initial_contacts: dict[str, str] = field(default_factory=dict)
    noted: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def read_due(self, chat: str) -> CaptureState:
        return CaptureState(chat, version=0)

    def add_event(self, chat: str, event: Document, *_: object, **__: object) -> bool:
        [contact] = event.events
        self.noted.append((chat, contact))
        return True

    def add_export(self, chat: str, contact_id: str, *_: object, **__: object) -> None:
        self.noted.append((chat, contact_id))

    def describe_contact(self, **asked: str) -> dict[str, Any]:
        contact = asked["ContactId"]
        self.asked.append(contact)
        return {"Contact": {"InitialContactId": self.initial_contacts.get(contact)}}

    def track(self, event: dict[str, Any]) -> Metric:
        services = SimpleNamespace(describe_contact=self.describe_contact)
        resolver = ChatResolver(self.state, cast("Any", services), INSTANCE)
        return track(event, TrackServices(cast("Any", self), resolver, "exports", "p", INSTANCE))


@pytest.fixture
def tracked(tmp_path: Path) -> Iterator[Tracked]:
    state = SqliteChatState(tmp_path / "chats.db")
    yield Tracked(state)
    state.close()


def event(kind: str = "INITIATED", **detail: object) -> dict[str, Any]:
    told = {"eventType": kind, "contactId": "c2", "channel": "CHAT", **detail}
    return {
        "source": "aws.connect",
        "detail-type": "Amazon Connect Contact Event",
        "detail": {name: value for name, value in told.items() if value is not None},
    }


EXPORT = {
    "source": "aws.s3",
    "detail": {"bucket": {"name": "exports"}, "object": {"key": "p/2026/11/20/c2_x.json"}},
}


@pytest.mark.parametrize(
    ("name", "became"),
    [
        ("Amazon Connect Contact Event", Metric.EVENTS_TRACKED),
        ("Connect Customer Contact Event", Metric.EVENTS_TRACKED),
        ("Amazon Connect Contact Flow Event", Metric.EVENTS_IGNORED),
    ],
)
def test_contact_events_are_taken_under_both_names_of_the_product(
    tracked: Tracked, name: str, became: Metric
) -> None:
    told = event(initialContactId="c1", initiationMethod="API")
    assert tracked.track({**told, "detail-type": name}) == became


@pytest.mark.parametrize("method", ["API", "INBOUND", "Inbound"])
def test_connect_is_never_asked_about_a_chat_that_one_contact_begins(
    tracked: Tracked, method: str
) -> None:
    for kind in ("INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"):
        tracked.track(event(kind, initiationMethod=method, previousContactId=""))
    pascal = {"EventType": "DISCONNECTED", "ContactId": "c2", "InitiationMethod": method}
    tracked.track({**event(), "detail": {**pascal, "Channel": "Chat"}})
    tracked.track(EXPORT)
    assert (tracked.asked, tracked.noted) == ([], [("c2", "c2")] * 7)


@pytest.mark.parametrize(
    "detail",
    [
        {"initiationMethod": "TRANSFER"},
        {"initiationMethod": "DISCONNECT"},
        {"initiationMethod": None},
        {"initiationMethod": ["API"]},
        {"initiationMethod": "API", "previousContactId": "c0"},
        {"initiationMethod": "API", "previousContactId": 5},
        {"initiationMethod": "API", "initialContactId": 5},
    ],
)
def test_connect_is_asked_once_about_any_other_contact(
    tracked: Tracked, detail: dict[str, object]
) -> None:
    tracked.initial_contacts["c2"] = "c1"
    for kind in ("INITIATED", "DISCONNECTED"):
        tracked.track(event(kind, **detail))
    assert (tracked.asked, tracked.noted) == (["c2"], [("c1", "c2")] * 2)


def test_what_was_named_before_holds_for_a_contact_that_seems_to_begin_its_chat(
    tracked: Tracked,
) -> None:
    tracked.state.legs.add({"c2": "c1"}, provisional=False)
    tracked.track(event(initiationMethod="API"))
    assert (tracked.asked, tracked.noted) == ([], [("c1", "c2")])
