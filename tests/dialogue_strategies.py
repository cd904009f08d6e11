"""Chats as they go, made by hypothesis: who comes, writes, reads and leaves, as reads found it.

The inputs of tests.strategies are odd in every member and hardly ever make a chat; these are plain
and make the cases that the table of readings tells apart. All times of a chat stand on few steps,
so that what happens at one time and what is two seconds apart is common.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.oracle import Input, Object

START_MS = 1_767_225_600_000
_EVENT = "application/vnd.amazonaws.connect.event."

ROLES = {
    "customer": "CUSTOMER",
    "agent": "AGENT",
    "desk": "AGENT",
    "lead": "SUPERVISOR",
    "bot": "CUSTOM_BOT",
    "flow": "SYSTEM",
}
_SPEAKERS = ("customer",) * 3 + ("agent",) * 3 + ("desk", "lead", "bot", "flow")
_MOVERS = ("customer", "agent", "agent", "desk", "desk", "lead", "flow", "bot")
_RECIPIENTS = ("customer", "customer", "agent", "agent", "desk", "flow", None)
_GAPS_MS = (0, 0, 1, 700, 1_999, 2_000, 2_001, 5_000, 40_000)
_LAGS_MS = (-3_000, 0, 1, 300, 2_000, 5_000, 30_000, 90_000)
_ACTIONS = ("say",) * 9 + ("join", "join", "leave", "leave", "dropped")
_RARE_ACTIONS = (
    *("file", "metadata", "event", "event", "streamed", "streamed"),
    *("ended", "transfer", "timeless", "refused", "pending"),
)


@dataclass(frozen=True)
class Report:
    """What the service learned of one recipient, and when: the clients' clocks may be behind."""

    recipient: str | None
    delivered_ms: int | None
    read_ms: int | None

    def as_of(self, at_ms: int) -> Object:
        told = {
            "RecipientParticipantId": self.recipient,
            "DeliveredTimestamp": _told(self.delivered_ms, at_ms),
            "ReadTimestamp": _told(self.read_ms, at_ms),
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class Happening:
    """An item of a dialogue, and the receipts that it gets.

    One that is streamed has a piece of its content until it is `whole_ms`, and says so.
    """

    at_ms: int
    members: Object
    message_id: str | None = None
    status: str | None = None
    reports: tuple[Report, ...] = ()
    contact: str = ""
    whole_ms: int | None = None

    def as_of(self, at_ms: int) -> Object:
        receipts = [report.as_of(at_ms) for report in self.reports]
        metadata: Object = {
            "MessageId": self.message_id,
            "MessageProcessingStatus": self.status,
            "Receipts": [receipt for receipt in receipts if receipt],
        }
        metadata = {name: value for name, value in metadata.items() if value}
        piece: Object = {}
        if self.whole_ms is not None:
            metadata["MessageCompleted"] = self.whole_ms <= at_ms
            metadata["ChunkNumber"] = 3
            if at_ms < self.whole_ms:
                metadata["ChunkNumber"] = 1 + (at_ms - self.at_ms) % 3
                piece = {"Content": "and", "AbsoluteTime": spelled(self.at_ms + 400)}
        return {**self.members, **piece, **({"MessageMetadata": metadata} if metadata else {})}


@dataclass
class Dialogue:
    """A chat while hypothesis writes it."""

    contacts: Sequence[str]
    now_ms: int = START_MS
    leg: int = 0
    happenings: list[Happening] = field(default_factory=list)

    @property
    def contact(self) -> str:
        return self.contacts[self.leg]

    def add(self, draw: DrawFn, sender: str | None, members: Object) -> Happening:
        # Of what happens at one time, the ids are in any order.
        item_id = f"{draw(st.sampled_from('ba'))}{len(self.happenings)}"
        said = {"Id": item_id, "AbsoluteTime": spelled(self.now_ms), "ContactId": self.contact}
        if sender is not None:
            said |= {"ParticipantId": sender, "ParticipantRole": ROLES[sender]}
        self.happenings.append(
            Happening(self.now_ms, {**said, "Type": "EVENT", **members}, contact=self.contact)
        )
        return self.happenings[-1]

    def amend(self, **changes: Any) -> None:
        self.happenings[-1] = replace(self.happenings[-1], **changes)


def spelled(time_ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(time_ms: int | None, at_ms: int) -> str | None:
    return None if time_ms is None or time_ms > at_ms else spelled(time_ms)


def _act(draw: DrawFn, dialogue: Dialogue, action: str) -> None:
    if action in {"join", "leave", "dropped"}:
        _move(draw, dialogue, action, draw(st.sampled_from(_MOVERS)))
    elif action == "transfer":
        dialogue.leg = min(dialogue.leg + 1, len(dialogue.contacts) - 1)
    elif action == "ended":
        by_type = draw(st.booleans())
        told = {"Type": "CHAT_ENDED"} if by_type else {"ContentType": f"{_EVENT}chat.ended"}
        dialogue.add(draw, None, told)
    elif action == "metadata":
        _report_apart(draw, dialogue, {"Type": "MESSAGEMETADATA"}, None)
    elif action == "event":
        _report_by_event(draw, dialogue)
    else:
        _say(draw, dialogue, action)


def _move(draw: DrawFn, dialogue: Dialogue, action: str, who: str) -> None:
    name = {"join": "joined", "leave": "left", "dropped": "autodisconnection"}[action]
    if action != "dropped" and draw(st.booleans()):
        dialogue.add(draw, who, {"Type": f"PARTICIPANT_{name.upper()}"})
    else:
        dialogue.add(draw, who, {"ContentType": f"{_EVENT}participant.{name}"})


def _say(draw: DrawFn, dialogue: Dialogue, action: str) -> None:
    sender = draw(st.sampled_from(_SPEAKERS))
    content = draw(st.sampled_from(("Hello", "e\u0301\U0001f600", "")))
    item = dialogue.add(
        draw,
        sender,
        {
            "Type": "ATTACHMENT" if action == "file" else "MESSAGE",
            "Content": content,
            **({"AbsoluteTime": "at noon"} if action == "timeless" else {}),
        },
    )
    own_id = item.members["Id"]
    dialogue.amend(
        message_id=draw(st.sampled_from((own_id, own_id, None, f"{own_id} as well"))),
        status={"refused": "REJECTED", "pending": "PROCESSING"}.get(action),
        reports=draw(_reports(dialogue.now_ms)),
    )
    if action == "streamed":
        dialogue.amend(whole_ms=dialogue.now_ms + draw(st.sampled_from(_GAPS_MS)))


def _report_apart(draw: DrawFn, dialogue: Dialogue, members: Object, sender: str | None) -> None:
    """Receipts as an item of their own: of a message by one of its ids, or of one that is gone."""
    message_id = draw(_of_a_message(dialogue))
    dialogue.add(draw, sender, members)
    dialogue.amend(message_id=message_id, reports=draw(_reports(dialogue.now_ms)))


def _report_by_event(draw: DrawFn, dialogue: Dialogue) -> None:
    """What a recipient's client sent, as an item: it names its message, and may have receipts."""
    who = draw(st.sampled_from(("customer", "agent", None)))
    item_type = draw(st.sampled_from(("MESSAGE_READ", "MESSAGE_READ", "MESSAGE_DELIVERED")))
    if draw(st.booleans()):
        content = json.dumps({"messageId": draw(_of_a_message(dialogue))})
        dialogue.add(draw, who, {"Type": item_type, "Content": content})
    else:
        _report_apart(draw, dialogue, {"Type": item_type}, who)
        if draw(st.booleans()):
            dialogue.amend(reports=())


def _of_a_message(dialogue: Dialogue) -> SearchStrategy[str]:
    said = [one for one in dialogue.happenings if one.members["Type"] == "MESSAGE"]
    ids = [i for one in said for i in (one.members["Id"], one.message_id) if i]
    return st.sampled_from((*ids, "gone"))


@st.composite
def _reports(draw: DrawFn, sent_ms: int) -> tuple[Report, ...]:
    lag = st.none() | st.sampled_from(_LAGS_MS)

    def at(lag_ms: int | None) -> int | None:
        return None if lag_ms is None else sent_ms + lag_ms

    who = draw(st.lists(st.sampled_from(_RECIPIENTS), max_size=2, unique=True))
    return tuple(Report(one, at(draw(lag)), at(draw(lag))) for one in who)


@st.composite
def dialogues(draw: DrawFn, contacts: Sequence[str]) -> list[Input]:
    """What was read of a chat of these contacts, the first of them its initial one."""
    dialogue = Dialogue(contacts)
    for who in ("customer", "agent"):
        if draw(st.integers(0, 4)):
            _move(draw, dialogue, "join", who)
    for _ in range(draw(st.integers(1, 12))):
        dialogue.now_ms += draw(st.sampled_from(_GAPS_MS))
        rare = draw(st.integers(0, 7)) == 7
        _act(draw, dialogue, draw(st.sampled_from(_RARE_ACTIONS if rare else _ACTIONS)))
    if draw(st.booleans()):
        dialogue.now_ms += draw(st.sampled_from(_GAPS_MS))
        _act(draw, dialogue, "ended")
    inputs = [*_reads(draw, dialogue), *_exports(draw, dialogue), *_events(draw, dialogue)]
    return draw(st.permutations(inputs)) if inputs else [_read(dialogue, dialogue.now_ms)]


def _reads(draw: DrawFn, dialogue: Dialogue) -> Iterator[Input]:
    """Responses: most by reads at several times, some from a file."""
    length_ms = dialogue.now_ms - START_MS
    for late in draw(st.lists(st.sampled_from((0.3, 0.6, 1.0)), max_size=3, unique=True)):
        at_ms = START_MS + int(late * length_ms) + draw(st.sampled_from(_GAPS_MS))
        read = _read(dialogue, at_ms)
        yield replace(
            read,
            read_at=0 if draw(st.integers(0, 5)) == 0 else at_ms,
            whole=draw(st.booleans()),
        )
    if draw(st.integers(0, 4)) == 0:
        at_ms = dialogue.now_ms + draw(st.sampled_from(_GAPS_MS))
        yield replace(_read(dialogue, at_ms, last=3), reached=False)


def _read(dialogue: Dialogue, at_ms: int, *, last: int | None = None) -> Input:
    """A response of the last items that were there at a moment, of all of them without `last`."""
    items = [one.as_of(at_ms) for one in dialogue.happenings if one.at_ms <= at_ms]
    shown = items if last is None else items[-last:]
    value = {"InitialContactId": dialogue.contacts[0], "Transcript": shown}
    return Input("response", value, read_at=at_ms)


def _exports(draw: DrawFn, dialogue: Dialogue) -> Iterator[Input]:
    for contact in dialogue.contacts[: dialogue.leg + 1]:
        if draw(st.integers(0, 4)) == 0:
            said = [one for one in dialogue.happenings if one.contact == contact]
            items = [replace(one, message_id=None, status=None, reports=()) for one in said]
            value = {
                "InitialContactId": dialogue.contacts[0],
                "ContactId": contact,
                "Transcript": [one.as_of(START_MS) for one in items],
            }
            yield Input("export", value)


def _events(draw: DrawFn, dialogue: Dialogue) -> Iterator[Input]:
    for number, contact in enumerate(dialogue.contacts[: dialogue.leg + 1]):
        ended_ms = dialogue.now_ms + draw(st.sampled_from((-5_000, -1, 0, 1, 60_000)))
        detail: Object = {
            "contactId": contact,
            "initialContactId": dialogue.contacts[0],
            "previousContactId": dialogue.contacts[number - 1] if number else None,
            "initiationTimestamp": spelled(START_MS),
        }
        told: dict[str, Object] = {
            "INITIATED": {"customerId": "profile", "tags": {"aws:connect": "yes"}},
            "CONNECTED_TO_AGENT": draw(_of_the_agent(number)),
            "DISCONNECTED": {
                "disconnectTimestamp": spelled(ended_ms),
                "chatMetrics": {"chatContactMetrics": {"multiParty": number > 0}},
            },
        }
        for event_type in draw(st.lists(st.sampled_from(sorted(told)), max_size=3, unique=True)):
            event = {
                "time": spelled(ended_ms),
                "detail": {**detail, "eventType": event_type, **told[event_type]},
            }
            yield Input("event", event)


def _of_the_agent(number: int) -> SearchStrategy[Object]:
    name = st.sampled_from(("valueString", "ValueString", "valueInteger"))
    return st.builds(
        lambda spelling: {
            "queueInfo": {
                "queueArn": f"queue/{number}",
                "enqueueTimestamp": spelled(START_MS + 1),
            },
            "agentInfo": {
                "agentArn": f"agent/{number}",
                "connectedToAgentTimestamp": spelled(START_MS + 900),
                "hierarchyGroups": {"level1": {"arn": "group/1"}},
            },
            "segmentAttributes": {"connect:Subtype": {spelling: "connect:Chat"}},
        },
        name,
    )
