"""The items of a scripted transcript, each as the service would answer it at any moment.

All times are whole milliseconds since 1970 UTC, because the service writes no finer ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

type JsonObject = dict[str, Any]

EVENT_TYPES = "application/vnd.amazonaws.connect.event."
FOREVER_MS = 1 << 62

# The export holds what was said and who came and went, nothing that only clients care for.
_NOT_EXPORTED = frozenset(
    {"CONNECTION_ACK", "MESSAGEMETADATA", "MESSAGE_DELIVERED", "MESSAGE_READ", "TYPING"}
)
_NOT_EXPORTED_EVENTS = frozenset({EVENT_TYPES + "typing", EVENT_TYPES + "connection.acknowledged"})


def timestamp(time_ms: int) -> str:
    """Return a time in the words of the service: ``2026-04-01T12:00:00.123Z``."""
    minute, rest_ms = divmod(time_ms, 60_000)
    return f"{_minute(minute)}{rest_ms // 1000:02}.{rest_ms % 1000:03}Z"


# Formatting times is most of the cost of a view, and those of one chat share their minutes.
@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%M:}"


@dataclass(frozen=True, slots=True)
class Participant:
    """Someone in the chat; the flow itself (role SYSTEM) is there from start to end."""

    participant_id: str
    role: str
    name: str
    joined_ms: int
    left_ms: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one recipient's client reported of one message.

    The times are the client's; its clock runs ``skew_ms`` ahead of the service's, so that the
    service knows a time from ``time - skew_ms`` on.
    """

    recipient_id: str
    delivered_ms: int | None
    read_ms: int | None
    skew_ms: int = 0

    def as_of(self, at_ms: int) -> JsonObject | None:
        """Return the receipt as the service knows it at a moment; None before it knows of it."""
        known: JsonObject = {}
        if self.delivered_ms is not None and self.delivered_ms - self.skew_ms <= at_ms:
            known["DeliveredTimestamp"] = timestamp(self.delivered_ms)
        if self.read_ms is not None and self.read_ms - self.skew_ms <= at_ms:
            known["ReadTimestamp"] = timestamp(self.read_ms)
        if not known:
            return None
        known["RecipientParticipantId"] = self.recipient_id
        return known


