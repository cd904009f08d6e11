"""Which customer waits for whom in a chat, and since when, told from its document alone.

A message waits *unseen* while an agent is in the chat who has not read it, nor a later one, and has
not replied; where nobody could know of a reading (docs/row-rules.md §8, `unknown`) none is told of.
It waits *unanswered* until an agent, a supervisor or a bot writes, agent or not: messages of a flow
answer nothing. Of each kind the oldest message is the customer's wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from chatlake.capture.waiting_messages import is_rehydrated
from chatlake.documents.item_ids import METADATA
from chatlake.documents.items import STATUS, resolve
from chatlake.documents.presence import is_lex_bot, joins, leaves
from chatlake.documents.receipt_events import message_id_of, receipts_of
from chatlake.identifiers import text_id
from chatlake.timestamps import epoch_us, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.documents.document import Document
    from chatlake.documents.items import Receipt
    from chatlake.json_codec import JsonObject

type Kind = Literal["unseen", "unanswered"]

_SIDES = frozenset({"AGENT", "CUSTOMER"})
_NEVER_DELIVERED = frozenset({"FAILED", "REJECTED"})
_MOST_WITH_RECEIPTS = 2
_REPLY_US = 2_000_000
"""What is written sooner after a message crosses it: it says of no reading."""


@dataclass(frozen=True, slots=True)
class CustomerWait:
    """The oldest message of a customer that waits.

    Attributes
    ----------
    item_id, contact_id
        Of the message.
    since_ms
        When it was sent; if it is unseen, when an agent came who might have read it, if that was
        later. Epoch milliseconds.
    seen_at_ms
        When it was last seen to wait: what happened since is not known.
    """

    kind: Kind
    item_id: str
    contact_id: str
    since_ms: int
    seen_at_ms: int

    @property
    def waited_ms(self) -> int:
        """How long it is known to have waited."""
        return self.seen_at_ms - self.since_ms


@dataclass(frozen=True, slots=True)
class _Message:
    item_id: str
    contact_id: str
    sent_us: int


def customer_waits(document: Document) -> tuple[CustomerWait, ...]:
    """Return for what the customer of a live chat waits: one of each kind at most.

    It may have begun just when the chat was last seen, or by Connect's clock even after that.
    """
    reads = document.participant
    if reads is None:
        return ()
    talk = _Talk(document.initial_contact_id, _Readings(document))
    for item_id, item, at_us in _in_order(document):
        talk.take(item_id, item, at_us)
    if "CUSTOMER" not in talk.present.values():
        return ()
    waits: list[CustomerWait] = []
    observed_us = reads["observed_until"]
    if talk.unseen and observed_us is not None and talk.is_observed():
        message = talk.unseen[0]
        since_us = max(message.sent_us, talk.attended_us or 0)
        waits.append(_wait("unseen", message, since_us // 1000, observed_us // 1000))
    if talk.unanswered:
        message = talk.unanswered[0]
        waits.append(_wait("unanswered", message, message.sent_us // 1000, reads["read_at"]))
    return tuple(waits)


def _wait(kind: Kind, message: _Message, since_ms: int, seen_at_ms: int) -> CustomerWait:
    return CustomerWait(kind, message.item_id, message.contact_id, since_ms, seen_at_ms)


def _in_order(document: Document) -> Iterator[tuple[str, JsonObject, int]]:
    """Yield the chat's own items that have a time, in the order of it."""
    timed = [
        (at_us, item_id, item)
        for item_id, stored in document.items.items()
        if not is_rehydrated(item := resolve(stored))
        and (at_us := epoch_us(item.get("AbsoluteTime"))) is not None
    ]
    for at_us, item_id, item in sorted(timed, key=lambda found: found[:2]):
        yield item_id, item, at_us


