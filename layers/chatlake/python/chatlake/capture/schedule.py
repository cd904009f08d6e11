"""The capture schedule: which chats are due, and what was noted of them since the last attempt.

It is a table of its own, for all in it has a short life: contact events and exports that are in no
document yet, sealed tokens, and the checkpoint of capture. A note is an item of its own. The one
item `due` of a chat is written only if the note makes the chat due, or an attempt that is under way
must not end without it; it leaves the index of due chats when nothing is left to do, and the table
some days later.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from chatlake.aws_clients.dynamodb_table import DynamoDBSortedTable
from chatlake.aws_clients.update_expression import UpdateExpression
from chatlake.capture.capture_state import (
    DUE,
    EXPORT,
    CaptureState,
    Phase,
    checkpoint_text,
    event_item,
    item_name,
    parse_capture_state,
    token_attributes,
    told_attributes,
)
from chatlake.capture.noted import Noted, change_by, changes_at_end, unchanged
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from chatlake.capture.capture_state import Checkpoint, Token
    from chatlake.documents.document import Document

FIRST_SNAPSHOT_AFTER_MS = 2_000
"""From the token of a chat to its first snapshot."""

TOKEN_MAY_COME_MS = 15 * 60_000
"""From the first event of a chat: if no token has come by then, it is none that gives one."""

PHASES: tuple[Phase, ...] = ("ended", "live", "waiting")
"""In the order in which they are served."""

_KEYS = ("chat", "item")
_INDEX = "due"
_EVER = 2**53
_LEAST_PAGE = 10


class CaptureSchedule:
    """The capture states of one DynamoDB table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._items = DynamoDBSortedTable(dynamodb, table, _KEYS)

    def add_event(
        self,
        chat: str,
        event: Document,
        noted: Noted,
        *,
        unless_ended: bool = False,
        before: CaptureState | None = None,
    ) -> bool:
        """Keep a contact event for the document, and make the chat due.

        Parameters
        ----------
        event
            What it says, as a document of its own.
        unless_ended
            True if the event is of no use once another told of the ends that it tells of.
        before
            What `read_due` has just returned of the chat.

        Returns
        -------
        bool
            False if it was of no use.
        """
        before = before or self.read_due(chat)
        if unless_ended and noted.ended <= before.ended:
            return False
        name, attributes = event_item(event)
        self._items.put((chat, name), attributes)
        self.note(chat, noted, before)
        return True

    def add_export(
        self, chat: str, contact: str, key: str, *, due_at: int, before: CaptureState | None = None
    ) -> None:
        """Note the key of a contact's export, which is to be read."""
        self._items.put((chat, item_name(EXPORT, key.encode())), {"key": {"S": key}})
        self.note(chat, Noted("ended", due_at, exported=frozenset({contact})), before)

    def add_token(self, chat: str, token: Token, *, due_at: int) -> None:
        """Keep a token, by which the chat can be read from now on."""
        self.keep_token(chat, token)
        self.note(chat, Noted("live", due_at, again=True))

    def keep_token(self, chat: str, token: Token) -> None:
        """Keep a token of a chat that is read already."""
        self._items.put((chat, token.name), token_attributes(token, now_ms()))

    def keep_told(self, chat: str, name: str) -> None:
        """Keep that an event of a message that waits was sent."""
        self._items.put((chat, name), told_attributes(now_ms()))

    def make_due(self, chat: str, *, phase: Phase, due_at: int) -> None:
        """Make a chat due at a moment, if it is not due earlier."""
        self.note(chat, Noted(phase, due_at))

    def note(self, chat: str, noted: Noted, before: CaptureState | None = None) -> None:
        """Note of a chat what makes it due, if anything of that is new.

        `before` is what `read_due` has just returned of the chat.
        """
        while True:
            before = before or self.read_due(chat)
            change = change_by(before, noted)
            if change is None or self._items.change((chat, DUE), change, unchanged(before, change)):
                return
            before = None

    def due(
        self, phase: Phase, at: int, *, most: int, serves: Callable[[str], bool] = lambda _: True
    ) -> list[str]:
        """Return chats of a phase that are due by a moment, the longest due first.

        With `serves` only those of which it says so: the others do not count.
        """
        found = self._found(phase, at, PaginationConfig={"PageSize": max(most, _LEAST_PAGE)})
        chats = (item["chat"]["S"] for item in found)
        return list(islice(filter(serves, chats), most))

    def live(self, *, since: int = 0) -> dict[str, int]:
        """Return live chats, and since when each is due: another time is a reason to look.

        All of them, or those that are due since a moment or later.
        """
        found = self._found("live", _EVER, since=since)
        return {item["chat"]["S"]: int(item["due_at"]["N"]) for item in found}

    def count(self, phase: Phase, *, due_by: int = _EVER) -> int:
        """Count the chats of a phase, or those of them that are due by a moment."""
        pages = self._dynamodb.get_paginator("query").paginate(
            **self._query(phase, due_by), Select="COUNT"
        )
        return sum(page["Count"] for page in pages)

    def any(self, *phases: Phase) -> bool:
        """Return whether there are chats of these phases, due now or later."""
        return any(self.due(phase, _EVER, most=1) for phase in phases)

    def read(self, chat: str) -> CaptureState | None:
        """Return the state of a chat by a strongly consistent read; None if there is none."""
        items = self._items.partition(chat)
        return parse_capture_state(chat, items) if items else None

    def read_due(self, chat: str) -> CaptureState:
        """Return the state of a chat without what waits, of version 0 if there is none."""
        item = self._items.read((chat, DUE))
        return parse_capture_state(chat, () if item is None else (item,))

    def read_many(self, chats: Collection[str]) -> dict[str, CaptureState]:
        """Return the states of chats by eventually consistent reads, without what waits."""
        found = self._items.read_many([(chat, DUE) for chat in chats], consistent=False)
        return {chat: parse_capture_state(chat, [item]) for (chat, _), item in found.items()}

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
            Sort keys of events, exports and tokens that need not be kept any longer.
        tokens
            New ones to keep.
        due
            The phase and moment of the next attempt; None if nothing is left to do. Only if nothing
            was noted meanwhile: what was, made the chat due itself.
        expires_at
            When the item may be deleted, in epoch milliseconds.
        failure
            Why the chat cannot be read; None if it can.

        Returns
        -------
        bool
            False if something was noted meanwhile, or the chat was removed.
        """
        chat = state.initial_contact_id
        if (checkpoint, due, failure) == (
            state.checkpoint,
            (state.phase, state.due_at),
            state.failure,
        ):
            unhindered = there = True
        else:
            unhindered, there = self._finish(state, checkpoint, due, expires_at, failure)
        if there:
            kept = {token.name for token in tokens}
            for token in tokens:
                self.keep_token(chat, token)
            self._items.delete_many((chat, name) for name in set(done) - kept)
        return unhindered

    def _finish(
        self,
        state: CaptureState,
        checkpoint: Checkpoint,
        due: tuple[Phase, int] | None,
        expires_at: int | None,
        failure: str | None,
    ) -> tuple[bool, bool]:
        """Write the item `due`; return whether nothing was noted meanwhile, and whether it is."""
        name = (state.initial_contact_id, DUE)
        lasting, scheduled = changes_at_end(state, checkpoint, due, expires_at, failure)
        if self._items.change(name, scheduled, "version = :version"):
            return True, True
        return False, self._items.change(name, lasting, "attribute_exists(version)")

    def postpone(self, chat: str, *, due_at: int) -> None:
        """Make a chat that is due wait."""
        change = UpdateExpression()
        change.put("due_at", {"N": str(due_at)})
        self._items.change((chat, DUE), change, "attribute_exists(due_at)")

    def move(self, state: CaptureState, chat: str, *, due_at: int) -> None:
        """Move a capture state to the chat that its contact turned out to be a leg of."""
        leg = state.initial_contact_id
        self.take_over(state, chat)
        # Of ends and exports that are in a document already, too: they are not missing.
        self.note(chat, Noted("ended", due_at, ended=state.ended, exported=state.exported))
        # Tokens are sealed for their chat: the caller seals them again.
        version: AttributeValueTypeDef = {"N": str(state.version)}
        if self._items.delete((leg, DUE), "version = :version", {":version": version}):
            waiting = (*state.events, *state.exports, *state.tokens, *state.told)
            self._items.delete_many((leg, name) for name in waiting)

    def take_over(self, state: CaptureState, chat: str) -> None:
        """Keep the events and exports of a state that was kept elsewhere."""
        for event in state.events.values():
            name, attributes = event_item(event)
            self._items.put((chat, name), attributes)
        for key in state.exports.values():
            self._items.put((chat, item_name(EXPORT, key.encode())), {"key": {"S": key}})

    def adopt(self, chat: str, checkpoint: Checkpoint, failure: str | None) -> None:
        """Keep the checkpoint of a state that was kept elsewhere, unless the chat has one."""
        change = UpdateExpression()
        change.put("checkpoint", {"S": checkpoint_text(checkpoint)})
        if failure is not None:
            change.put("failure", {"S": failure})
        self._items.change((chat, DUE), change, "attribute_not_exists(checkpoint)")

    def remove(self, chat: str) -> None:
        """Forget a chat."""
        items = self._items.partition(chat)
        self._items.delete_many((chat, item["item"]["S"]) for item in items)

    def _found(self, phase: Phase, due_by: int, *, since: int = 0, **options: Any) -> Iterator[Any]:
        pages = self._dynamodb.get_paginator("query").paginate(
            **self._query(phase, due_by, since), **options
        )
        return (item for page in pages for item in page["Items"])

    def _query(self, phase: Phase, due_by: int, since: int = 0) -> Any:
        return {
            "TableName": self._table,
            "IndexName": _INDEX,
            "KeyConditionExpression": "phase = :phase AND due_at BETWEEN :since AND :at",
            "ExpressionAttributeValues": {
                ":phase": {"S": phase},
                ":since": {"N": str(since)},
                ":at": {"N": str(due_by)},
            },
        }
