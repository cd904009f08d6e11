"""One open websocket of a participant, as the service holds it, and what it was sent."""

from __future__ import annotations

from asyncio import get_running_loop
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from websockets.asyncio.server import broadcast
from websockets.protocol import State

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Iterable

    from websockets.asyncio.server import ServerConnection

    from local.participant_service.frames import Frame
    from local.participant_service.tokens import Holder


@dataclass(slots=True)
class Push:
    """A frame that was sent.

    Attributes
    ----------
    at_ms
        When, by the clock.
    heard
        Whether a socket that it was sent to has said anything since, so that it has arrived.
    """

    at_ms: int
    frame: Frame
    heard: bool = False


@dataclass(slots=True, eq=False)
class Listener:
    """A websocket with its holder.

    Attributes
    ----------
    silent
        Whether heartbeats stay without an answer.
    delay_ms
        How late its frames are, in milliseconds of the clock.
    half_open
        Whether nothing goes through any more, though neither side has closed.
    """

    connection: ServerConnection
    holder: Holder
    silent: bool = False
    delay_ms: int = 0
    half_open: bool = False
    _unheard: list[Push] = field(default_factory=list)
    _closing: Task[None] | None = None

    @property
    def contact_id(self) -> str:
        """The chat that it is of."""
        return self.holder.chat.initial_contact_id

    @property
    def is_there(self) -> bool:
        """Whether it takes up one of its participant's places."""
        return self.connection.state is not State.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether both sides think that it is open."""
        return self.connection.state is State.OPEN

    @property
    def hears(self) -> bool:
        """Whether what is sent now goes out."""
        return self.is_open and not self.half_open

    def send(self, text: str | bytes) -> None:
        """Send something that is no frame of the chat."""
        send([self], text)

    def note(self, push: Push) -> None:
        """Note a frame that was sent."""
        self._unheard.append(push)

    def has_heard(self) -> None:
        """Note that all that was sent has arrived: the client said something after it."""
        for push in self._unheard:
            push.heard = True
        self._unheard.clear()

    def close(self) -> None:
        """Close it in order; a half-open one does not learn of it."""
        if self.hears and self._closing is None:
            self._closing = get_running_loop().create_task(self.connection.close())

    def cut(self) -> None:
        """Break the connection."""
        self.connection.transport.abort()

    def become_half_open(self) -> None:
        """Neither read nor write any more."""
        self.half_open = True
        self.connection.transport.pause_reading()


def send(listeners: Iterable[Listener], text: str | bytes) -> None:
    """Send one message to all who hear, without waiting for any."""
    broadcast([listener.connection for listener in listeners if listener.hears], text)
