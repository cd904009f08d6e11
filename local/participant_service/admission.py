"""Who may open a websocket: tickets, participants that are there, and how many each may have."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from local.participant_service.tokens import end_ms

if TYPE_CHECKING:
    from local.clock import Clock
    from local.participant_service.behaviour import Behaviour
    from local.participant_service.endings import Endings
    from local.participant_service.listeners import Listener
    from local.participant_service.tickets import Tickets
    from local.participant_service.tokens import Holder

MOST_OF_A_PARTICIPANT = 5
PATH = "/participant/websocket"
FORBIDDEN = 403
NOT_FOUND = 404
TOO_MANY = 429


class Admission:
    """Decides about handshakes, in the thread of the event loop, and by the commands of others.

    Attributes
    ----------
    most_open
        How many a participant of each chat had at once, at most.
    refused
        How many handshakes were refused, by the status of the answer.
    """

    def __init__(
        self, clock: Clock, endings: Endings, tickets: Tickets, behaviour: Behaviour
    ) -> None:
        self.most_open = Counter[str]()
        self.refused = Counter[int]()
        self._clock = clock
        self._endings = endings
        self._tickets = tickets
        self._behaviour = behaviour
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._refusing: dict[str | None, int] = {}
        self._gone: set[str] = set()

    def admit(self, target: str) -> Holder | int:
        """Return whom the target of a request lets in, or the status of its refusal."""
        path, _, ticket = target.partition("?")
        holder = self._tickets.holder(ticket)
        status = NOT_FOUND if path != PATH else self._status(holder)
        if holder is None or status is not None:
            status = status or FORBIDDEN
            self.refused[status] += 1
            return status
        self._tickets.use(ticket)
        return holder

    def enter(self, listener: Listener) -> None:
        """Let a socket take up one of its participant's places."""
        listeners = self._listeners[listener.holder.participant.participant_id]
        listeners.append(listener)
        contact = listener.contact_id
        self.most_open[contact] = max(self.most_open[contact], len(listeners))

    def leave(self, contact: str) -> None:
        """Let the customer of a chat be gone before its time."""
        self._gone.add(contact)

    def refuse(self, contact: str | None, status: int) -> None:
        """Refuse handshakes, of one chat or of all."""
        self._refusing[contact] = status

    def accept(self, contact: str | None) -> None:
        """Refuse no more what was refused by command."""
        self._refusing.pop(contact, None)

    def _status(self, holder: Holder | None) -> int | None:
        """Return why a holder is not let in."""
        if holder is None or not self._behaviour.websockets:
            return FORBIDDEN
        contact = holder.chat.initial_contact_id
        for refusing in (contact, None):
            if refusing in self._refusing:
                return self._refusing[refusing]
        is_gone = contact in self._gone and holder.participant.role == "CUSTOMER"
        if is_gone or end_ms(holder) <= self._endings.as_of(holder.chat, self._clock.now_ms()):
            return FORBIDDEN
        listeners = self._listeners[holder.participant.participant_id]
        # Those that are closed have left, also those whose client gave up during the handshake.
        listeners[:] = [listener for listener in listeners if listener.is_there]
        return TOO_MANY if len(listeners) >= MOST_OF_A_PARTICIPANT else None
