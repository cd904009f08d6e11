"""Tokens that are given: by whoever starts chats, and by StartChatContact's answer to a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chatlake.capture.capture_state import Token
from chatlake.capture.schedule import FIRST_SNAPSHOT_AFTER_MS
from chatlake.exceptions import ChatErased, RejectedInput
from chatlake.identifiers import text_id
from chatlake.timestamps import microseconds, now_ms, parse_timestamp

if TYPE_CHECKING:
    from chatlake.capture.chat_resolver import ChatResolver
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.capture.token_cipher import TokenCipher
    from chatlake.json_codec import JsonObject

_MOST_ID = 256
MOST_TOKEN = 1000
"""The longest token that Connect gives, in characters."""
_KINDS: dict[str, Literal["participant", "connection"]] = {
    "ParticipantToken": "participant",
    "ConnectionToken": "connection",
}


@dataclass(frozen=True, slots=True)
class TokenKeeper:
    """Seals tokens, and notes them for capture."""

    schedule: CaptureSchedule
    token_cipher: TokenCipher

    def keep(
        self,
        chat: str,
        kind: Literal["participant", "connection"],
        secret: str,
        *,
        expires_at: int | None = None,
    ) -> None:
        """Seal a token of a chat and note it; `expires_at` is in milliseconds since 1970."""
        token = Token(kind, self.token_cipher.seal(secret, chat), expires_at)
        self.schedule.add_token(chat, token, due_at=now_ms() + FIRST_SNAPSHOT_AFTER_MS)


def register(body: JsonObject, resolver: ChatResolver, keeper: TokenKeeper) -> str:
    """Take a token of a chat that something else started; return the chat.

    Parameters
    ----------
    body
        ``ContactId`` and either ``ParticipantToken`` or ``ConnectionToken``; with the latter
        ``Expiry`` (RFC 3339), as CreateParticipantConnection gave it.

    Raises
    ------
    RejectedInput
        Something is missing or not as it should be; its message names the member, not the value.
    ChatErased
        The chat was erased.
    """
    contact_id = text_id(body.get("ContactId"))
    if contact_id is None or len(contact_id) > _MOST_ID:
        message = "ContactId must be the id of a contact of the chat"
        raise RejectedInput(message)
    given = [name for name in _KINDS if body.get(name) is not None]
    if len(given) != 1:
        message = "one of ParticipantToken and ConnectionToken must be given"
        raise RejectedInput(message)
    [name] = given
    secret = body[name]
    if not isinstance(secret, str) or not 0 < len(secret) <= MOST_TOKEN:
        message = f"{name} must be a text of 1 to {MOST_TOKEN} characters"
        raise RejectedInput(message)
    expiry = parse_timestamp(body.get("Expiry"))
    if body.get("Expiry") is not None and expiry is None:
        message = "Expiry must be a time such as 2026-11-22T17:00:00Z"
        raise RejectedInput(message)
    chat = resolver.resolve(contact_id)
    if chat is None:
        message = f"the chat of contact {contact_id} was erased"
        raise ChatErased(message)
    expires_at = None if expiry is None else microseconds(expiry) // 1000
    keeper.keep(chat, _KINDS[name], secret, expires_at=expires_at)
    return chat
