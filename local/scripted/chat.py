"""A scripted chat: a timeline that answers as the service would at any moment."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from local.scripted.contact_center import (
    ACCOUNT_ID,
    INSTANCE_ALIAS,
    INSTANCE_ARN,
    INSTANCE_ID,
    REGION,
    Agent,
    Queue,
    epoch_ms,
)
from local.scripted.ending import EndedBy, ended_by
from local.scripted.items import (
    EVENT_TYPES,
    FOREVER_MS,
    Item,
    JsonObject,
    Participant,
    Reading,
    timestamp,
)

_GONE = frozenset(
    EVENT_TYPES + name for name in ("participant.left", "participant.autodisconnection")
)


@dataclass(frozen=True, slots=True)
class Leg:
    """One contact of a chat; queue, agent and their times are None where it had none.

    ``metrics`` are the service's own figures of it, None before all is said.
    """

    contact_id: str
    previous_contact_id: str | None
    related_contact_id: str | None
    initiation_method: str
    initiated_ms: int
    queue: Queue | None
    queued_ms: int | None
    agent: Agent | None
    connected_ms: int | None
    disconnected_ms: int
    completed_ms: int
    disconnect_reason: str
    metrics: JsonObject | None = None

    @property
    def export_key(self) -> str:
        """The key under which Connect puts the leg's export into its bucket."""
        start = datetime.fromtimestamp(self.initiated_ms / 1000, UTC)
        folder = f"connect/{INSTANCE_ALIAS}/ChatTranscripts/{start:%Y/%m/%d}"
        return f"{folder}/{self.contact_id}_{start:%Y%m%dT%H:%M}_UTC.json"

    def events(self) -> list[tuple[str, int]]:
        """Return the types of the leg's contact events with their times, oldest first."""
        times = [
            ("INITIATED", self.initiated_ms),
            ("QUEUED", self.queued_ms),
            ("CONNECTED_TO_AGENT", self.connected_ms),
            ("DISCONNECTED", self.disconnected_ms),
            ("COMPLETED", self.completed_ms),
        ]
        return [(event_type, time_ms) for event_type, time_ms in times if time_ms is not None]

    def detail(self, event_type: str, at_ms: int, initial_contact_id: str) -> JsonObject:
        """Return the detail of a contact event: what is known of the leg at its time."""
        detail: JsonObject = {
            "eventType": event_type,
            "contactId": self.contact_id,
            "initialContactId": initial_contact_id,
            "channel": "CHAT",
            "instanceArn": INSTANCE_ARN,
            "initiationMethod": self.initiation_method,
            "initiationTimestamp": timestamp(self.initiated_ms),
        }
        if self.previous_contact_id is not None:
            detail["previousContactId"] = self.previous_contact_id
        if self.related_contact_id is not None:
            detail["relatedContactId"] = self.related_contact_id
        if self.queue is not None and self.queued_ms is not None and self.queued_ms <= at_ms:
            detail["queueInfo"] = {
                "queueArn": self.queue.arn,
                "queueType": "STANDARD",
                "enqueueTimestamp": timestamp(self.queued_ms),
            }
        if self.agent is not None and self.connected_ms is not None and self.connected_ms <= at_ms:
            detail["agentInfo"] = {
                "agentArn": self.agent.arn,
                "connectedToAgentTimestamp": timestamp(self.connected_ms),
            }
        if event_type in {"DISCONNECTED", "COMPLETED"}:
            detail["disconnectTimestamp"] = timestamp(self.disconnected_ms)
            detail["disconnectReason"] = self.disconnect_reason
            if self.metrics is not None:
                detail["chatMetrics"] = self.metrics
        return detail


