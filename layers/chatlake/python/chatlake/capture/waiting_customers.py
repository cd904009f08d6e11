"""The customers of all live chats who wait, as they were when each chat was last read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chatlake.capture.customer_waits import customer_waits

if TYPE_CHECKING:
    from chatlake.capture.customer_waits import CustomerWait, Kind
    from chatlake.capture.message_waiting import MessageWaitingEvents
    from chatlake.documents.document import Document


class WaitingCustomers:
    """What capture's process knows; one thread may use it.

    Parameters
    ----------
    events
        Sends an event of each wait that is too long; None if nobody wants any.
    """

    def __init__(self, events: MessageWaitingEvents | None = None) -> None:
        self._events = events
        self._waits: dict[str, tuple[CustomerWait, ...]] = {}

    def on_read(self, chat: str, document: Document) -> None:
        """Take a live chat that was read."""
        self._waits[chat] = customer_waits(document)
        if self._events is not None:
            self._events.tell(document, self._waits[chat])

    def on_still(self, chat: str, document: Document, until_ms: int) -> None:
        """Take that nothing has come of a live chat until a moment, in epoch ms, but was read."""
        waits = self._waits.get(chat)
        if waits:
            self._waits[chat] = tuple(
                replace(wait, seen_at_ms=max(wait.seen_at_ms, until_ms)) for wait in waits
            )
            if self._events is not None:
                self._events.tell(document, self._waits[chat])

    def on_gone(self, chat: str) -> None:
        """Forget a chat that is not live any more."""
        self._waits.pop(chat, None)
        if self._events is not None:
            self._events.on_gone(chat)

    def clear(self) -> None:
        """Forget all chats: another process may have read them since."""
        for chat in list(self._waits):
            self.on_gone(chat)

    def flush(self) -> None:
        """Wait for some seconds, if need be, until events that are due are sent."""
        if self._events is not None:
            self._events.flush()

    def longest_s(self, kind: Kind) -> float:
        """Return the longest wait of a kind in seconds; 0 if nobody waits."""
        waited_ms = (
            wait.waited_ms for waits in self._waits.values() for wait in waits if wait.kind == kind
        )
        return max(0, *waited_ms, 0) / 1000
