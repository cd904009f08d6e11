"""Which of a chat's tokens are worth a call, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.capture.tokens_after_end import TokensAfterEnd
from chatlake.documents.lifecycle import saw_end
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.capture.capture_state import CaptureState, Token
    from chatlake.capture.fetch import Fetched
    from chatlake.documents.document import Document


@dataclass(frozen=True, slots=True)
class LearnedAfterEnd:
    """What was learned of tokens whose chats have ended, by their kind.

    Attributes
    ----------
    connections
        ConnectionTokens whose participants get no new one.
    participants
        ParticipantTokens of chats whose end was seen in the transcript: an event that a contact
        has ended may be of a leg only.
    """

    connections: TokensAfterEnd = field(default_factory=TokensAfterEnd)
    participants: TokensAfterEnd = field(default_factory=TokensAfterEnd)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that is worth a call.

    Attributes
    ----------
    learned
        Where to note whether it opened its chat; None while that tells nothing of others.
    """

    name: str
    token: Token
    learned: TokensAfterEnd | None

    @property
    def is_last_hope(self) -> bool:
        """Whether it is a ConnectionToken of a chat that ended, whose participant gets none."""
        return self.learned is not None and self.token.kind == "connection"

    def note(self, *, opened: bool) -> None:
        """Note whether it opened its chat."""
        if self.learned is not None:
            self.learned.note(opened=opened)


def candidates(
    state: CaptureState,
    fetched: Fetched,
    known: Document,
    learned: LearnedAfterEnd,
    *,
    after_end: bool,
) -> Iterator[Candidate]:
    """Yield the tokens that are worth a call; the others are done with."""
    over = after_end and saw_end(known)
    for name, token in _unexpired(state, fetched, after_end=after_end):
        of = None
        if token.kind == "participant":
            of = learned.participants if over else None
        elif after_end and not _has_participant(state, fetched):
            of = learned.connections
        if of is None or of.is_worth_a_call():
            yield Candidate(name, token, of)
        else:
            fetched.done.add(name)


def _has_participant(state: CaptureState, fetched: Fetched) -> bool:
    """Return whether a ParticipantToken is left; an attempt before may have seen one denied."""
    return any(
        token.kind == "participant"
        for name, token in state.tokens.items()
        if name not in fetched.done
    )


def _unexpired(
    state: CaptureState, fetched: Fetched, *, after_end: bool
) -> list[tuple[str, Token]]:
    """Return the tokens that may be good, by name, in the order in which they are tried."""
    at = now_ms()
    tokens = {
        name: token
        for name, token in state.tokens.items()
        if name not in fetched.done and (token.expires_at is None or token.expires_at > at)
    }
    fetched.done |= state.tokens.keys() - tokens.keys()
    # Connections first: a ParticipantToken costs a further call. Not when the chat has ended: most
    # are dead then, and a connection that is refused costs nothing of the rate of transcripts.
    return sorted(tokens.items(), key=lambda named: named[1].kind, reverse=after_end)
