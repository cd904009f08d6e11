"""What the websockets of a process are to whoever listens to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chatlake.capture.sockets import SocketEvent


class SocketPool(Protocol):
    """What holds the sockets: `Sockets` is one."""

    @property
    def has_room(self) -> bool:
        """Whether another chat's can be opened."""

    def open(self, chat: str, url: str) -> bool:
        """Begin to open one; a second of a chat is to take the place of the first."""

    def close(self, chat: str) -> None:
        """Close a chat's; nothing further is told of it."""

    def take(self) -> list[SocketEvent]:
        """Return what has happened since the last time."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until something has happened, in seconds of the machine."""

    def observed_until(self, chat: str) -> int | None:
        """Return until when nothing can have been missed, in epoch ms; None if none is open."""
