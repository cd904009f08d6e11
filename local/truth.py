"""What the tables should hold of scripted chats, and where they differ.

Messages must all be there, once each and word for word. Receipts that the service told must be
there, be it in an answer or over a websocket; those that it did not died with the token, unless it
lived on.
What is told as not seen must be so for no longer than the recipient had not reported it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import duckdb

from local.observed import TrueReading, true_readings
from local.participant_service import Call, Push
from local.scripted.chat import Chat
from local.scripted.items import FOREVER_MS, Item, JsonObject, timestamp

type Key = tuple[str, ...]
type Times = tuple[str | None, str | None]
"""When a message was delivered and read, in the service's words."""

# What questions of messages that were not seen ask for.
_A_WHILE_MS = 10_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Tables beside the truth.

    Attributes
    ----------
    messages, messages_missing, messages_wrong
        How many there are in truth; those without a row; rows that differ, are duplicated or
        invented.
    receipts, receipts_archived, receipts_late, receipts_missing, receipts_wrong
        How many there are in truth; in the table; not there, and never told either; missing though
        they were told; rows that differ, are duplicated or invented.
    receipts_of
        How many a chat has in truth, and how many of these are in the table, by its contact id.
    not_seen, not_seen_read, not_seen_wrong
        How many messages are told as not seen for 10 s or more, and how many of these their
        recipients had read by then; how many are told so, for whatever time, that were reported
        as read within it.
    """

    messages: int
    messages_missing: int
    messages_wrong: int
    receipts: int
    receipts_archived: int
    receipts_late: int
    receipts_missing: int
    receipts_wrong: int
    receipts_of: Mapping[str, tuple[int, int]]
    not_seen: int
    not_seen_read: int
    not_seen_wrong: int

    @property
    def is_right(self) -> bool:
        """Whether nothing is missing that was told, and nothing is wrong."""
        return not (
            self.messages_missing
            or self.messages_wrong
            or self.receipts_missing
            or self.receipts_wrong
            or self.not_seen_wrong
        )


def compare(
    chats: Iterable[Chat],
    calls: Iterable[Call],
    tables: duckdb.DuckDBPyConnection,
    pushed: Mapping[str, Sequence[Push]] = MappingProxyType({}),
) -> Comparison:
    """Hold the tables against all that the chats were.

    Parameters
    ----------
    calls, pushed
        What the service answered, and what it sent over the websockets of each chat.
    """
    chats = list(chats)
    messages = {key: said for chat in chats for key, said in _messages(chat)}
    stored = _rows(
        tables,
        f"SELECT initial_contact_id, item_id, content, {_text('sent_at')} FROM messages "
        "WHERE item_type = 'MESSAGE' AND related_contact_id IS NULL",
        key=2,
    )
    calls = list(calls)
    truth = {key: times for chat in chats for key, times in true_receipts(chat).items()}
    told = {
        key: times
        for chat in chats
        for key, times in told_receipts(
            chat, calls, pushed.get(chat.initial_contact_id, ())
        ).items()
    }
    receipts = _rows(
        tables,
        "SELECT initial_contact_id, message_id, recipient_participant_id, "
        f"{_text('delivered_at')}, {_text('read_at')} FROM receipts",
        key=3,
    )
    return Comparison(
        messages=len(messages),
        messages_missing=len(messages.keys() - stored.keys()),
        messages_wrong=sum(rows != [messages.get(key)] for key, rows in stored.items()),
        receipts=len(truth),
        receipts_archived=len(receipts),
        receipts_late=len(truth.keys() - told.keys() - receipts.keys()),
        receipts_missing=sum(
            not any(_holds(row, seen) for row in receipts.get(key, []))
            for key, seen in told.items()
        ),
        receipts_wrong=sum(
            len(rows) != 1 or not _holds(truth.get(key, ("", "")), rows[0])
            for key, rows in receipts.items()
        ),
        receipts_of=_by_chat(truth, receipts),
        **_not_seen(chats, tables),
    )


def _not_seen(chats: Iterable[Chat], tables: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count what is told as not seen, and what of it had been read or was reported by then."""
    told = tables.execute(
        "SELECT initial_contact_id, message_id, recipient_participant_id, "
        "epoch_ms(sent_at) + not_seen_for_ms, not_seen_for_ms "
        "FROM read_latency WHERE read_state = 'not_seen'"
    ).fetchall()
    truth = dict(reading for chat in chats for reading in true_readings(chat))
    counts = {"not_seen": 0, "not_seen_read": 0, "not_seen_wrong": 0}
    for *key, until_ms, for_ms in told:
        known = truth.get(tuple(key), TrueReading(None, None))
        counts["not_seen_wrong"] += (known.reported_ms or FOREVER_MS) < until_ms
        if for_ms >= _A_WHILE_MS:
            counts["not_seen"] += 1
            counts["not_seen_read"] += (known.read_ms or FOREVER_MS) <= until_ms
    return counts


