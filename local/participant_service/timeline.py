"""What Connect sends out by itself while chats go on: contact events and exports, in order of time.

EventBridge keeps no order, repeats and loses; `perturb` does all that, from a seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from local.participant_service.behaviour import Behaviour
from local.scripted.chat import Chat, Leg
from local.scripted.items import JsonObject

_USUAL = Behaviour()


@dataclass(frozen=True, slots=True)
class ContactEvent:
    """A contact event as EventBridge delivers it."""

    event: JsonObject

    @property
    def event_id(self) -> str:
        return str(self.event["id"])

    @property
    def event_type(self) -> str:
        return str(self.event["detail"]["eventType"])

    @property
    def contact_id(self) -> str:
        return str(self.event["detail"]["contactId"])

    @property
    def initial_contact_id(self) -> str:
        return str(self.event["detail"]["initialContactId"])


@dataclass(frozen=True, slots=True)
class ExportObject:
    """The export of a leg as an object of the instance's bucket."""

    chat: Chat
    leg: Leg

    @property
    def key(self) -> str:
        return self.leg.export_key

    @property
    def contact_id(self) -> str:
        return self.leg.contact_id

    @property
    def initial_contact_id(self) -> str:
        return self.chat.initial_contact_id

    @property
    def body(self) -> bytes:
        """The JSON of the export; made anew each time, for there may be very many."""
        return json.dumps(self.chat.export(self.leg), ensure_ascii=False).encode()


type Happening = tuple[int, ContactEvent | ExportObject]


@dataclass(frozen=True, slots=True)
class Perturbed:
    """What is delivered after all, in order of time, and what was done to the contact events.

    Attributes
    ----------
    happenings
        The deliveries; the times are those of delivery.
    lost, late, repeated
        The events that never come, come after their time, and come twice.
    """

    happenings: list[Happening]
    lost: list[ContactEvent]
    late: list[ContactEvent]
    repeated: list[ContactEvent]


def happenings(chats: Iterable[Chat], behaviour: Behaviour = _USUAL) -> Iterator[Happening]:
    """Yield what Connect sends out, in order of time.

    Parameters
    ----------
    chats
        In any order; what happens at one time comes in theirs.
    behaviour
        Whether there are exports, and how late.

    Yields
    ------
    tuple
        The epoch milliseconds, and a contact event or an export. Only the chats that are live
        are kept in memory.
    """
    due: list[tuple[int, int, ContactEvent | ExportObject]] = []
    number = 0
    for chat in sorted(chats, key=lambda chat: chat.started_ms):
        while due and due[0][0] < chat.started_ms:
            at_ms, _, thing = heappop(due)
            yield at_ms, thing
        for at_ms, thing in _of_chat(chat, behaviour):
            heappush(due, (at_ms, number, thing))
            number += 1
    while due:
        at_ms, _, thing = heappop(due)
        yield at_ms, thing


def export_due_ms(leg: Leg, behaviour: Behaviour = _USUAL) -> int:
    """Return when the export of a leg is there."""
    delay_s = Random(f"{leg.contact_id}/export").uniform(*behaviour.export_delay_s)
    return leg.disconnected_ms + int(delay_s * 1000)


def perturb(
    sent: Iterable[Happening],
    seed: int,
    *,
    late: float = 0.1,
    twice: float = 0.05,
    lost: float = 0.02,
    late_s: float = 90,
) -> Perturbed:
    """Deliver contact events as badly as EventBridge may; exports come as they are.

    Parameters
    ----------
    sent
        What Connect sends out.
    seed
        The same seed does the same to the same events.
    late, twice, lost
        The shares of events that are delivered late, repeated and never; a repeated one's second
        delivery is late too.
    late_s
        By how many seconds at most.
    """
    rng = Random(seed)
    done = Perturbed([], [], [], [])
    for at_ms, thing in sent:
        if isinstance(thing, ExportObject):
            done.happenings.append((at_ms, thing))
            continue
        # Each is drawn for each event, so that one share changes nothing of what another does.
        is_lost, is_late, is_twice = (rng.random() < share for share in (lost, late, twice))
        first_s, second_s = rng.uniform(0, late_s), rng.uniform(0, late_s)
        if is_lost:
            done.lost.append(thing)
            continue
        delay_ms = int(first_s * 1000) if is_late else 0
        done.happenings.append((at_ms + delay_ms, thing))
        if is_late:
            done.late.append(thing)
        if is_twice:
            done.happenings.append((at_ms + int(second_s * 1000), thing))
            done.repeated.append(thing)
    done.happenings.sort(key=lambda happening: happening[0])
    return done


def _of_chat(chat: Chat, behaviour: Behaviour) -> Iterator[Happening]:
    for at_ms, event in chat.timed_contact_events():
        yield at_ms, ContactEvent(event)
    if behaviour.exports:
        for leg in chat.legs:
            yield export_due_ms(leg, behaviour), ExportObject(chat, leg)