@dataclass(frozen=True, slots=True)
class Reading:
    """What the service never knows for sure: when a recipient did read a message, if ever.

    Times are the service's, not those of the recipient's clock. Only recipients whose clients
    report at all have readings, and of what they need not report there is none.
    """

    message_id: str
    recipient_id: str
    arrived_ms: int
    read_ms: int | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file; its status is IN_PROGRESS until it is settled, which may be never."""

    attachment_id: str
    name: str
    content_type: str
    settled_ms: int
    outcome: str

    def as_of(self, at_ms: int) -> JsonObject:
        """Return the attachment as the service describes it at a moment."""
        return {
            "ContentType": self.content_type,
            "AttachmentId": self.attachment_id,
            "AttachmentName": self.name,
            "Status": self.outcome if self.settled_ms <= at_ms else "IN_PROGRESS",
        }


@dataclass(frozen=True, slots=True)
class Processing:
    """Processing of a message in flight; without an outcome its status vanishes when done."""

    done_ms: int
    outcome: str | None

    def as_of(self, at_ms: int) -> str | None:
        """Return the MessageProcessingStatus at a moment."""
        return self.outcome if self.done_ms <= at_ms else "PROCESSING"


@dataclass(frozen=True, slots=True)
class Streaming:
    """A message that comes in pieces, one every ``step_ms``, and is whole after the last one."""

    began_ms: int
    step_ms: int
    pieces: tuple[str, ...]

    @property
    def whole_ms(self) -> int:
        """When it is whole."""
        return self.began_ms + self.step_ms * len(self.pieces)

    def number(self, at_ms: int) -> int:
        """Return which piece is the newest at a moment, counted from 1."""
        return min(len(self.pieces), 1 + max(0, at_ms - self.began_ms) // self.step_ms)

    def piece(self, at_ms: int) -> JsonObject:
        """Return the members that a piece has instead of the whole, each piece its own time."""
        if at_ms >= self.whole_ms:
            return {}
        number = self.number(at_ms)
        began_ms = self.began_ms + self.step_ms * (number - 1)
        return {"AbsoluteTime": timestamp(began_ms), "Content": self.pieces[number - 1]}

    def metadata(self, at_ms: int) -> JsonObject:
        """Return what MessageMetadata says of it."""
        return {"MessageCompleted": at_ms >= self.whole_ms, "ChunkNumber": self.number(at_ms)}

    def changes(self) -> range:
        """Return the times from which it is another piece, or whole."""
        return range(self.began_ms + self.step_ms, self.whole_ms + 1, self.step_ms)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a transcript.

    ``contact_id`` is its leg in this chat, ``related_contact_id`` the leg of an earlier chat that
    it was brought back from; one of the two is set. ``message_id`` is set where the item may have
    a MessageMetadata, which is shown without receipts only if ``shows_empty_metadata``.
    ``unmodelled`` are members that the service already sends and its model does not know yet.
    """

    item_id: str
    type: str
    sent_ms: int
    contact_id: str | None
    sender: Participant | None = None
    content_type: str | None = None
    content: str | None = None
    message_id: str | None = None
    receipts: tuple[Receipt, ...] = ()
    shows_empty_metadata: bool = False
    attachments: tuple[Attachment, ...] = ()
    processing: Processing | None = None
    related_contact_id: str | None = None
    unmodelled: tuple[tuple[str, Any], ...] = ()
    streaming: Streaming | None = None

    @property
    def exported(self) -> bool:
        """Whether the export of the leg holds the item."""
        return self.type not in _NOT_EXPORTED and self.content_type not in _NOT_EXPORTED_EVENTS

    def as_of(self, at_ms: int) -> JsonObject:
        """Return the item as GetTranscript answers it at a moment."""
        out = self._said(at_ms)
        if self.contact_id is not None:
            out["ContactId"] = self.contact_id
        if self.related_contact_id is not None:
            out["RelatedContactId"] = self.related_contact_id
        if self.message_id is not None:
            metadata = self._metadata(self.message_id, at_ms)
            if metadata is not None:
                out["MessageMetadata"] = metadata
        out.update(self.unmodelled)
        return out

    def changes(self) -> list[int]:
        """Return the times from which `as_of` may answer otherwise than before, ascending."""
        times = {attachment.settled_ms for attachment in self.attachments}
        if self.processing is not None:
            times.add(self.processing.done_ms)
        if self.streaming is not None:
            times.update(self.streaming.changes())
        for receipt in self.receipts:
            known = (receipt.delivered_ms, receipt.read_ms)
            times.update(time_ms - receipt.skew_ms for time_ms in known if time_ms is not None)
        return sorted(times)

    def as_exported(self) -> JsonObject:
        """Return the item as the S3 export has it: no receipts and no contact id."""
        return self._said(FOREVER_MS)

    def _said(self, at_ms: int) -> JsonObject:
        out: JsonObject = {
            "AbsoluteTime": timestamp(self.sent_ms),
            "Id": self.item_id,
            "Type": self.type,
        }
        if self.content is not None:
            out["Content"] = self.content
        if self.content_type is not None:
            out["ContentType"] = self.content_type
        if self.sender is not None:
            out["ParticipantId"] = self.sender.participant_id
            out["DisplayName"] = self.sender.name
            out["ParticipantRole"] = self.sender.role
        if self.attachments:
            out["Attachments"] = [attachment.as_of(at_ms) for attachment in self.attachments]
        if self.streaming is not None:
            out |= self.streaming.piece(at_ms)
        return out

    def _metadata(self, message_id: str, at_ms: int) -> JsonObject | None:
        metadata: JsonObject = {"MessageId": message_id}
        known = [receipt.as_of(at_ms) for receipt in self.receipts]
        receipts = [receipt for receipt in known if receipt is not None]
        if receipts or self.shows_empty_metadata:
            metadata["Receipts"] = receipts
        status = None if self.processing is None else self.processing.as_of(at_ms)
        if status is not None:
            metadata["MessageProcessingStatus"] = status
        if self.streaming is not None:
            metadata |= self.streaming.metadata(at_ms)
        return metadata if len(metadata) > 1 else None
