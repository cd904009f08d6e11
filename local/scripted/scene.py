"""A scripted chat while it is written: the clock, who is present and what was said so far."""

from __future__ import annotations

import math
from random import Random

from local.scripted.chat import Leg
from local.scripted.contact_center import Agent, Queue
from local.scripted.draft import Line, Member, OpenLeg, random_uuid
from local.scripted.items import EVENT_TYPES, FOREVER_MS, Attachment, Processing
from local.scripted.speech import ATTACHMENTS, Words, pick
from local.scripted.traits import Traits

_SPECIFIC_TYPES = {
    "typing": "TYPING",
    "participant.joined": "PARTICIPANT_JOINED",
    "participant.left": "PARTICIPANT_LEFT",
    "chat.ended": "CHAT_ENDED",
    "transfer.succeeded": "TRANSFER_SUCCEEDED",
    "transfer.failed": "TRANSFER_FAILED",
    "connection.acknowledged": "CONNECTION_ACK",
}
"""The enum's own types for events, which are mostly of Type EVENT instead."""

_TYPING_SHARE = 0.5
_REFUSED_SHARE = 0.04
_UNSETTLED_SHARE = 0.02
_AFTER_CONTACT_WORK_S = 45
_LEFT_SHARE = 0.5


class Scene:
    """A chat that is being written.

    Parameters
    ----------
    rng
        The source of every choice.
    traits
        What was settled before the first word.
    started_ms
        When the first contact is initiated.
    related_contact_id
        The chat that this one continues, or None.
    """

    def __init__(
        self, rng: Random, traits: Traits, started_ms: int, related_contact_id: str | None
    ) -> None:
        self.rng = rng
        self.traits = traits
        self.started_ms = started_ms
        self.now_ms = started_ms
        self.members: list[Member] = []
        self.lines: list[Line] = []
        self.legs: list[Leg] = []
        self.leg = OpenLeg(random_uuid(rng), None, related_contact_id, "API", started_ms)
        self.initial_contact_id = self.leg.contact_id

    def wait(self, median_s: float, sigma: float = 0.8) -> None:
        """Let a log-normal time pass, and a millisecond at least."""
        self.now_ms += 1 + int(1000 * median_s * math.exp(self.rng.gauss(0.0, sigma)))

    def enter(
        self, role: str, name: str, *, read_s: float | None = None, skew_ms: int = 0
    ) -> Member:
        """Add a participant without saying so, as is the way of flows and of Lex bots."""
        participant_id = random_uuid(self.rng)
        place = len(self.members)
        joined_ms = self.now_ms
        member = Member(place, participant_id, role, name, joined_ms, FOREVER_MS, read_s, skew_ms)
        self.members.append(member)
        return member

    def join(
        self, role: str, name: str, *, read_s: float | None = None, skew_ms: int = 0
    ) -> Member:
        """Add a participant who joins for all to see."""
        member = self.enter(role, name, read_s=read_s, skew_ms=skew_ms)
        self.event("participant.joined", member)
        return member

    def leave(self, member: Member) -> None:
        """Let a participant go."""
        self.event("participant.left", member)
        member.left_ms = self.now_ms

    def disconnect(self, member: Member) -> None:
        """Let Connect end a participant who was idle for too long."""
        # Not all of them have a participant.left as well: chatjs#68, chatjs#223.
        if Random(f"{self.initial_contact_id}/disconnected").random() < _LEFT_SHARE:
            self.leave(member)
        else:
            self.event("participant.autodisconnection", member)
            member.left_ms = self.now_ms

    def event(self, name: str, sender: Member | None = None) -> None:
        """Record an event by the last part of its content type."""
        item_type = _SPECIFIC_TYPES.get(name, "EVENT") if self.traits.specific_types else "EVENT"
        self._record(item_type, sender, EVENT_TYPES + name, None)

    def say(self, sender: Member, words: Words) -> None:
        """Record a message."""
        if self.traits.typing and sender.role != "SYSTEM" and self.rng.random() < _TYPING_SHARE:
            self.event("typing", sender)
            self.wait(2, 0.5)
        processing = self._processing() if self.traits.processed else None
        self._record("MESSAGE", sender, *words, processing=processing)

    def attach(self, sender: Member) -> None:
        """Record a file that is scanned for some seconds."""
        rng = self.rng
        name, content_type = pick(rng, ATTACHMENTS)
        settled_ms = self.now_ms + int(1000 * rng.lognormvariate(1.2, 0.8))
        if rng.random() < _UNSETTLED_SHARE:
            settled_ms = FOREVER_MS + 1
        outcome = "APPROVED" if rng.random() >= _REFUSED_SHARE else "REJECTED"
        attachment = Attachment(random_uuid(rng), name, content_type, settled_ms, outcome)
        self._record("ATTACHMENT", sender, None, None, attachment=attachment)

    def queue(self, queue: Queue) -> None:
        """Put the open leg into a queue."""
        self.now_ms += 150
        self.leg.queue = queue
        self.leg.queued_ms = self.now_ms

    def connect(self, agent: Agent, read_s: float | None) -> Member:
        """Connect the open leg to an agent, who joins."""
        self.leg.agent = agent
        self.leg.connected_ms = self.now_ms
        self.now_ms += 200
        return self.join("AGENT", agent.name, read_s=read_s, skew_ms=self.traits.agent_skew_ms)

    def next_leg(self, method: str, disconnect_reason: str) -> None:
        """End the open leg and go on with a new one."""
        self.close_leg(disconnect_reason)
        self.now_ms += 80
        previous = self.leg.contact_id
        self.leg = OpenLeg(random_uuid(self.rng), previous, None, method, self.now_ms)

    def close_leg(self, disconnect_reason: str) -> None:
        """End the open leg; an agent has work to do after it."""
        leg = self.leg
        completed_ms = self.now_ms
        if leg.agent is not None:
            completed_ms += int(1000 * _AFTER_CONTACT_WORK_S * self.rng.lognormvariate(0, 0.7))
        closed = Leg(
            contact_id=leg.contact_id,
            previous_contact_id=leg.previous_contact_id,
            related_contact_id=leg.related_contact_id,
            initiation_method=leg.initiation_method,
            initiated_ms=leg.initiated_ms,
            queue=leg.queue,
            queued_ms=leg.queued_ms,
            agent=leg.agent,
            connected_ms=leg.connected_ms,
            disconnected_ms=self.now_ms,
            completed_ms=completed_ms,
            disconnect_reason=disconnect_reason,
        )
        self.legs.append(closed)

    def _record(
        self,
        item_type: str,
        sender: Member | None,
        content_type: str | None,
        content: str | None,
        *,
        attachment: Attachment | None = None,
        processing: Processing | None = None,
    ) -> None:
        self.now_ms += 1
        place = None if sender is None else sender.place
        contact_id = self.leg.contact_id
        self.lines.append(
            Line(
                self.now_ms,
                item_type,
                contact_id,
                place,
                content_type,
                content,
                attachment,
                processing,
            )
        )

    def _processing(self) -> Processing:
        luck = self.rng.random()
        outcome = "FAILED" if luck < 0.01 else "REJECTED" if luck < 0.02 else None
        return Processing(self.now_ms + 100 + int(self.rng.random() * 1_900), outcome)
