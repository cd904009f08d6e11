"""Which chat a capture state belongs to, and how it gets there if that is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.capture.capture_state import Token
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.capture_state import CaptureState


def owner_of(state: CaptureState, services: CaptureServices) -> str:
    """Return the chat that a state belongs to: its own, unless that turned out to be a leg."""
    chat = state.initial_contact_id
    named = {event.initial_contact_id for event in state.events.values() if not event.provisional}
    # Connect itself says so: nobody is asked.
    return chat if chat in named else services.chats.legs.initial_contacts([chat]).get(chat, chat)


def move_to(owner: str, state: CaptureState, services: CaptureServices) -> None:
    """Move a capture state to the chat that its contact turned out to be a leg of."""
    for token in state.tokens.values():
        secret = services.token_cipher.open(token.sealed, state.initial_contact_id)
        moved = Token(token.kind, services.token_cipher.seal(secret, owner), token.expires_at)
        services.schedule.add_token(owner, moved, due_at=now_ms())
    services.schedule.move(state, owner, due_at=now_ms())
