"""§8 of docs/row-rules.md a second time: what is known of each reading, one message at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.oracle import Item

type Row = dict[str, Any]

CROSSED = timedelta(seconds=2)
"""What was written sooner than this after a message may have crossed it, and answers nothing."""

MOST_WITH_RECEIPTS = 2


@dataclass(frozen=True)
class Stay:
    """A time that a participant spent in the chat, from a join to the leave that ends it."""

    participant_id: str
    joined_at: datetime
    join_id: str
    left_at: datetime | None

    def covers(self, moment: datetime) -> bool:
        return self.joined_at <= moment and (self.left_at is None or moment < self.left_at)


@dataclass(frozen=True)
class Chat:
    """What the other sections of the page make of a chat.

    `reported` are the receipts rows of each item that is the message of some, by item id;
    `role_of` is §5's role of a participant; `ended_at` and `observed_until` are §7's.
    """

    items: Sequence[Item]
    receipts: Sequence[Row]
    reported: Mapping[str, Sequence[Row]]
    contacts: Mapping[str, Row]
    role_of: Callable[[str | None], str | None]
    ended_at: datetime | None
    observed_until: datetime | None
    receipts_available: bool | None


def readings(chat: Chat) -> list[Row]:
    """The rows of `read_latency` without the columns that all tables share."""
    messages = [item for item in chat.items if _is_message(item)]
    stays = stays_of(chat.items)
    rows = [
        _addressed(chat, stays, message, recipient)
        for message in messages
        for recipient in sorted(_recipients(chat, stays, message), key=str)
    ]
    recipients = Counter(row["message_id"] for row in rows)
    for row in rows:
        row["recipients"] = recipients[row["message_id"]]
    of_same = defaultdict[tuple[Any, ...], list[Row]](list)
    for row in rows:
        of_same[_sender_and_recipient(row)].append(row)
    written = defaultdict[str | None, list[datetime]](list)
    for message in messages:
        if message.sent_at is not None:
            written[message.text("ParticipantId")].append(message.sent_at)
    known = [
        _read_by(of_same[_sender_and_recipient(row)], written[row["recipient_participant_id"]], row)
        for row in rows
    ]
    for row, (state, read_by_at) in zip(rows, known, strict=True):
        _conclude(chat, stays, row, state, read_by_at)
    return rows


def _is_message(item: Item) -> bool:
    return (
        item.is_current
        and item.item_type == "MESSAGE"
        and item.metadata.get("MessageProcessingStatus") != "REJECTED"
    )


def stays_of(items: Iterable[Item]) -> list[Stay]:
    """The stays of all participants, in no order that matters."""
    moves = defaultdict[str, list[tuple[datetime, str, bool]]](list)
    for item in items:
        participant, sent_at, joins = item.text("ParticipantId"), item.sent_at, _joins(item)
        if item.is_current and participant and sent_at is not None and joins is not None:
            moves[participant].append((sent_at, item.item_id, joins))
    found = []
    for participant, its_moves in moves.items():
        since: tuple[datetime, str] | None = None
        for moved_at, item_id, joins in sorted(its_moves):
            if joins and since is None:
                since = (moved_at, item_id)
            elif not joins and since is not None:
                found.append(Stay(participant, *since, moved_at))
                since = None
        if since is not None:
            found.append(Stay(participant, *since, None))
    return found


def _joins(item: Item) -> bool | None:
    """Whether an item is a join; None if it is no move."""
    content_type = item.text("ContentType") or ""
    if item.item_type == "PARTICIPANT_JOINED" or content_type.endswith(".participant.joined"):
        return True
    if item.item_type == "PARTICIPANT_LEFT" or content_type.endswith(
        (".participant.left", ".participant.autodisconnection")
    ):
        return False
    return None


def _recipients(chat: Chat, stays: Sequence[Stay], message: Item) -> set[str | None]:
    found = {row["recipient_participant_id"] for row in chat.reported.get(message.item_id, ())}
    sent_at, sender = message.sent_at, message.text("ParticipantId")
    if sent_at is not None:
        present = {stay.participant_id for stay in stays if stay.covers(sent_at)}
        found |= {who for who in present if chat.role_of(who) in {"AGENT", "CUSTOMER"}}
        other_side = "AGENT" if message.text("ParticipantRole") == "CUSTOMER" else "CUSTOMER"
        if not any(chat.role_of(who) == other_side for who in present):
            later = [
                (stay.joined_at, stay.join_id, stay.participant_id)
                for stay in stays
                if stay.joined_at > sent_at
                and chat.role_of(stay.participant_id) == other_side
                and stay.participant_id != sender
            ]
            found |= {who for _, _, who in sorted(later)[:1]}
    # Nobody knows who the recipient null is, so it is never taken for the sender.
    return found - {sender} if sender is not None else found


def _addressed(chat: Chat, stays: Sequence[Stay], message: Item, recipient: str | None) -> Row:
    reports = [
        row
        for row in chat.reported.get(message.item_id, ())
        if row["recipient_participant_id"] == recipient
    ]
    stay = _stay(stays, recipient, message.sent_at)
    content = message.text("Content")
    contact = chat.contacts[message.contact_id]
    row = {
        "contact_id": message.contact_id,
        "message_id": message.item_id,
        "sender_participant_id": message.text("ParticipantId"),
        "sender_role": message.text("ParticipantRole"),
        "recipient_participant_id": recipient,
        "recipient_role": chat.role_of(recipient),
        "message_length": None if content is None else len(content),
        "queue_arn": contact["queue_arn"],
        "agent_arn": contact["agent_arn"],
        "sent_at": message.sent_at,
        "recipient_joined_at": None if stay is None else stay.joined_at,
        "delivered_at": _earliest(row["delivered_at"] for row in reports),
        "read_at": _earliest(row["read_at"] for row in reports),
    }
    joined_at = row["recipient_joined_at"]
    since = None if joined_at is None or row["sent_at"] is None else max(row["sent_at"], joined_at)
    return row | {
        "delivery_latency_ms": _between_ms(row["sent_at"], row["delivered_at"]),
        "read_latency_ms": _between_ms(row["sent_at"], row["read_at"]),
        "since_joined_ms": _between_ms(since, row["read_at"]),
    }


def _stay(stays: Sequence[Stay], recipient: str | None, sent_at: datetime | None) -> Stay | None:
    """The recipient's stay that covers a moment, else its first one after it."""
    if sent_at is None:
        return None
    own = [stay for stay in stays if stay.participant_id == recipient]
    for stay in own:
        if stay.covers(sent_at):
            return stay
    later = [stay for stay in own if stay.joined_at > sent_at]
    return min(later, key=lambda stay: (stay.joined_at, stay.join_id), default=None)


