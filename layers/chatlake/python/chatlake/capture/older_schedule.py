"""The capture schedule of version 0.2, in the table of chats: one item for all that was noted.

A stack is updated while chats are live, and what is under way writes there for some minutes more:
Capture takes over what it finds, and Reconcile still knows what ended by then.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from chatlake.aws_clients.dynamodb_table import DynamoDBTable
from chatlake.capture.capture_state import CaptureState, Checkpoint, Phase, Token, parse_checkpoint
from chatlake.capture.noted import Noted
from chatlake.capture.schedule import PHASES
from chatlake.exceptions import RejectedInput
from chatlake.json_codec import loads
from chatlake.sources.contact_event import from_event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from types_boto3_dynamodb import DynamoDBClient

    from chatlake.aws_clients.dynamodb_table import Item
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

_PREFIX = "watch#"
_INDEX = "due"
_EVENT, _EXPORT, _TOKEN = "event:", "export:", "token:"


class OlderSchedule:
    """The capture states that version 0.2 has left in the table of chats."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._items = DynamoDBTable(dynamodb, table, _PREFIX)

    def read_many(self, chats: Collection[str]) -> dict[str, CaptureState]:
        """Return the states of chats by eventually consistent reads."""
        items = self._items.read_many(chats, consistent=False)
        return {chat: _parse(chat, item) for chat, item in items.items()}

    def remove(self, chat: str) -> None:
        """Forget a chat."""
        self._items.delete(chat)

    def move_to(self, schedule: CaptureSchedule) -> int:
        """Move all chats that are due, now or later, to the schedule; return how many."""
        moved = 0
        for phase in PHASES:
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=_INDEX,
                KeyConditionExpression="phase = :phase",
                ExpressionAttributeValues={":phase": {"S": phase}},
            )
            for page in pages:
                for found in page["Items"]:
                    moved += self._move(found["key"]["S"].removeprefix(_PREFIX), schedule)
        return moved

    def _move(self, chat: str, schedule: CaptureSchedule) -> bool:
        item = self._items.read(chat)
        if item is None:
            return False
        state = _parse(chat, item)
        if state.phase is not None and state.due_at is not None:
            schedule.take_over(state, chat)
            for token in state.tokens.values():
                schedule.keep_token(chat, token)
            noted = Noted(
                state.phase, state.due_at, again=True, ended=state.ended, exported=state.exported
            )
            schedule.note(chat, noted)
            schedule.adopt(chat, state.checkpoint, state.failure)
        # What an older function has added meanwhile is found the next time.
        version: Any = {":version": {"N": str(state.version)}}
        return self._items.delete(chat, "version = :version", version)


def _parse(chat: str, item: Item) -> CaptureState:
    phase: Any = item["phase"]["S"] if "phase" in item else None
    known: Phase | None = phase
    return CaptureState(
        initial_contact_id=chat,
        version=int(item["version"]["N"]) if "version" in item else 0,
        phase=known,
        due_at=int(item["due_at"]["N"]) if "due_at" in item else None,
        events=_events(_of(item, _EVENT, lambda value: loads(bytes(value["B"]), any_depth=True))),
        exports=_of(item, _EXPORT, lambda value: value["S"]),
        tokens={
            token.name: token for token in _of(item, _TOKEN, lambda v: _token(v["M"])).values()
        },
        ended=frozenset(item["ended"]["SS"] if "ended" in item else ()),
        exported=frozenset(item["exported"]["SS"] if "exported" in item else ()),
        checkpoint=parse_checkpoint(item["memory"]["S"]) if "memory" in item else Checkpoint(),
        failure=item["failure"]["S"] if "failure" in item else None,
    )


def _of[T](item: Item, kind: str, read: Callable[[Any], T]) -> dict[str, T]:
    return {name: read(value) for name, value in item.items() if name.startswith(kind)}


def _events(raw: dict[str, JsonObject]) -> dict[str, Document]:
    events: dict[str, Document] = {}
    for name, event in raw.items():
        # Track has looked at each: what it could not read is not there.
        with suppress(RejectedInput):
            events[name] = from_event(event)
    return events


def _token(value: Mapping[str, Any]) -> Token:
    kind: Literal["participant", "connection"] = value["kind"]["S"]
    expires_at = int(value["expires_at"]["N"]) if "expires_at" in value else None
    return Token(kind, bytes(value["sealed"]["B"]), expires_at)
