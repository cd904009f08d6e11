"""Who was in a chat when: docs/row-rules.md §8.

Between two moves (somebody joins, or leaves) nothing changes, so a chat falls into few *spans*; the
first one is before all moves. What a span shows of each participant is put together once, and
messages find their span all at once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import reduce
from itertools import accumulate, groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.documents.presence import JOINS, LEAVES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from chatlake.tables.flatten.items import Items
    from chatlake.tables.flatten.roles import Roles

_MOST_WITH_RECEIPTS = 2

SIDES = ("AGENT", "CUSTOMER")
"""Roles of those who read: all others are no recipients unless they have receipts."""

type Person = tuple[int, str | None]
"""The position of a chat, and the id of a participant."""


class _Move(NamedTuple):
    """Somebody joins or leaves a chat, at µs since 1970; `id` is that of the item."""

    chat: int
    at: int
    id: str
    participant: str
    joins: bool


class _Stay(NamedTuple):
    """From the span that begins with a participant's joining to that which begins with the leaving.

    Times are in microseconds since 1970; the end is None for one who stayed.
    """

    first_span: int
    joined_us: int
    join_id: str
    end_span: int | None
    left_us: int | None


@dataclass(slots=True)
class Presence:
    """Spans of all chats, in order.

    Attributes
    ----------
    moves
        `chat` and `at` (µs since 1970) of each move, in the order of chats and times.
    crowded
        By span: whether more were present than Connect has receipts for, or a supervisor.
    outlook
        By span and participant: the stay that covers the span, or the next one; columns `span`,
        `participant`, `role`, `present`, `joined_us`, `join_id`, `left_us`.
    """

    moves: pa.Table
    crowded: pa.Array
    outlook: pa.Table

    def spans_at(self, chats: pa.Array, at_us: pa.Array) -> pa.Array:
        """Return in which span of a chat a moment is; null for no moment."""
        count = len(chats)
        asked = pa.table(
            {
                "chat": pa.chunked_array([*self.moves.column("chat").chunks, *_chunks(chats)]),
                "at": pa.chunked_array([*self.moves.column("at").chunks, *_chunks(at_us)]),
                "row": pa.array([None] * self.moves.num_rows + list(range(count)), pa.int64()),
            }
        )
        # A move at the very moment is over: who joins is there, and who leaves is not.
        order = pc.sort_indices(
            asked,
            sort_keys=[
                ("chat", "ascending", "at_end"),
                ("at", "ascending", "at_end"),
                ("row", "ascending", "at_start"),
            ],
        )
        asked = asked.take(order)
        is_move = pc.cast(pc.is_null(asked.column("row")), pa.int32())
        # Each chat has one span more than it has moves.
        span = pc.add(pc.cumulative_sum(is_move), asked.column("chat"))
        found = pa.table({"row": asked.column("row"), "span": span, "at": asked.column("at")})
        found = found.filter(pc.is_valid(found.column("row")))
        back = pc.sort_indices(found, sort_keys=[("row", "ascending", "at_end")])
        found = found.take(back)
        known = pc.is_valid(found.column("at"))
        return pc.if_else(known, found.column("span"), None).combine_chunks()


def presence(chats: int, items: Items, roles: Roles, reporting: Collection[Person]) -> Presence:
    """Find who was in each of so many chats when.

    The outlook has agents, customers, and those others of whom there are receipts; of the rest it
    is enough to count them.
    """
    moves = _moves(items)
    outlook = _Outlook()
    crowded: list[bool] = []
    listed = [_Move(*move) for move in zip(*moves.to_pydict().values(), strict=True)]
    by_chat = {chat: list(found) for chat, found in groupby(listed, key=attrgetter("chat"))}
    for chat in range(chats):
        first_span = len(crowded)
        of_chat = by_chat.get(chat, [])
        stays = _stays(of_chat, first_span)
        spans = range(first_span, first_span + len(of_chat) + 1)
        # By how many the number of those who are there changes when a span begins.
        changes = [0] * (len(spans) + 1)
        for participant, theirs in stays.items():
            role = roles.get((chat, participant))
            # One supervisor is as bad as too many.
            weight = {"SYSTEM": 0, "SUPERVISOR": _MOST_WITH_RECEIPTS + 1}.get(role or "", 1)
            for stay in theirs:
                changes[stay.first_span - first_span] += weight
                changes[(stay.end_span or spans.stop) - first_span] -= weight
            if role in SIDES or (chat, participant) in reporting:
                for span, stay, is_present in _seen_from(spans, theirs):
                    outlook.add(span, participant, role, stay, is_present=is_present)
        crowded += [count > _MOST_WITH_RECEIPTS for count in accumulate(changes[:-1])]
    return Presence(moves.select(["chat", "at"]), pa.array(crowded, pa.bool_()), outlook.table())


@dataclass(slots=True)
class _Outlook:
    """The columns of `Presence.outlook`."""

    spans: list[int] = field(default_factory=list)
    participants: list[str] = field(default_factory=list)
    roles: list[str | None] = field(default_factory=list)
    present: list[bool] = field(default_factory=list)
    stays: list[_Stay] = field(default_factory=list)

    def add(
        self, span: int, participant: str, role: str | None, stay: _Stay, *, is_present: bool
    ) -> None:
        self.spans.append(span)
        self.participants.append(participant)
        self.roles.append(role)
        self.present.append(is_present)
        self.stays.append(stay)

    def table(self) -> pa.Table:
        return pa.table(
            {
                "span": pa.array(self.spans, pa.int32()),
                "participant": pa.array(self.participants, pa.string()),
                "role": pa.array(self.roles, pa.string()),
                "present": pa.array(self.present, pa.bool_()),
                "joined_us": pa.array([stay.joined_us for stay in self.stays], pa.int64()),
                "join_id": pa.array([stay.join_id for stay in self.stays], pa.string()),
                "left_us": pa.array([stay.left_us for stay in self.stays], pa.int64()),
            }
        )


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _moves(items: Items) -> pa.Table:
    """Return the moves of all chats: `chat`, `at`, `id` of the item, `participant`, `joins`."""
    columns = items.columns
    joins, leaves = (
        reduce(pc.or_, (_is(columns, *kind) for kind in kinds)) for kinds in (JOINS, LEAVES)
    )
    wanted = pc.and_(pa.array(items.is_current, pa.bool_()), pc.or_(joins, leaves))
    moves = pa.table(
        {
            "chat": columns.column("chat"),
            "at": pc.cast(columns.column("sent_at"), pa.int64()),
            "id": columns.column("item_id"),
            "participant": columns.column("participant_id"),
            "joins": joins,
        }
    )
    moves = moves.filter(wanted).drop_null()
    order = pc.sort_indices(moves, sort_keys=[(key, "ascending") for key in ("chat", "at", "id")])
    return moves.take(order)


def _is(columns: pa.Table, item_type: str | None, content_type: str) -> pa.ChunkedArray:
    """Tell which items are of a type, or of a content type that ends so."""
    told = pc.fill_null(
        pc.ends_with(columns.column("content_type"), content_type), fill_value=False
    )
    if item_type is None:
        return told
    typed = pc.fill_null(pc.equal(columns.column("item_type"), item_type), fill_value=False)
    return pc.or_(typed, told)


def _stays(moves: list[_Move], first_span: int) -> dict[str, list[_Stay]]:
    """Return the stays of each participant of a chat; the k-th move begins its k-th further span.

    A join of who is there, and a leave of who is not, say nothing.
    """
    stays = defaultdict[str, list[_Stay]](list)
    there: dict[str, _Stay] = {}
    for span, move in enumerate(moves, start=first_span + 1):
        if move.joins:
            there.setdefault(move.participant, _Stay(span, move.at, move.id, None, None))
        elif (stay := there.pop(move.participant, None)) is not None:
            stays[move.participant].append(stay._replace(end_span=span, left_us=move.at))
    for participant, stay in there.items():
        stays[participant].append(stay)
    return stays


def _seen_from(spans: range, stays: list[_Stay]) -> Iterator[tuple[int, _Stay, bool]]:
    """Say for each span which stay covers it, or begins next."""
    position = 0
    for span in spans:
        while (
            position < len(stays) and (end := stays[position].end_span) is not None and end <= span
        ):
            position += 1
        if position == len(stays):
            return
        yield span, stays[position], stays[position].first_span <= span