def _sender_and_recipient(row: Row) -> tuple[Any, ...]:
    return row["sender_participant_id"], row["sender_role"], row["recipient_participant_id"]


def _read_by(
    of_same: Sequence[Row], written: Sequence[datetime], row: Row
) -> tuple[str | None, datetime | None]:
    """The state that a sign of reading gives, and the time by which the message was read.

    `of_same` are the rows of the same sender and recipient, `written` when the recipient wrote.
    """
    if row["read_at"] is not None:
        return "read", row["read_at"]
    sent_at = row["sent_at"]
    if sent_at is None:
        return None, None
    implied = _earliest(
        other["read_at"]
        for other in of_same
        if other["sent_at"] is not None
        and (other["sent_at"], other["message_id"]) > (sent_at, row["message_id"])
    )
    if implied is not None:
        return "read_implied", implied
    if row["recipient_participant_id"] is None:
        return None, None
    replied = _earliest(moment for moment in written if moment - sent_at >= CROSSED)
    return (None, None) if replied is None else ("replied", replied)


def _conclude(
    chat: Chat, stays: Sequence[Stay], row: Row, state: str | None, read_by_at: datetime | None
) -> None:
    row["not_seen_for_ms"] = row["observed_to_end"] = None
    if state is None and not _could_be_seen(chat, stays, row):
        state = "unknown"
    if state is None:
        state = "not_seen"
        stay = _stay(stays, row["recipient_participant_id"], row["sent_at"])
        left_at = None if stay is None else stay.left_at
        until = _earliest((chat.observed_until, left_at, chat.ended_at))
        row["not_seen_for_ms"] = _between_ms(row["sent_at"], until)
        row["observed_to_end"] = until == chat.ended_at
    row["read_state"] = state
    row["read_by_at"] = read_by_at
    row["read_by_latency_ms"] = _between_ms(row["sent_at"], read_by_at)


def _could_be_seen(chat: Chat, stays: Sequence[Stay], row: Row) -> bool:
    """Whether a receipt of this recipient would have been made and been seen."""
    sent_at = row["sent_at"]
    if chat.receipts_available is not True or sent_at is None or chat.observed_until is None:
        return False
    active = {stay.participant_id for stay in stays if stay.covers(sent_at)}
    roles = [chat.role_of(who) for who in active if chat.role_of(who) != "SYSTEM"]
    if len(roles) > MOST_WITH_RECEIPTS or "SUPERVISOR" in roles:
        return False
    reports = any(
        receipt["recipient_participant_id"] == row["recipient_participant_id"]
        and (receipt["delivered_at"] is not None or receipt["read_at"] is not None)
        for receipt in chat.receipts
    )
    return reports and chat.observed_until > sent_at


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _between_ms(earlier: datetime | None, later: datetime | None) -> int | None:
    if earlier is None or later is None:
        return None
    return (later - earlier) // timedelta(milliseconds=1)
