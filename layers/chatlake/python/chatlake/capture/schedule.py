"""The capture schedule: which chats are due, and what was noted of them since the last attempt.

One item a chat, in the same table as the state of chats but of a shorter life: it holds contact
events and exports that are in no document yet, sealed tokens, and the checkpoint of capture. It
leaves the index of due chats when nothing is left to do, and the table some days later.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from chatlake.aws_clients.dynamodb_table import DynamoDBTable
from chatlake.aws_clients.update_expression import UpdateExpression
from chatlake.capture.capture_state import (
    CHECKPOINT,
    EVENT,
    EXPORT,
    FAILURE,
    attribute_name,
    checkpoint_attribute,
    parse_capture_state,
    token_attribute,
)
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from chatlake.capture.capture_state import CaptureState, Checkpoint, Token
    from chatlake.json_codec import JsonObject

type Phase = Literal["ended", "live", "waiting"]
"""Of a chat that is due: ended, to be read for the last time; live; or waiting for a source."""

FIRST_SNAPSHOT_AFTER_MS = 30_000
"""From the first event or token of a chat to its first snapshot."""

PHASES: tuple[Phase, ...] = ("ended", "live", "waiting")
"""In the order in which they are served."""

# Items are called so since 0.1, and a stack is updated while chats are live.
_PREFIX = "watch#"
_INDEX = "due"
_EVER = 2**53
_NOT_DUE_BY = "(attribute_not_exists(due_at) OR due_at > :due)"


class CaptureSchedule:
    """The capture states of one DynamoDB table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._items = DynamoDBTable(dynamodb, table, _PREFIX)

    def add_event(
        self,
        chat: str,
        event: JsonObject,
        *,
        phase: Phase,
        due_at: int,
        ends: str | None = None,
        unless_ended: bool = False,
    ) -> bool:
        """Keep a contact event for the document, and make the chat due.

        Parameters
        ----------
        ends
            The contact whose end the event tells of.
        unless_ended
            True if the event is of no use once another told of that end.

        Returns
        -------
        bool
            False if it was of no use.
        """
        data = dumps(event)
        name = attribute_name(EVENT, data)
        sets = {"ended": [ends]} if ends is not None else {}
        condition = "NOT contains(ended, :ended)" if unless_ended and ends is not None else None
        return self._add(
            chat, name, {"B": data}, phase=phase, due_at=due_at, sets=sets, condition=condition
        )

    def add_export(self, chat: str, contact: str, key: str, *, due_at: int) -> None:
        """Note the key of a contact's export, which is to be read."""
        name = attribute_name(EXPORT, key.encode())
        sets = {"exported": [contact]}
        self._add(chat, name, {"S": key}, phase="ended", due_at=due_at, sets=sets)

    def add_token(self, chat: str, token: Token, *, due_at: int) -> None:
        """Keep a token, by which the chat can be read from now on."""
        self._add(chat, token.name, token_attribute(token), phase="live", due_at=due_at)

    def make_due(self, chat: str, *, phase: Phase, due_at: int) -> None:
        """Make a chat due at a moment, if it is not due earlier."""
        self._add(chat, None, None, phase=phase, due_at=due_at)

    def due(self, phase: Phase, at: int, *, most: int) -> list[str]:
        """Return chats of a phase that are due by a moment, the longest due first."""
        found = self._dynamodb.query(
            TableName=self._table,
            IndexName=_INDEX,
            KeyConditionExpression="phase = :phase AND due_at <= :at",
            ExpressionAttributeValues={":phase": {"S": phase}, ":at": {"N": str(at)}},
            Limit=most,
        )
        return [item["key"]["S"].removeprefix(_PREFIX) for item in found["Items"]]

    def count(self, phase: Phase, *, due_by: int | None = None) -> int:
        """Count the chats of a phase, or those of them that are due by a moment."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": _INDEX,
            "Select": "COUNT",
            "KeyConditionExpression": "phase = :phase"
            + (" AND due_at <= :at" if due_by is not None else ""),
            "ExpressionAttributeValues": {":phase": {"S": phase}}
            | ({":at": {"N": str(due_by)}} if due_by is not None else {}),
        }
        pages = self._dynamodb.get_paginator("query").paginate(**request)
        return sum(page["Count"] for page in pages)

    def any(self, *phases: Phase) -> bool:
        """Return whether there are chats of these phases, due now or later."""
        return any(self.due(phase, _EVER, most=1) for phase in phases)

    def read(self, chat: str) -> CaptureState | None:
        """Return the state of a chat by a strongly consistent read; None if there is none."""
        item = self._items.read(chat)
        return None if item is None else parse_capture_state(chat, item)

    def read_many(self, chats: Collection[str]) -> dict[str, CaptureState]:
        """Return the states of chats by eventually consistent reads."""
        items = self._items.read_many(chats, consistent=False)
        return {chat: parse_capture_state(chat, item) for chat, item in items.items()}

    def finish_attempt(
        self,
        state: CaptureState,
        *,
        checkpoint: Checkpoint,
        done: Iterable[str],
        tokens: Iterable[Token] = (),
        due: tuple[Phase, int] | None,
        expires_at: int | None = None,
        failure: str | None = None,
    ) -> bool:
        """Note how a capture attempt ended.

        Parameters
        ----------
        state
            As it was read before the attempt.
        done
            Names of events, exports and tokens that need not be kept any longer.
        tokens
            New ones to keep.
        due
            The phase and moment of the next attempt; None if nothing is left to do. Only if nothing
            was added meanwhile: what was, made the chat due itself.
        expires_at
            When the item may be deleted, in epoch milliseconds.
        failure
            Why the chat cannot be read; None if it can.

        Returns
        -------
        bool
            False if something was added meanwhile, or the chat was removed.
        """
        fresh = {token.name: token for token in tokens}
        lasting = UpdateExpression()
        lasting.put(CHECKPOINT, checkpoint_attribute(checkpoint))
        for name, token in fresh.items():
            lasting.put(name, token_attribute(token))
        for name in set(done) - fresh.keys():
            lasting.remove(name)
        if failure is None:
            lasting.remove(FAILURE)
        else:
            lasting.put(FAILURE, {"S": failure})
        schedule = _with_due_time(lasting, due, expires_at)
        schedule.values[":version"] = {"N": str(state.version)}
        if self._items.change(state.initial_contact_id, schedule, "version = :version"):
            return True
        self._items.change(state.initial_contact_id, lasting, "attribute_exists(version)")
        return False

    def postpone(self, chat: str, *, due_at: int) -> None:
        """Make a chat that is due wait."""
        change = UpdateExpression()
        change.put("due_at", {"N": str(due_at)})
        self._items.change(chat, change, "attribute_exists(due_at)")

    def move(self, state: CaptureState, chat: str, *, due_at: int) -> None:
        """Move a capture state to the chat that its contact turned out to be a leg of."""
        for event in state.events.values():
            self.add_event(chat, event, phase="ended", due_at=due_at)
        for key in state.exports.values():
            self.add_export(chat, state.initial_contact_id, key, due_at=due_at)
        # Of ends and exports that are in a document already, too: they are not missing.
        told = {"ended": state.ended, "exported": state.exported}
        self._add(chat, None, None, phase="ended", due_at=due_at, sets=told)
        # Tokens are sealed for their chat: the caller seals them again.
        version: AttributeValueTypeDef = {"N": str(state.version)}
        self._items.delete(state.initial_contact_id, "version = :version", {":version": version})

    def remove(self, chat: str) -> None:
        """Forget a chat."""
        self._items.delete(chat)

    def _add(
        self,
        chat: str,
        name: str | None,
        value: AttributeValueTypeDef | None,
        *,
        phase: Phase,
        due_at: int,
        sets: Mapping[str, Collection[str]] = MappingProxyType({}),
        condition: str | None = None,
    ) -> bool:
        """Put an attribute, if there is one, and make the chat due unless it is due earlier.

        `sets` has sets that get further members; where it is one, a condition may speak of it by
        the set's name.
        """
        change = UpdateExpression(added={"version": {"N": "1"}})
        if name is not None and value is not None:
            change.put(name, value)
        for of, members in sets.items():
            if members:
                change.added[of] = {"SS": sorted(members)}
                change.values[f":{of}"] = {"S": min(members)}
        change.remove("expires_at")
        if phase == "ended":
            # However long it has been due: those that ended are served first.
            change.put("phase", {"S": phase})
        earlier = change.copy()
        earlier.put("phase", {"S": phase})
        earlier.put("due_at", {"N": str(due_at)})
        for each in (earlier, change):
            each.values[":due"] = {"N": str(due_at)}
        conditions = [condition] if condition else []
        while True:
            if self._items.change(chat, earlier, *conditions, _NOT_DUE_BY):
                return True
            # An attempt that ended between the two may have made it due later, or never again.
            if self._items.change(chat, change, *conditions, "due_at <= :due"):
                return True
            if condition and self._has(chat, sets):
                return False

    def _has(self, chat: str, sets: Mapping[str, Collection[str]]) -> bool:
        """Return whether sets of a chat have these members."""
        item = self._items.read(chat) or {}
        return all(of in item and {*members} <= {*item[of]["SS"]} for of, members in sets.items())


def _with_due_time(
    change: UpdateExpression, due: tuple[Phase, int] | None, expires_at: int | None
) -> UpdateExpression:
    """Return a copy of a change that also sets when the chat is due, and when its item expires."""
    with_due_time = change.copy()
    if due is None:
        with_due_time.remove("phase")
        with_due_time.remove("due_at")
    else:
        with_due_time.put("phase", {"S": due[0]})
        with_due_time.put("due_at", {"N": str(due[1])})
    if expires_at is None:
        with_due_time.remove("expires_at")
    else:
        with_due_time.put("expires_at", {"N": str(expires_at // 1000)})
    return with_due_time