class _Readings:
    """Who is known to have read what, and whose client reports it."""

    def __init__(self, document: Document) -> None:
        self._read_by: dict[str, set[str]] = {}
        self._others: set[str] = set()
        self.reporting: set[str] = set()
        for item_id, stored in document.items.items():
            item = resolve(stored)
            participant = text_id(item.get("ParticipantId"))
            if participant is not None and item.get("ParticipantRole") != "AGENT":
                self._others.add(participant)
            message_id = message_id_of(item_id, item)
            for recipient, receipt in receipts_of(item_id, stored, item).items():
                self._note(message_id, recipient, receipt)

    def _note(self, message_id: str, recipient: str, receipt: Receipt) -> None:
        if parse_timestamp(receipt.get("ReadTimestamp")):
            self._read_by.setdefault(message_id, set()).add(recipient)
            self.reporting.add(recipient)
        elif parse_timestamp(receipt.get("DeliveredTimestamp")):
            self.reporting.add(recipient)

    def is_read(self, item_id: str, item: JsonObject) -> bool:
        """Return whether an agent has read a message of the customer."""
        names = {item_id, message_id_of(item_id, item)}
        # Who has no item of its own, or no name, can be but an agent.
        return any(self._read_by.get(name, set()) - self._others for name in names)


@dataclass(slots=True)
class _Talk:
    """What a chat has come to, item by item.

    Attributes
    ----------
    present
        The role of each participant who is there, but SYSTEM's.
    attended_us
        Since when an agent has been there; None if none is.
    unseen, unanswered
        Messages of the customer, the oldest first.
    """

    initial_contact_id: str
    readings: _Readings
    present: dict[str, str] = field(default_factory=dict)
    attended_us: int | None = None
    unseen: deque[_Message] = field(default_factory=deque)
    unanswered: deque[_Message] = field(default_factory=deque)
    _gone: set[str] = field(default_factory=set)

    def is_observed(self) -> bool:
        """Return whether it would be known if an agent who is there had read something."""
        agents = {who for who, role in self.present.items() if role == "AGENT"}
        return bool(agents & self.readings.reporting) and self._has_receipts()

    def _has_receipts(self) -> bool:
        """Return whether Connect has receipts of a chat with these participants."""
        roles = self.present.values()
        return len(roles) <= _MOST_WITH_RECEIPTS and "SUPERVISOR" not in roles

    def take(self, item_id: str, item: JsonObject, at_us: int) -> None:
        """Take the next item in order of time."""
        self._move(item, at_us)
        kind, role = item.get("Type"), item.get("ParticipantRole")
        if role == "CUSTOMER" and kind == "MESSAGE":
            self._ask(item_id, item, at_us)
        elif kind in ("MESSAGE", "ATTACHMENT") and _answers(item):
            while self.unanswered and self.unanswered[0].sent_us < at_us:
                self.unanswered.popleft()
            while role == "AGENT" and self.unseen and self.unseen[0].sent_us <= at_us - _REPLY_US:
                self.unseen.popleft()

    def _ask(self, item_id: str, item: JsonObject, at_us: int) -> None:
        """Take a message of the customer."""
        metadata = item.get(METADATA)
        if isinstance(metadata, dict) and metadata.get(STATUS) in _NEVER_DELIVERED:
            return
        contact = text_id(item.get("ContactId")) or self.initial_contact_id
        message = _Message(item_id, contact, at_us)
        self.unanswered.append(message)
        if self.readings.is_read(item_id, item):
            self.unseen.clear()
        elif self._has_receipts():
            self.unseen.append(message)

    def _move(self, item: JsonObject, at_us: int) -> None:
        participant, role = text_id(item.get("ParticipantId")), item.get("ParticipantRole")
        if participant is None or not isinstance(role, str) or role == "SYSTEM":
            return
        comes = joins(item)
        if not comes and leaves(item):
            self.present.pop(participant, None)
            self._gone.add(participant)
        elif comes or (role in _SIDES and participant not in self._gone):
            self.present[participant] = role
            self._gone.discard(participant)
        if "AGENT" not in self.present.values():
            self.attended_us = None
        elif self.attended_us is None:
            self.attended_us = at_us


def _answers(item: JsonObject) -> bool:
    """Return whether a message is of somebody whom a customer may wait for."""
    role = item.get("ParticipantRole")
    if role == "SYSTEM":
        return is_lex_bot(item)
    return isinstance(role, str) and role != "CUSTOMER"
