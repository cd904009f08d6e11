"""What is noted of a chat between two capture attempts, and how DynamoDB holds it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from chatlake.json_codec import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from chatlake.json_codec import JsonObject

EVENT, EXPORT, TOKEN = "event:", "export:", "token:"
"""What the names of attributes begin with; a digest of the content follows."""

FAILURE = "failure"
# The attribute is called so since 0.1, and a stack is updated while chats are live.
CHECKPOINT = "memory"


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
        return attribute_name(TOKEN, self.sealed)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What capture keeps of a chat from one attempt to the next; times in epoch milliseconds.

    Attributes
    ----------
    first_seen_at
        Its first attempt.
    legs, ended, settled_since
        How many legs it knew, whether all had ended, and since when that has not changed.
    changed_at
        When the document last changed.
    last_read_done
        True once the whole transcript was read after the end.
    retries
        Failures in a row of a source that may answer later.
    announced
        The revision that the publisher was last notified of; None if it never was.
    """

    first_seen_at: int = 0
    legs: int = 0
    ended: bool = False
    settled_since: int = 0
    changed_at: int = 0
    last_read_done: bool = False
    retries: int = 0
    announced: str | None = None


@dataclass(frozen=True, slots=True)
class CaptureState:
    """All that the schedule has of a chat.

    Attributes
    ----------
    version
        Counts what was added.
    due_at
        Epoch milliseconds; None if nothing is left to do.
    events, exports, tokens
        What waits for the next attempt, by attribute name; exports by their keys.
    ended, exported
        Contacts whose end, and whose export, was noted.
    failure
        Why the chat cannot be read; None if it can.
    """

    initial_contact_id: str
    version: int
    due_at: int | None = None
    events: dict[str, JsonObject] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()
    checkpoint: Checkpoint = Checkpoint()
    failure: str | None = None


def attribute_name(kind: str, content: bytes) -> str:
    """Name the attribute that holds some content; the same content has the same name."""
    return kind + hashlib.sha256(content).hexdigest()[:16]


def parse_capture_state(chat: str, item: Mapping[str, AttributeValueTypeDef]) -> CaptureState:
    """Read an item of the schedule."""
    return CaptureState(
        initial_contact_id=chat,
        version=int(item.get("version", {"N": "0"})["N"]),
        due_at=int(item["due_at"]["N"]) if "due_at" in item else None,
        events={
            name: loads(_bytes(value["B"]), any_depth=True)
            for name, value in item.items()
            if name.startswith(EVENT)
        },
        exports={name: value["S"] for name, value in item.items() if name.startswith(EXPORT)},
        tokens={name: _token(value["M"]) for name, value in item.items() if name.startswith(TOKEN)},
        ended=frozenset(item["ended"]["SS"] if "ended" in item else ()),
        exported=frozenset(item["exported"]["SS"] if "exported" in item else ()),
        checkpoint=_checkpoint(item[CHECKPOINT]["S"]) if CHECKPOINT in item else Checkpoint(),
        failure=item[FAILURE]["S"] if FAILURE in item else None,
    )


def _checkpoint(text: str) -> Checkpoint:
    members = loads(text.encode())
    # Of another version: 0.1 has "" for none, a newer one may have further members.
    names = {field.name for field in fields(Checkpoint)} & members.keys()
    known = {name: members[name] for name in names}
    return Checkpoint(**{**known, "announced": known.get("announced") or None})


def _token(value: Mapping[str, Any]) -> Token:
    kind = value["kind"]["S"]
    expires_at = int(value["expires_at"]["N"]) if "expires_at" in value else None
    return Token(kind, _bytes(value["sealed"]["B"]), expires_at)


def token_attribute(token: Token) -> AttributeValueTypeDef:
    """Return a token as an attribute."""
    expiry: dict[str, Any] = (
        {} if token.expires_at is None else {"expires_at": {"N": str(token.expires_at)}}
    )
    return {"M": {"kind": {"S": token.kind}, "sealed": {"B": token.sealed}, **expiry}}


def _bytes(value: Any) -> bytes:
    return bytes(value)


def checkpoint_attribute(checkpoint: Checkpoint) -> AttributeValueTypeDef:
    """Return a checkpoint as an attribute."""
    return {"S": dumps(asdict(checkpoint)).decode()}