def _messages(chat: Chat) -> Iterator[tuple[Key, tuple[Any, ...]]]:
    for item in chat.own_items:
        if item.type == "MESSAGE":
            said = (item.content, timestamp(item.sent_ms))
            yield (chat.initial_contact_id, item.item_id), said


def true_receipts(chat: Chat) -> dict[Key, Times]:
    """Return all receipts of a chat."""
    return _receipts(chat, [(item, FOREVER_MS) for item in chat.own_items])


def told_receipts(
    chat: Chat, calls: Iterable[Call], pushed: Iterable[Push] = ()
) -> dict[Key, Times]:
    """Return the receipts of a chat that were in the answers to calls or were pushed.

    A frame counts if its client has said anything afterwards: of one that was sent into a broken
    connection nobody can know.
    """
    told: dict[int, int] = {}
    for call in calls:
        if call.operation == "GetTranscript" and call.contact_id == chat.initial_contact_id:
            for place in call.places:
                told[place] = max(told.get(place, 0), call.as_of_ms)
    items = ((chat.items[place], at_ms) for place, at_ms in told.items())
    answered = [(item, at_ms) for item, at_ms in items if item.contact_id is not None]
    known = _receipts(chat, answered)
    for push in pushed:
        if push.heard and push.frame.tells_receipts:
            _add(known, chat, push.frame.content(chat.initial_contact_id))
    return known


def _receipts(chat: Chat, shown: Iterable[tuple[Item, int]]) -> dict[Key, Times]:
    """Return the receipts that items had, each at its moment."""
    known: dict[Key, Times] = {}
    for item, at_ms in shown:
        _add(known, chat, item.as_of(at_ms))
    return known


def _add(known: dict[Key, Times], chat: Chat, raw: JsonObject) -> None:
    """Add the receipts of an item; those of a pushed one may go without the message's id."""
    metadata = raw.get("MessageMetadata") or {}
    message = metadata.get("MessageId") or raw["Id"]
    for receipt in metadata.get("Receipts") or ():
        key = (chat.initial_contact_id, message, receipt.get("RecipientParticipantId"))
        earlier = known.get(key, (None, None))
        now = (receipt.get("DeliveredTimestamp"), receipt.get("ReadTimestamp"))
        known[key] = (_earliest(earlier[0], now[0]), _earliest(earlier[1], now[1]))


def _by_chat(
    truth: Iterable[Key], receipts: Mapping[Key, list[tuple[Any, ...]]]
) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for key in truth:
        reported, there = counts.get(key[0], (0, 0))
        counts[key[0]] = (reported + 1, there + (key in receipts))
    return counts


def _earliest(a: str | None, b: str | None) -> str | None:
    return min(filter(None, (a, b)), default=None)


def _holds(whole: tuple[Any, ...], part: tuple[Any, ...]) -> bool:
    """Tell whether all times of the part are those of the whole."""
    return all(b is None or a == b for a, b in zip(whole, part, strict=True))


def _text(column: str) -> str:
    return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%g') || 'Z'"


def _rows(
    tables: duckdb.DuckDBPyConnection, sql: str, *, key: int
) -> dict[Key, list[tuple[Any, ...]]]:
    rows = defaultdict[Key, list[tuple[Any, ...]]](list)
    for row in tables.execute(sql).fetchall():
        rows[row[:key]].append(row[key:])
    return dict(rows)