@dataclass(frozen=True, slots=True)
class Chat:
    """A whole chat; ``items`` are in order of time, those of earlier chats before its own.

    ``readings`` are what was read in truth, whoever reported it or did not.
    ``past_chats`` counts the earlier chats whose items a persistent chat brings back, and
    ``kind`` names the way it went: ``agent``, ``bot``, ``abandoned``, ``silent`` or ``ghost``;
    chats made for their purpose may be of another.
    """

    index: int
    kind: str
    language: str
    initial_contact_id: str
    started_ms: int
    ended_ms: int
    legs: tuple[Leg, ...]
    participants: tuple[Participant, ...]
    items: tuple[Item, ...]
    past_chats: int = 0
    readings: tuple[Reading, ...] = ()

    @property
    def instance_id(self) -> str:
        """The id of the Connect instance."""
        return INSTANCE_ID

    @property
    def instance_arn(self) -> str:
        """The ARN of the Connect instance."""
        return INSTANCE_ARN

    @property
    def own_items(self) -> tuple[Item, ...]:
        """The items without those of earlier chats."""
        return tuple(item for item in self.items if item.contact_id is not None)

    @property
    def ended_by(self) -> EndedBy:
        """Who ended the chat."""
        last = self.legs[-1]
        return ended_by(last.disconnect_reason, last.initiation_method)

    @property
    def closing_ms(self) -> int:
        """When the customer goes, with whom the chat ends: until then all of it can be read."""
        leaving = (
            item.sent_ms
            for item in reversed(self.own_items)
            if item.content_type in _GONE
            and item.sender is not None
            and item.sender.role == "CUSTOMER"
        )
        ending = (
            item.sent_ms
            for item in reversed(self.own_items)
            if item.content_type == EVENT_TYPES + "chat.ended"
        )
        return next(leaving, next(ending, self.ended_ms))

    def transcript(self, at: datetime | None = None) -> list[JsonObject]:
        """Return all items as the service has them at a moment, oldest first.

        Parameters
        ----------
        at
            An aware moment; None is after everything. Before the chat starts there is nothing,
            not even what a persistent chat brings back.
        """
        at_ms = FOREVER_MS if at is None else epoch_ms(at)
        if at_ms < self.started_ms:
            return []
        return [item.as_of(at_ms) for item in self.items if item.sent_ms <= at_ms]

    def pages(self, at: datetime | None = None, page_size: int = 100) -> list[JsonObject]:
        """Return the chat as GetTranscript answers it page by page, scanned backward.

        Parameters
        ----------
        at
            As in `transcript`.
        page_size
            The most items on a page, at least 1.

        Returns
        -------
        list
            At least one response; the newest page is the first, items on a page ascend, and
            every page but the last has a NextToken.
        """
        if page_size < 1:
            message = f"page_size is {page_size}, but a page holds at least one item"
            raise ValueError(message)
        items = self.transcript(at)
        pages: list[JsonObject] = []
        end = len(items)
        while end > page_size:
            start = end - page_size
            token = urlsafe_b64encode(f"{self.initial_contact_id}/{start}".encode()).decode()
            pages.append(self._page(items[start:end]) | {"NextToken": token})
            end = start
        pages.append(self._page(items[:end]))
        return pages

    def exports(self) -> list[JsonObject]:
        """Return the export that Connect writes to S3 for each leg, in the order of `legs`."""
        return [self.export(leg) for leg in self.legs]

    def export(self, leg: Leg) -> JsonObject:
        """Return the export of one leg."""
        items = [item for item in self.items if item.contact_id == leg.contact_id and item.exported]
        present = dict.fromkeys(item.sender.participant_id for item in items if item.sender)
        return {
            "Version": "2019-08-26",
            "AWSAccountId": ACCOUNT_ID,
            "InstanceId": INSTANCE_ID,
            "InitialContactId": self.initial_contact_id,
            "ContactId": leg.contact_id,
            "Participants": [{"ParticipantId": participant_id} for participant_id in present],
            "Transcript": [item.as_exported() for item in items],
        }

    def contact_events(self) -> list[JsonObject]:
        """Return the EventBridge contact events of all legs, oldest first."""
        return [event for _, event in self.timed_contact_events()]

    def timed_contact_events(self) -> list[tuple[int, JsonObject]]:
        """Return the contact events with their times, which in the events are whole seconds."""
        events = [
            (time_ms, event_type, leg) for leg in self.legs for event_type, time_ms in leg.events()
        ]
        events.sort(key=lambda event: event[0])
        return [(time_ms, self._contact_event(leg, kind, time_ms)) for time_ms, kind, leg in events]

    def _page(self, items: list[JsonObject]) -> JsonObject:
        return {"InitialContactId": self.initial_contact_id, "Transcript": items}

    def _contact_event(self, leg: Leg, event_type: str, time_ms: int) -> JsonObject:
        return {
            "version": "0",
            "id": str(uuid5(UUID(leg.contact_id), event_type)),
            "detail-type": "Amazon Connect Contact Event",
            "source": "aws.connect",
            "account": ACCOUNT_ID,
            "time": timestamp(time_ms)[:-5] + "Z",
            "region": REGION,
            "resources": [f"{INSTANCE_ARN}/contact/{leg.contact_id}", INSTANCE_ARN],
            "detail": leg.detail(event_type, time_ms, self.initial_contact_id),
        }
