"""The tokens that were given out, whose they are and whether they still open anything."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from local.participant_service.behaviour import Behaviour
from local.scripted.chat import Chat
from local.scripted.items import Participant

_TOKEN_BYTES = 300  # 400 characters, as long as the service's own


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a token belongs to; ``until_ms`` is when a ConnectionToken expires."""

    chat: Chat
    participant: Participant
    until_ms: int | None = None


class Tokens:
    """The tokens of one instance. They are random, so that nothing can be read from one."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._participants: dict[str, Holder] = {}
        self._connections: dict[str, Holder] = {}
        self._by_participant: dict[str, str] = {}

    def of_participant(self, chat: Chat, participant: Participant) -> str:
        """Return the ParticipantToken, which is the same each time."""
        token = self._by_participant.get(participant.participant_id)
        if token is None:
            token = secrets.token_urlsafe(_TOKEN_BYTES)
            self._by_participant[participant.participant_id] = token
            self._participants[token] = Holder(chat, participant)
        return token

    def of_connection(self, holder: Holder, now_ms: int) -> tuple[str, int]:
        """Return a new ConnectionToken and when it expires; those before stay as they are."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        until_ms = now_ms + int(self._behaviour.connection_token_s * 1000)
        self._connections[token] = Holder(holder.chat, holder.participant, until_ms)
        return token, until_ms

    def participant(self, token: str) -> Holder | None:
        """Return the holder of a ParticipantToken, be it alive or not."""
        return self._participants.get(token)

    def connection(self, token: str) -> Holder | None:
        """Return the holder of a ConnectionToken, be it alive or not."""
        return self._connections.get(token)

    def opens(self, holder: Holder, now_ms: int) -> bool:
        """Whether a holder's token still opens the transcript."""
        if holder.until_ms is not None and now_ms >= holder.until_ms:
            return False
        return self._behaviour.tokens_outlive_chat or now_ms < end_ms(holder)


def end_ms(holder: Holder) -> int:
    """Return when the participant is no longer part of the chat.

    The scripted customer leaves some milliseconds before the last leg ends; the service ends the
    chat with that, so the customer's token lives until the chat's end.
    """
    if holder.participant.role == "CUSTOMER":
        return holder.chat.ended_ms
    return min(holder.participant.left_ms, holder.chat.ended_ms)
