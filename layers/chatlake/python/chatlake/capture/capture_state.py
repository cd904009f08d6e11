"""What is noted of a chat between two capture attempts, and how DynamoDB holds it.

An item for each thing that is noted, so that a note costs what it is large, and one small item,
`DUE`, which says when the chat is due and what the attempts before have come to.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from chatlake.documents.document import Document
from chatlake.json_codec import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chatlake.aws_clients.dynamodb_table import Item

type Phase = Literal["ended", "live", "waiting"]
"""Of a chat in the schedule: ended, to be read for the last time; live; or waiting for a source."""

DUE = "due"
"""The sort key of the item that says when a chat is due."""

EVENT, EXPORT, TOKEN, TOLD = "event#", "export#", "token#", "told#"
"""What the sort keys of other items begin with; a digest of the content follows."""

SOCKET_REFUSED = TOLD + "socket-refused"
"""The sort key of the item that says that a websocket of the chat was refused."""

# Longer than a chat can be live.
_KEPT_MS = 9 * 24 * 3_600_000


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A sealed token of a participant.

    Attributes
    ----------
    kind
        ``participant`` for a ParticipantToken, which gives connections; ``connection`` for a
        ConnectionToken.
    expires_at
        Epoch milliseconds; None if unknown.
    """

    kind: Literal["participant", "connection"]
    sealed: bytes
    expires_at: int | None = None

    @property
    def name(self) -> str:
        """What the token is known by in its chat."""
        return item_name(TOKEN, self.sealed)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What capture keeps of a chat from one attempt to the next; times in epoch milliseconds.

    Attributes
    ----------
    first_seen_at
        Its first attempt.
    legs, ended, settled_since
        How many legs it knew, whether all had ended, and since when that has not changed.
    content, changed_at
        What was known of the content, as a content revision, and when that last changed.
    last_read_done
        True once the whole transcript was read after the end.
    retries, export_retries
        Failures in a row of the Participant Service, and of exports, that may answer later.
    announced
        The revision that the publisher was last notified of; None if it never was.
    end_counted
        True once the chat is among those that ended, in the metrics.
    """

    first_seen_at: int = 0
    legs: int = 0
    ended: bool = False
    settled_since: int = 0
    content: str | None = None
    changed_at: int = 0
    last_read_done: bool = False
    retries: int = 0
    export_retries: int = 0
    announced: str | None = None
    end_counted: bool = False


@dataclass(frozen=True, slots=True)
class CaptureState:
    """All that the schedule has of a chat.

    Attributes
    ----------
    version
        Counts the notes that an attempt must not overlook.
    phase, due_at
        When the chat is to be served, in epoch milliseconds, and as what; None if nothing is left
        to do.
    events, exports, tokens
        What waits for the next attempt, by the sort keys of its items: events as documents,
        exports by their keys.
    ended, exported
        Contacts whose end, and whose export, was noted.
    told
        Sort keys of items that each stand for an event of a waiting message that was sent, or for a
        websocket that was refused.
    failure
        Why the chat cannot be read; None if it can.
    """

    initial_contact_id: str
    version: int
    phase: Phase | None = None
    due_at: int | None = None
    events: dict[str, Document] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    checkpoint: Checkpoint = Checkpoint()
    failure: str | None = None


def item_name(kind: str, content: bytes) -> str:
    """Name the item that holds some content; the same content has the same name."""
    return kind + hashlib.sha256(content).hexdigest()[:16]


def parse_capture_state(chat: str, items: Iterable[Item]) -> CaptureState:
    """Read the items that the schedule has of a chat."""
    named = {item["item"]["S"]: item for item in items}
    due = named.get(DUE, {})
    phase: Any = due["phase"]["S"] if "phase" in due else None
    return CaptureState(
        initial_contact_id=chat,
        version=int(due["version"]["N"]) if "version" in due else 0,
        phase=phase,
        due_at=int(due["due_at"]["N"]) if "due_at" in due else None,
        events={
            name: _event(item["event"]["B"])
            for name, item in named.items()
            if name.startswith(EVENT)
        },
        exports={n: item["key"]["S"] for n, item in named.items() if n.startswith(EXPORT)},
        tokens={n: _token(item) for n, item in named.items() if n.startswith(TOKEN)},
        ended=frozenset(due["ended"]["SS"] if "ended" in due else ()),
        exported=frozenset(due["exported"]["SS"] if "exported" in due else ()),
        told=frozenset(name for name in named if name.startswith(TOLD)),
        checkpoint=parse_checkpoint(due["checkpoint"]["S"])
        if "checkpoint" in due
        else Checkpoint(),
        failure=due["failure"]["S"] if "failure" in due else None,
    )


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint, of another version, too."""
    members = loads(text.encode())
    # 0.1 has "" for none, a newer one may have further members.
    names = {field.name for field in fields(Checkpoint)} & members.keys()
    known = {name: members[name] for name in names}
    return Checkpoint(**{**known, "announced": known.get("announced") or None})


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Write a checkpoint; what has its usual value is left out."""
    usual = asdict(Checkpoint())
    told = {name: value for name, value in asdict(checkpoint).items() if value != usual[name]}
    return dumps(told).decode()


def event_item(event: Document) -> tuple[str, Item]:
    """Return the sort key and the attributes of an event's item.

    Compressed, most are of one write unit.
    """
    data = event.to_bytes()
    return item_name(EVENT, data), {"event": {"B": zlib.compress(data)}}


def _event(value: Any) -> Document:
    return Document.from_bytes(zlib.decompress(bytes(value)))


def token_attributes(token: Token, now_ms: int) -> Item:
    """Return the attributes of a token's item, which is gone at last when no chat can be live."""
    until: Mapping[str, Any] = (
        {} if token.expires_at is None else {"until": {"N": str(token.expires_at)}}
    )
    return {
        "kind": {"S": token.kind},
        "sealed": {"B": token.sealed},
        **told_attributes(now_ms),
        **until,
    }


def told_attributes(now_ms: int) -> Item:
    """Return the attributes of an item that says by its name alone what was told of."""
    return {"expires_at": {"N": str((now_ms + _KEPT_MS) // 1000)}}


def _token(item: Mapping[str, Any]) -> Token:
    until = int(item["until"]["N"]) if "until" in item else None
    return Token(item["kind"]["S"], bytes(item["sealed"]["B"]), until)
